"""Is our change present in these files? Judged by names, not positions. Pure.

intact: as we wrote them, byte for byte; unrelated: changed since, but not what we wrote; overwritten, restructured, missing_file: drift.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployments.manifests.images import DOCKER_HUB, parse_cached
from deployments.manifests.locate import locate
from deployments.manifests.records import FileRecord, Form, Place, sha256_of


class Verdict(StrEnum):
    """What became of our change, from best to worst."""

    INTACT = "intact"
    UNRELATED = "unrelated"
    RESTRUCTURED = "restructured"
    OVERWRITTEN = "overwritten"
    MISSING_FILE = "missing_file"


DELETED = "no file"  # what is expected where we deleted one
_ORDER = {verdict: n for n, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class Difference:
    """One place (or file) where our change is not as we wrote it."""

    verdict: Verdict
    file: str
    place: str  # "" for a whole file
    expected: str
    found: str  # "" when nothing is there
    sentence: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The verdict over all records, told by the worst difference; `differences` lists them all."""

    verdict: Verdict
    file: str = ""
    place: str = ""
    expected: str = ""
    found: str = ""
    sentence: str = ""
    differences: tuple[Difference, ...] = ()

    @property
    def is_present(self) -> bool:
        """Is our change there?"""
        return self.verdict in (Verdict.INTACT, Verdict.UNRELATED)


def compare(files_at_revision: Mapping[str, str | bytes | None], records: Sequence[FileRecord]) -> Comparison:
    """Look for what the records say in the files of a revision; a file that is None or absent is gone."""
    differences: list[Difference] = []
    is_unrelated = False
    for record in records:
        content = files_at_revision.get(record.path)
        if record.is_deleted:
            differences += [] if content is None else [_is_back(record)]
        elif content is None:
            differences.append(_missing(record))
        elif not record.sha256 or sha256_of(content) != record.sha256:
            found = _compare_file(content, record)
            differences += found
            is_unrelated = is_unrelated or not found
    if not differences:
        return Comparison(Verdict.UNRELATED if is_unrelated else Verdict.INTACT)
    worst = max(differences, key=lambda each: _ORDER[each.verdict])
    return Comparison(worst.verdict, worst.file, worst.place, worst.expected, worst.found, worst.sentence, tuple(differences))


def _missing(record: FileRecord) -> Difference:
    first = record.places[0] if record.places else None
    place, expected = (str(first), first.expected) if first else ("", "")
    return Difference(Verdict.MISSING_FILE, record.path, place, expected, "", f"{record.path} is gone.")


def _digest(sha256: str) -> str:
    """As a page shows it."""
    return f"SHA-256 {sha256[:12]}"


def _is_back(record: FileRecord) -> Difference:
    return Difference(Verdict.OVERWRITTEN, record.path, "", DELETED, "a file", f"{record.path} is back; we deleted it.")


def _compare_file(content: str | bytes, record: FileRecord) -> list[Difference]:
    if not record.places:
        return [Difference(Verdict.OVERWRITTEN, record.path, "", _digest(record.sha256), _digest(sha256_of(content)), f"{record.path} is not as we wrote it.")]
    text = _decoded(content)
    if text is None:
        return [_gone(record.path, place, "it is not a text any more") for place in record.places]
    found, is_whole = locate(text, record.places)
    by_identity: dict[Place, list[Place]] = {}
    for each in found:
        by_identity.setdefault(each.identity, []).append(each)
    differences = []
    for place in record.places:
        difference = _compare_place(record.path, place, by_identity, is_whole)
        if difference is not None:
            differences.append(difference)
    return differences


def _decoded(content: str | bytes) -> str | None:
    if isinstance(content, str):
        return content
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _compare_place(path: str, place: Place, by_identity: dict[Place, list[Place]], is_whole: bool) -> Difference | None:
    """Of several places with the same names, each stands for one of the records that name them."""
    there = by_identity.get(place.identity) or _without_namespace(place, by_identity)
    if not there:
        return _gone(path, place, "" if is_whole else "part of it does not parse")
    ours = next((n for n, found in enumerate(there) if _is_same(place, found)), None)
    if ours is not None:
        there.pop(ours)
        return None
    found = _shown(there[0])
    expected = _shown(place)
    return Difference(Verdict.OVERWRITTEN, path, str(place), expected, found, f"{path}, {place}, has {found or 'no image'}, we wrote {expected}.")


def _without_namespace(place: Place, by_identity: dict[Place, list[Place]]) -> list[Place]:
    """A namespace that was spelled out, or left out, since is the same object."""
    wanted = place.identity
    for identity, found in by_identity.items():
        if identity.name == wanted.name and (not identity.namespace or not wanted.namespace) and _bare(identity) == _bare(wanted):
            return found
    return []


def _bare(place: Place) -> tuple[str, ...]:
    return (place.form, place.api_version, place.kind, place.name, place.container_list, place.container, place.entry, place.path)


def _gone(path: str, place: Place, why: str) -> Difference:
    sentence = f"{path} no longer has {place}, where we wrote {place.expected}{f': {why}' if why else ''}."
    return Difference(Verdict.RESTRUCTURED, path, str(place), place.expected, "", sentence)


def _shown(place: Place) -> str:
    return f"{place.image}:{place.expected}" if place.image else place.expected


def _is_same(ours: Place, found: Place) -> bool:
    """The same value, whatever its quoting or the spelling of its registry."""
    if ours.form is Form.IMAGE_ENTRY:
        return ours.expected == found.expected and (ours.image == found.image or _same_reference(ours.image, found.image))
    return ours.expected == found.expected or _same_reference(ours.expected, found.expected)


def _same_reference(ours: str, found: str) -> bool:
    """An unqualified image is never the same as a qualified one: whose it is depends on the cluster."""
    one, other = parse_cached(ours, DOCKER_HUB), parse_cached(found, DOCKER_HUB)
    if one is None or other is None or bool(one.registry) != bool(other.registry) or (":" not in ours and "/" not in ours):
        return False
    return one.same_image(other) and (one.tag, one.digest) == (other.tag, other.digest)
