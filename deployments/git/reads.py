"""The files of commits in a bare clone."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deployments.git.commands import Commands
from deployments.git.errors import BadPath, GitError
from deployments.git.objects import ObjectStream, StoredObject, read_blobs
from deployments.git.remote import FULL_SHA

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
    """The files of one commit, for one thread. Folders are looked up once."""

    def __init__(self, commands: Commands, sha: str) -> None:
        self.sha = check_sha(sha)
        self._commands = commands
        self._folders: dict[str, dict[str, Entry]] = {}
        self._stream: ObjectStream | None = None

    def read_files(self, paths: Iterable[str]) -> dict[str, bytes | None]:
        """The bytes by path as it was given; None for what is not there or is no plain file."""
        wanted = {path: clean_path(path) for path in paths}
        entries = self.entries(wanted.values())
        blobs = {entry.blob for entry in entries.values() if entry is not None and entry.is_plain_file}
        contents = self._objects.read(sorted(blobs)) if blobs else {}
        return {path: self._content(entries[clean], contents) for path, clean in wanted.items()}

    def read_file(self, path: str) -> bytes | None:
        """None when it is not there or is no plain file."""
        return self.read_files([path])[path]

    def list_tree(self, under: str = "") -> list[str]:
        """The plain files below a folder (or the file itself), sorted; no symbolic links, no submodules. "" is the root."""
        return [path for path, entry in self.listing(under).items() if entry.is_plain_file]

    def listing(self, under: str = "") -> dict[str, Entry]:
        """All that is below a folder (or the file itself) by path, sorted, symbolic links and submodules too; nothing is followed."""
        folder = clean_path(under)
        out = self._commands.answer(["ls-tree", "-r", "-z", "--full-tree", self.sha, "--", *([folder] if folder else [])])
        return dict(sorted(_parse_listing(out).items()))

    def entries(self, paths: Iterable[str]) -> dict[str, Entry | None]:
        """What is at each (clean) path; None for nothing."""
        places = {path: path.rpartition("/") for path in paths}
        new = sorted({folder for folder, _, _ in places.values()} - self._folders.keys())
        if new:
            trees = self._objects.read([f"{self.sha}:{folder}" for folder in new])
            for folder, tree in zip(new, trees.values(), strict=True):
                self._folders[folder] = _parse_tree(tree.content) if tree is not None and tree.kind == "tree" else {}
        return {path: self._folders[folder].get(name) for path, (folder, _, name) in places.items()}

    def close(self) -> None:
        """End the process that reads; the next reading starts another."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    @property
    def _objects(self) -> ObjectStream:
        if self._stream is None:
            self._stream = ObjectStream(self._commands)
        return self._stream

    @staticmethod
    def _content(entry: Entry | None, contents: Mapping[str, StoredObject | None]) -> bytes | None:
        if entry is None or not entry.is_plain_file:
            return None
        found = contents[entry.blob]
        return found.content if found is not None else None


def read_many(commands: Commands, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes | None]:
    """Read (commit, path) pairs, all in one process; None for what is not there.

    A symbolic link reads as the text it points to: ask a Reader where that matters.
    """
    names = {}
    for sha, path in dict.fromkeys(pairs):
        names[(sha, path)] = f"{check_sha(sha)}:{clean_path(path)}"
    contents = read_blobs(commands, list(names.values()))
    return {pair: contents[name] for pair, name in names.items()}


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


def _parse_listing(out: bytes) -> dict[str, Entry]:
    """What `git ls-tree -z` prints."""
    found = {}
    for line in out.split(b"\0"):
        head, _, path = line.partition(b"\t")
        parts = head.decode().split(" ")
        if len(parts) == 3:
            found[path.decode(errors="surrogateescape")] = Entry(parts[0], parts[2])
    return found


def _parse_tree(content: bytes) -> dict[str, Entry]:
    """The entries of one folder by name: "<mode> <name>", a zero byte, and the id as 20 bytes, again and again."""
    found = {}
    at = 0
    while at < len(content):
        end = content.index(b"\0", at)
        mode, _, name = content[at:end].partition(b" ")
        found[name.decode(errors="surrogateescape")] = Entry(mode.decode().zfill(6), content[end + 1 : end + 21].hex())
        at = end + 21
    return found
