"""Paths in repositories: POSIX, relative to the root, never out of it. Pure."""

import posixpath


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


def is_below(path: str, folder: str) -> bool:
    """Is the file in the folder, at any depth? Both normalised."""
    return not folder or path.startswith(folder + "/")
