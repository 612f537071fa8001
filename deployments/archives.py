"""Reads the files of an uploaded archive, zip or tar.gz, in memory; what could leave its folder or fill ours is refused. Pure."""

import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

MEGABYTE = 1024 * 1024
LONGEST_NAME = 500
CHUNK = 64 * 1024
CENTRAL_HEADER = b"PK\x01\x02"  # one for each entry of a zip
DRIVE = re.compile(r"[A-Za-z]:")
BROKEN = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, ValueError, RuntimeError, OverflowError, LookupError),
)


class BadArchive(Exception):
    """The archive cannot be used. The message is a sentence shown to the user as it is."""


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold; all of it is counted while it is unpacked, whatever its headers say."""

    total: int = 50 * MEGABYTE
    single: int = 10 * MEGABYTE
    entries: int = 5_000
    ratio: int = 400  # unpacked to packed, of what is bigger than a megabyte


def read_archive(content: bytes, name: str, limits: Limits | None = None) -> dict[str, bytes]:
    """The files by path, "base/web.yaml". `name` is the archive's own, for sentences. Raises BadArchive."""
    limits = limits or Limits()
    if content.startswith(b"\x1f\x8b"):
        entries = _tar_entries(content, name, limits)
    elif content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        entries = _zip_entries(content, name, limits)
    else:
        raise BadArchive(f"{name} is neither a zip nor a tar.gz. Pack the templates as one of these.")
    files: dict[str, bytes] = {}
    try:
        for path, file_bytes in entries:
            if path in files:
                raise BadArchive(f"{name} holds {path} twice. Pack it again with each file once.")
            files[path] = file_bytes
    except BROKEN as error:
        raise BadArchive(f"{name} is damaged and cannot be unpacked. Pack and upload it again.") from error
    _check_folders(files, name)
    if not files:
        raise BadArchive(f"{name} holds no files. Pack the templates and upload it again.")
    return files


def _zip_entries(content: bytes, name: str, limits: Limits) -> Iterator[tuple[str, bytes]]:
    if content.count(CENTRAL_HEADER) > 4 * limits.entries:  # before each becomes an object; archives inside it may count too
        raise _too_many(name, limits)
    budget = _Budget(name, limits)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            path = _checked_path(_zip_name(entry), name)
            budget.count_entry()
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _no_plain_file(path, name)
            if entry.is_dir():
                continue
            if entry.flag_bits & 0x1:
                raise BadArchive(f"{path} in {name} is encrypted. Pack the templates without a password.")
            yield path, _unpacked(archive, entry, path, budget)


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """As it was packed: the library cuts names at a zero byte; many programs write UTF-8 and do not say so."""
    written = entry.orig_filename
    if entry.flag_bits & 0x800:
        return written
    try:
        return written.encode("cp437").decode("utf-8")
    except UnicodeError:
        return written


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str, budget: "_Budget") -> bytes:
    try:
        opened = archive.open(entry)
    except NotImplementedError as error:
        raise BadArchive(f"{path} in {budget.name} is packed in a way that cannot be read here. Pack it again as a plain zip.") from error
    with opened:
        return budget.read(opened, path, packed=entry.compress_size)


def _tar_entries(content: bytes, name: str, limits: Limits) -> Iterator[tuple[str, bytes]]:
    budget = _Budget(name, limits)
    stream = _Bounded(io.BytesIO(content), len(content), name, limits)
    with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8") as archive:
        for member in archive:
            path = _checked_path(member.name, name)
            budget.count_entry()
            if member.isdir():
                continue
            opened = archive.extractfile(member) if member.isreg() and not member.issparse() else None
            if opened is None:
                raise _no_plain_file(path, name)
            yield path, budget.read(opened, path, packed=None)
    stream.drain()


