"""Reads files of commits from a bare clone: one git process for as many files as are wanted."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from deployments.git.commands import Commands
from deployments.git.errors import BadPath, GitError
from deployments.git.remote import FULL_SHA

PATHS_PER_CALL = 2000  # keeps a command line well below the system's limit
PLAIN_FILES = ("100644", "100755")


@dataclass(frozen=True)
class Entry:
    """What a commit has at a path."""

    mode: str  # "100644", "100755"; "120000" for a symbolic link, "040000" for a folder, "160000" for a submodule
    blob: str

    @property
    def is_plain_file(self) -> bool:
        return self.mode in PLAIN_FILES


class Reader:
    """The files of one commit. What was looked up once is not asked for again."""

    def __init__(self, commands: Commands, sha: str) -> None:
        self.sha = check_sha(sha)
        self._commands = commands
        self._entries: dict[str, Entry | None] = {}

    def read_files(self, paths: Iterable[str]) -> dict[str, bytes | None]:
        """The bytes by path as it was given; None for what is not there or is no plain file."""
        wanted = {path: clean_path(path) for path in paths}
        entries = self.entries(wanted.values())
        blobs = {entry.blob for entry in entries.values() if entry is not None and entry.is_plain_file}
        contents = read_objects(self._commands, sorted(blobs))
        return {path: self._content(entries[clean], contents) for path, clean in wanted.items()}

    def read_file(self, path: str) -> bytes | None:
        """None when it is not there or is no plain file."""
        return self.read_files([path])[path]

    def list_tree(self, under: str = "") -> list[str]:
        """The plain files below a folder (or the file itself), sorted; no symbolic links, no submodules. "" is the root."""
        folder = clean_path(under)
        out = self._commands.answer(["ls-tree", "-r", "-z", "--full-tree", self.sha, "--", *([folder] if folder else [])])
        found = _parse_tree(out)
        self._entries |= found
        return sorted(path for path, entry in found.items() if entry.is_plain_file)

    def entries(self, paths: Iterable[str]) -> dict[str, Entry | None]:
        """What is at each (clean) path; None for nothing."""
        wanted = list(dict.fromkeys(paths))
        missing = iter([path for path in wanted if path not in self._entries])
        while batch := list(islice(missing, PATHS_PER_CALL)):
            found = _parse_tree(self._commands.answer(["ls-tree", "-z", "--full-tree", self.sha, "--", *batch]))
            self._entries |= {path: found.get(path) for path in batch}
        return {path: self._entries[path] for path in wanted}

    @staticmethod
    def _content(entry: Entry | None, contents: dict[str, bytes | None]) -> bytes | None:
        return contents[entry.blob] if entry is not None and entry.is_plain_file else None


def read_many(commands: Commands, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes | None]:
    """Read (commit, path) pairs, all in one process; None for what is not there.

    A symbolic link reads as the text it points to: ask a Reader where that matters.
    """
    names = {}
    for sha, path in dict.fromkeys(pairs):
        names[(sha, path)] = f"{check_sha(sha)}:{clean_path(path)}"
    contents = read_objects(commands, list(names.values()))
    return {pair: contents[name] for pair, name in names.items()}


def read_objects(commands: Commands, names: Sequence[str]) -> dict[str, bytes | None]:
    """The blobs by name ("<blob>" or "<commit>:<path>"); None for a name that is no blob."""
    if not names:
        return {}
    out = commands.answer(["cat-file", "--batch", "--buffer"], feed="".join(f"{name}\n" for name in names).encode(errors="surrogateescape"))
    contents: dict[str, bytes | None] = {}
    at = 0
    for name in names:
        end = out.find(b"\n", at)
        if end < 0:
            raise GitError(f"Git stopped in the middle of reading the copy of {commands.address}.")
        header = out[at:end].split(b" ")
        at = end + 1
        if len(header) != 3 or len(header[0]) != 40 or not header[2].isdigit():
            contents[name] = None  # "<name> missing"
            continue
        size = int(header[2])
        contents[name] = out[at : at + size] if header[1] == b"blob" else None
        at += size + 1
    return contents


def check_sha(sha: str) -> str:
    """Raises GitError for what is no full commit id, so that it can never be read as an option."""
    if not FULL_SHA.fullmatch(sha):
        raise GitError(f"“{sha[:60]}” is not a commit's full id.")
    return sha.lower()


def clean_path(path: str) -> str:
    """The path from the repository's root, "apps/shop/values.yaml"; "" for the root itself.

    Raises BadPath when it leaves the repository.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or any(part.lower() == ".git" for part in parts) or re.search(r"[\x00\n\r]", path):
        raise BadPath(
            f"The path “{path!a}” leaves the repository or cannot be used; write it from the repository's root.".replace("“'", "“").replace("'”", "”")
        )
    return "/".join(parts)


def _parse_tree(out: bytes) -> dict[str, Entry]:
    found = {}
    for line in out.split(b"\0"):
        head, _, path = line.partition(b"\t")
        parts = head.decode().split(" ")
        if len(parts) == 3:
            found[path.decode(errors="surrogateescape")] = Entry(parts[0], parts[2])
    return found
