"""Paths in repositories: POSIX, relative to the root, never out of it. Pure."""

import posixpath
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator


def normalise(path: str) -> str | None:
    """The path from the repository's root: "" is the root itself; None when it leaves the repository or cannot be a path.

    A leading slash means the root: "/a/./b/../c" is "a/c".
    """
    if "\x00" in path or "\\" in path:
        return None
    clean = posixpath.normpath(path.lstrip("/") or ".")
    if clean == ".." or clean.startswith("../"):
        return None
    return "" if clean == "." else clean


def join(folder: str, path: str) -> str | None:
    """`path` as seen from `folder`; with a leading slash, from the root. None when it leaves the repository."""
    return normalise(path if path.startswith("/") else f"{folder}/{path}")


class Tree(Collection[str]):
    """The paths of a repository at a commit, sorted once, so that many sources can ask for theirs."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._sorted = sorted(paths)
        self._paths = frozenset(self._sorted)

    @classmethod
    def of(cls, paths: Iterable[str]) -> "Tree":
        """The paths as a tree; a tree is one already."""
        return paths if isinstance(paths, cls) else cls(paths)

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._sorted)

    def __len__(self) -> int:
        return len(self._sorted)

    def below(self, folder: str) -> list[str]:
        """The paths in a normalised folder, at any depth."""
        if not folder:
            return self._sorted
        # "0" follows "/": every path that begins with "folder/" stands between the two.
        return self._sorted[bisect_left(self._sorted, f"{folder}/") : bisect_left(self._sorted, f"{folder}0")]