class _Bounded(io.RawIOBase):
    """The unpacked stream of a tar.gz, headers and padding included; ends with BadArchive when it grows too far."""

    def __init__(self, packed: io.BytesIO, packed_size: int, name: str, limits: Limits) -> None:
        self._stream = gzip.GzipFile(fileobj=packed)
        self._packed_size, self._name, self._limits = packed_size, name, limits
        self._seen = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(CHUNK if size < 0 else min(size, MEGABYTE))
        self._seen += len(block)
        if self._seen > self._limits.total + self._limits.entries * 2 * tarfile.BLOCKSIZE + MEGABYTE:
            raise _too_big(self._name, self._limits)
        _check_ratio(self._seen, self._packed_size, self._name, self._name, self._limits)
        return block

    def drain(self) -> None:
        """Read what is left: its checksum is at the end."""
        while self.read(CHUNK):
            pass


class _Budget:
    """Counts while it is unpacked."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name, self._limits = name, limits
        self._total = self._entries = 0

    def count_entry(self) -> None:
        self._entries += 1
        if self._entries > self._limits.entries:
            raise _too_many(self.name, self._limits)

    def read(self, opened: IO[bytes], path: str, *, packed: int | None) -> bytes:
        """All of one file. Raises BadArchive as soon as it is too much."""
        blocks = []
        size = 0
        while block := opened.read(CHUNK):
            size += len(block)
            if size > self._limits.single:
                raise BadArchive(f"{path} in {self.name} is bigger than {self._limits.single // MEGABYTE} MB unpacked. Leave it out.")
            if self._total + size > self._limits.total:
                raise _too_big(self.name, self._limits)
            if packed is not None:
                _check_ratio(size, packed, path, self.name, self._limits)
            blocks.append(block)
        self._total += size
        return b"".join(blocks)


def _checked_path(written: str, name: str) -> str:
    """The path inside the archive, without "./"."""
    shown = written[:100].encode("utf-8", "replace").decode()
    if "\\" in written or DRIVE.match(written) or written.startswith("/"):
        raise BadArchive(f"{name} holds {shown}, which is not a path inside it. Pack it again from inside its folder, with forward slashes.")
    parts = [part for part in written.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BadArchive(f"{name} holds {shown}, which leaves the archive. Pack it again from inside its folder.")
    if any(part.lower() == ".git" for part in parts):
        raise BadArchive(f"{name} holds {shown}: Git keeps its own files there. Pack it again without .git.")
    path = "/".join(parts)
    is_text = shown == written[:100] and all(character.isprintable() or character == " " for character in written)
    if not is_text or len(path) > LONGEST_NAME:
        raise BadArchive(f"{name} holds a file whose name cannot be used: {shown!a}. Give it a shorter name of letters that can be seen.")
    return path


def _check_folders(files: dict[str, bytes], name: str) -> None:
    """A file cannot be a folder too."""
    for path in files:
        parts = path.split("/")
        for count in range(1, len(parts)):
            if (folder := "/".join(parts[:count])) in files:
                raise BadArchive(f"{name} holds {folder} as a file and as a folder. Pack it again with one of them.")
    if "" in files:
        raise BadArchive(f"{name} holds a file without a name. Pack it again.")


def _check_ratio(unpacked: int, packed: int, what: str, name: str, limits: Limits) -> None:
    if unpacked > MEGABYTE and unpacked > packed * limits.ratio:
        where = name if what == name else f"{what} in {name}"
        raise BadArchive(f"{where} grows to more than {limits.ratio} times its size when it is unpacked, so it was not. Templates do not; check the archive.")


def _no_plain_file(path: str, name: str) -> BadArchive:
    return BadArchive(f"{path} in {name} is a link, a device or another special file. Pack it again with plain files only.")


def _too_many(name: str, limits: Limits) -> BadArchive:
    return BadArchive(f"{name} holds more than {limits.entries:,} entries. Pack the templates only.")


def _too_big(name: str, limits: Limits) -> BadArchive:
    return BadArchive(f"{name} holds more than {limits.total // MEGABYTE} MB unpacked. Pack the templates only.")
