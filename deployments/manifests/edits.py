"""Edits of a text at the position of its nodes, and the check that nothing else changed. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from yaml.nodes import MappingNode, Node, ScalarNode

from deployments.manifests.documents import STRING, Document, is_null, parse_documents

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@+-]*(?::[A-Za-z0-9_./@+-]+)*")
_OTHER_TYPE = re.compile(
    r"""[-+]?0b[01_]+ | [-+]?0o?[0-7_]+ | [-+]?0x[0-9a-f_]+
      | [-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:e[-+]?[0-9]+)? | [-+]?\.[0-9_]+(?:e[-+]?[0-9]+)? | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?
      | [-+]?\.(?:inf|nan) | ~ | null | true | false | yes | no | on | off | y | n
      | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s].*)?""",
    re.VERBOSE | re.IGNORECASE,
)
_PROPERTIES = re.compile(r"(?:(?:&[^\s,\[\]{}]+|!<[^>\s]*>|![^\s,\[\]{}]*)(?:\s+|\Z))+")


def needs_quotes(value: str) -> bool:
    """Would this text, written plain, read as another type in YAML 1.1 or 1.2, or not at all?"""
    return not _PLAIN.fullmatch(value) or bool(_OTHER_TYPE.fullmatch(value))


def double_quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class Splice:
    """Replace the characters from start to end."""

    start: int
    end: int
    text: str


@dataclass(slots=True)
class Intent:
    """What an edit of one place does: where characters change, and how the tree may differ afterwards."""

    splices: list[Splice] = field(default_factory=list)
    values: dict[int, str] = field(default_factory=dict)  # id of a scalar node -> its new text
    keys: dict[int, dict[str, str | None]] = field(default_factory=dict)  # id of a mapping node -> key -> its new text, or None: gone


class UnsafeEdit(Exception):
    """An edit that cannot be placed, or changed more than it should. Its message completes "did not pass its check (…)"."""


def replace_scalar(text: str, document: Document, node: ScalarNode, value: str, *, quote: bool = False) -> Intent:
    """Give a scalar another text in the style it is written in; a plain one is quoted if it must be, or if `quote` says so.

    Raises UnsafeEdit when its text is not found where its marks say.
    """
    start, end = document.base + node.start_mark.index, document.base + node.end_mark.index
    properties = _PROPERTIES.match(text, start, end)
    if properties:
        start = properties.end()
    raw, old = text[start:end], node.value
    style = node.style or ""
    if style == "":
        splice = _plain(start, end, raw, old, value, quote=quote, is_spaced=text[start - 1 : start] == " ")
    elif style in ("'", '"'):
        splice = _quoted(start + 1, end - 1, raw[1:-1], old, value, style)
    else:
        header = raw.find("\n") + 1
        kept = old.strip("\n")
        at = raw.find(kept, header)
        if not kept or "\n" in kept or not header or at < 0:
            raise UnsafeEdit("its block scalar has several lines")
        splice = Splice(start + at, start + at + len(kept), value)
        value = old.replace(kept, value)
    return Intent([splice], {id(node): value})


def _plain(start: int, end: int, raw: str, old: str, value: str, *, quote: bool, is_spaced: bool) -> Splice:
    if raw != old:
        raise UnsafeEdit("its text is not where it should be")
    written = double_quoted(value) if quote or needs_quotes(value) else value
    return Splice(start, end, written if raw or is_spaced else f" {written}")


def _quoted(start: int, end: int, inner: str, old: str, value: str, style: str) -> Splice:
    """Only what follows the last colon that both texts have is written anew, so that escapes before it stay as they are."""
    kept = old.rfind(":") + 1
    if value.startswith(old[:kept]) and inner.endswith(old[kept:]) and "\\" not in inner[-len(old[kept:]) - 2 :]:
        return Splice(end - len(old[kept:]), end, _escaped(value[kept:], style))
    return Splice(start, end, _escaped(value, style))


def _escaped(value: str, style: str) -> str:
    return value.replace("'", "''") if style == "'" else double_quoted(value)[1:-1]


def splice_inside(text: str, document: Document, node: ScalarNode, inner: Sequence[Splice]) -> Intent:
    """Carry splices of a scalar's text (a patch within a kustomization) over to the text around it.

    The n-th occurrence within the scalar's text is the n-th within its characters, whatever its style; the check afterwards holds us to it.

    Raises UnsafeEdit when the occurrences do not correspond.
    """
    start, end = document.base + node.start_mark.index, document.base + node.end_mark.index
    if node.style in ("|", ">"):
        start = text.index("\n", start, end) + 1 if "\n" in text[start:end] else end
    raw, value = text[start:end], node.value
    splices = []
    for splice in inner:
        old = value[splice.start : splice.end]
        if not old or raw.count(old) != value.count(old):
            raise UnsafeEdit("its text inside the patch is written with escapes")
        at = _nth(raw, old, value.count(old, 0, splice.start))
        new = _escaped(splice.text, node.style) if node.style in ("'", '"') else splice.text
        splices.append(Splice(start + at, start + at + len(old), new))
    return Intent(splices, {id(node): apply_splices(value, inner)})


def _nth(text: str, part: str, n: int) -> int:
    at = text.find(part)
    for _ in range(n):
        at = text.find(part, at + len(part))
    return at


def apply_splices(text: str, splices: Iterable[Splice]) -> str:
    """The text with all splices applied; they refer to the text as given, and equal ones count once.

    Raises UnsafeEdit when two of them overlap.
    """
    pieces: list[str] = []
    at = 0
    for splice in sorted(set(splices), key=lambda each: (each.start, each.end)):
        if splice.start < at:
            raise UnsafeEdit("it overlaps another edit")
        pieces += (text[at : splice.start], splice.text)
        at = splice.end
    return "".join(pieces) + text[at:]


def apply_intents(text: str, documents: Sequence[Document], intents: Sequence[Intent]) -> str:
    """The text with all intents carried out, checked: parsed again, it equals the old tree but for what they intended.

    Raises UnsafeEdit otherwise.
    """
    new_text = apply_splices(text, [splice for intent in intents for splice in intent.splices])
    values = {node: value for intent in intents for node, value in intent.values.items()}
    keys: dict[int, dict[str, str | None]] = {}
    for intent in intents:
        for node, changes in intent.keys.items():
            keys.setdefault(node, {}).update(changes)
    read = {text[document.start : document.end] for document in documents if document.root is None and not document.problem}
    new_documents = parse_documents(new_text, (lambda piece: piece not in read) if read else None)
    if len(new_documents) != len(documents):
        raise UnsafeEdit("the number of documents changed")
    for old, new in zip(documents, new_documents, strict=True):
        if old.root is None or new.root is None:
            if old.root is not new.root or text[old.start : old.end] != new_text[new.start : new.end]:
                raise UnsafeEdit("another document changed")
        elif not same_tree(old.root, new.root, values, keys):
            raise UnsafeEdit("more would have changed than intended")
    return new_text


def same_tree(old_root: Node, new_root: Node, values: Mapping[int, str], keys: Mapping[int, Mapping[str, str | None]]) -> bool:
    """Is the new tree the old one with exactly these changes?"""
    stack: list[tuple[Node, Node]] = [(old_root, new_root)]
    seen: dict[int, int] = {}  # by identity, so that aliases are compared once and stay aliases
    while stack:
        old, new = stack.pop()
        kind = old.__class__
        if kind is not new.__class__:
            return False
        if isinstance(old, ScalarNode) and isinstance(new, ScalarNode):
            if old.value == new.value and old.style == new.style and old.tag == new.tag and id(old) not in values:
                continue
            if not _same_scalar(old, new, values):
                return False
            continue
        if id(old) in seen:
            if seen[id(old)] != id(new):
                return False
            continue
        seen[id(old)] = id(new)
        before, after = old.value, new.value
        if kind is MappingNode:
            changes = keys.get(id(old))
            if changes:
                before, after = _without(before, changes), _without(after, changes)
                if not _is_as_wanted(new, changes):
                    return False
            before, after = [node for pair in before for node in pair], [node for pair in after for node in pair]
        if len(before) != len(after) or old.tag != new.tag:
            return False
        stack += zip(before, after, strict=True)
    return True


def _same_scalar(old: Node, new: Node, values: Mapping[int, str]) -> bool:
    if id(old) in values:
        return bool(new.value == values[id(old)] and new.tag == STRING and old.tag == STRING)
    return bool(old.value == new.value and old.tag == new.tag and is_null(old) == is_null(new))


def _without(pairs: list[tuple[Node, Node]], changes: Mapping[str, str | None]) -> list[tuple[Node, Node]]:
    return [(key, value) for key, value in pairs if key.value not in changes]


def _is_as_wanted(new: Node, changes: Mapping[str, str | None]) -> bool:
    """Does the new mapping have exactly the changed keys that it should?"""
    there = [(key.value, value.value) for key, value in new.value if key.value in changes]
    wanted = [(key, value) for key, value in changes.items() if value is not None]
    return len(there) == len(wanted) and all(pair in wanted for pair in there)
