"""What an uploaded archive may hold, and with which sentence the rest is refused."""

import contextlib
import random
import stat
import struct
import tarfile
import zipfile
import zlib

import pytest

from deployments.archives import MEGABYTE, BadArchive, Limits, read_archive
from tests.deployments.templates import tar_of, zip_of

PACKERS = pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar.gz"])
SMALL = Limits(total=3 * MEGABYTE, single=2 * MEGABYTE, entries=10)


def refusal(content, limits=None):
    with pytest.raises(BadArchive) as refused:
        read_archive(content, "shop.zip", limits)
    return str(refused.value)


@PACKERS
def test_read_archive_gives_files_by_path(pack):
    content = pack([("./base/web.yaml", b"a: 1\r\n"), ("base/deep/er/\u00e9.bin", b"\x00\xff"), ("empty", b"")])

    assert read_archive(content, "shop") == {"base/web.yaml": b"a: 1\r\n", "base/deep/er/\u00e9.bin": b"\x00\xff", "empty": b""}


@PACKERS
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("../web.yaml", "shop.zip holds ../web.yaml, which leaves the archive."),
        ("a/../../web.yaml", "shop.zip holds a/../../web.yaml, which leaves the archive."),
        ("a/..", "shop.zip holds a/.., which leaves the archive."),
        ("/etc/passwd", "shop.zip holds /etc/passwd, which is not a path inside it."),
        ("C:/web.yaml", "shop.zip holds C:/web.yaml, which is not a path inside it."),
        ("..\\web.yaml", "shop.zip holds ..\\web.yaml, which is not a path inside it."),
        (".git/hooks/post-checkout", "shop.zip holds .git/hooks/post-checkout: Git keeps its own files there."),
        ("a/.GIT/config", "shop.zip holds a/.GIT/config: Git keeps its own files there."),
        ("a\nb", "shop.zip holds a file whose name cannot be used: 'a\\nb'."),
        ("a" * 600, "shop.zip holds a file whose name cannot be used: "),
    ],
)
def test_read_archive_refuses_names_that_are_no_path_inside(pack, name, sentence):
    assert refusal(pack([("ok.yaml", b""), (name, b"x")])).startswith(sentence)


@PACKERS
def test_read_archive_refuses_files_that_are_there_twice_or_folders_too(pack):
    with pytest.warns(UserWarning, match="Duplicate name") if pack is zip_of else contextlib.nullcontext():
        twice = pack([("a.yaml", b"1"), ("./a.yaml", b"2"), ("a.yaml", b"3")])

    assert refusal(twice) == "shop.zip holds a.yaml twice. Pack it again with each file once."
    assert refusal(pack([("a", b"1"), ("a/b", b"2")])) == "shop.zip holds a as a file and as a folder. Pack it again with one of them."


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_read_archive_refuses_links_and_devices_of_a_tar(kind):
    member = tarfile.TarInfo("link.yaml")
    member.type, member.linkname = kind, "/etc/passwd"

    assert refusal(tar_of([("ok.yaml", b""), (member, b"")])).startswith("link.yaml in shop.zip is a link, a device or another special file.")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_read_archive_refuses_links_and_devices_of_a_zip(kind):
    entry = zipfile.ZipInfo("link.yaml")
    entry.external_attr = (kind | 0o777) << 16

    assert refusal(zip_of([(entry, b"/etc/passwd")])).startswith("link.yaml in shop.zip is a link, a device or another special file.")


@PACKERS
def test_read_archive_stops_at_a_gigabyte_of_zeros(pack):
    content = _zeros(pack)

    assert len(content) < 2 * MEGABYTE
    assert "zeros.yaml in shop.zip is bigger than 10 MB unpacked" in refusal(content)
    assert "grows to more than 400 times its size" in refusal(pack([("zeros.yaml", bytes(9 * MEGABYTE))]))


@PACKERS
def test_read_archive_counts_what_is_unpacked(pack):
    noise = random.Random(1).randbytes(1_500_000)

    assert "one.bin in shop.zip is bigger than 2 MB unpacked" in refusal(pack([("one.bin", noise * 2)]), SMALL)
    assert "holds more than 3 MB unpacked" in refusal(pack([(f"{n}.bin", noise) for n in range(3)]), SMALL)
    assert "holds more than 10 entries" in refusal(pack([(f"{n}.yaml", b"") for n in range(11)]), SMALL)


def test_read_archive_refuses_an_encrypted_zip():
    content = bytearray(zip_of([("web.yaml", b"secret")]))
    content[6] |= 1  # the flag in the file's own header, and in the directory at the end
    content[content.index(b"PK\x01\x02") + 8] |= 1

    assert refusal(bytes(content)) == "web.yaml in shop.zip is encrypted. Pack the templates without a password."


@PACKERS
def test_read_archive_refuses_what_is_damaged_or_empty(pack):
    content = pack([("web.yaml", random.Random(2).randbytes(2000))])

    assert "is damaged" in refusal(content[: len(content) // 2])
    assert "is damaged" in refusal(content[:200] + bytes(20) + content[220:])
    assert refusal(pack([])) == "shop.zip holds no files. Pack the templates and upload it again."
    assert "is neither a zip nor a tar.gz" in refusal(b"kind: ConfigMap\n")
    assert "is neither a zip nor a tar.gz" in refusal(b"")


@PACKERS
def test_read_archive_answers_to_any_damage_with_its_own_error(pack):
    content = pack([("base/web.yaml", b"a: 1\n" * 50), ("b.yaml", b"b: 2\n")])
    source = random.Random(3)
    for _ in range(300):
        broken = bytearray(content)
        for _ in range(source.randint(1, 4)):
            broken[source.randrange(len(broken))] = source.randrange(256)
        with contextlib.suppress(BadArchive):
            read_archive(bytes(broken), "shop.zip")


def _zeros(pack):
    """A gigabyte, packed: one piece is, and its packed form is repeated. The reader never comes to the checksums."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    pieces = (packer.compress(bytes(4 * MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)) * 256
    if pack is tar_of:
        member = tarfile.TarInfo("zeros.yaml")
        member.size = 1024 * MEGABYTE
        head = packer.compress(member.tobuf()) + packer.flush(zlib.Z_FULL_FLUSH)
        return b"\x1f\x8b\x08" + bytes(7) + head + pieces
    name = b"zeros.yaml"
    fields = struct.pack("<HHHHLLL", 0, zipfile.ZIP_DEFLATED, 0, 0x21, 0, len(pieces), 1024 * MEGABYTE)
    local = b"PK\x03\x04\x14\x00" + fields + struct.pack("<HH", len(name), 0) + name + pieces
    central = b"PK\x01\x02\x14\x00\x14\x00" + fields + struct.pack("<HHHHHLL", len(name), 0, 0, 0, 0, 0, 0) + name
    return local + central + b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(central), len(local), 0)
