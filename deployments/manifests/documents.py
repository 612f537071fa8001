"""The documents of a YAML or JSON text as libyaml's nodes, whose marks say where each scalar stands. Pure.

Documents are independent: one that does not parse leaves the others readable. Depth and size are bounded, aliases are never expanded here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from yaml import YAMLError
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs do not re-export it
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_DEPTH = 200  # libyaml's composer recurses in C: far deeper input would crash the process
MAX_NODES = 40_000  # per text, of what is read of it: about 0.2 s and 30 MB
MAX_DOCUMENTS = 10_000
_MAX_MERGES = 500  # mappings asked for one key
_COST_OF_DOCUMENT = 10  # nodes, for the time each takes apart from its nodes
_COST_OF_BROKEN = 50  # nodes, for the time a piece takes that does not parse
MAX_CHARACTERS = 8_000_000
_SHORT = 20_000  # so short a text cannot indent more than 200 levels
STRING = "tag:yaml.org,2002:str"
_SEPARATOR = re.compile(r"^(?:(?<=^\.\.\.\n)(?:%[^\n]*\n)+|(?<=^\.\.\.\r\n)(?:%[^\n]*\n)+)?\ufeff?---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_CONTENT = re.compile(r"^[ \t\ufeff]*[^\s#%\ufeff]", re.MULTILINE)
_SURROGATES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")  # JSON's way beyond the basic plane; libyaml refuses it
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class _TooLarge(Exception):
    """The text has more nodes or levels than are read."""


class _Composer(CParser):
    """Composes nodes without resolving their types: every scalar is its text. A tag other than a text's was written out."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)

    def resolve(self, kind: type[Node], value: str | None, implicit: object) -> str:
        return STRING

    def descend_resolver(self, node: Node | None, index: object) -> None:
        """Called before each node."""

    def ascend_resolver(self) -> None:
        """Called after each node."""


class _BoundedComposer(_Composer):
    """Counts levels and nodes on the way."""

    def __init__(self, text: str, max_nodes: int) -> None:
        super().__init__(text)
        self.depth = 0
        self.nodes_left = max_nodes

    def descend_resolver(self, node: Node | None, index: object) -> None:
        self.depth += 1
        self.nodes_left -= 1
        if self.depth > MAX_DEPTH:
            raise _TooLarge("is nested too deeply")
        if self.nodes_left < 0:
            raise _TooLarge("is too large to edit safely")

    def ascend_resolver(self) -> None:
        self.depth -= 1


def _is_surely_shallow(text: str) -> bool:
    """Too short and with too few indicators to nest deeply: levels need a bracket, an indicator, or one more column each."""
    if len(text) > _SHORT or ": :" in text or ":\t" in text:
        return False
    return sum(map(text.count, ("[", "{", "- ", "? ", "-\t", "?\t"))) <= MAX_DEPTH


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `root` is None when it does not parse (`problem` says why) or was not looked at ("")."""

    index: int
    base: int  # added to a node's mark it gives the place in the text
    start: int  # of the piece of text the document was read from
    end: int
    root: Node | None
    problem: str = ""
    line: int = 0  # of the problem, from 1, in the whole text


def parse_documents(text: str, is_relevant: Callable[[str], bool] | None = None) -> list[Document]:
    """The documents of a text, in order. Never raises.

    `is_relevant` tells, for texts too large to be read whole, which pieces to read.
    """
    if len(text) > MAX_CHARACTERS:
        return [Document(0, 0, 0, len(text), None, "is too large to edit safely", 1)]
    if _size(text) > MAX_NODES:
        return _parse_pieces(text, is_relevant)
    base = 1 if text.startswith("\ufeff") else 0
    try:
        roots = _compose(text[base:] if base else text, MAX_NODES)
    except (YAMLError, ValueError, RecursionError, _TooLarge) as error:
        return _parse_pieces(text, is_relevant if isinstance(error, _TooLarge) else None)
    return [Document(index, base, 0, len(text), root) for index, root in enumerate(roots)]


def _size(text: str) -> int:
    """About how many nodes a text has; new tags do not change it."""
    return text.count("\n") + text.count(",")


def _compose(text: str, max_nodes: int) -> list[Node]:
    if "\\u" in text:
        text = _SURROGATES.sub(r"\\u0041\\u0041", text)  # as long, so that marks stay right
    composer = _Composer(text) if _is_surely_shallow(text) else _BoundedComposer(text, max_nodes)
    roots: list[Node] = []
    while composer.check_node():
        root = composer.get_node()
        if root is not None:
            roots.append(root)
        if len(roots) > MAX_DOCUMENTS:
            raise _TooLarge("has too many documents")
    return roots


def _parse_pieces(text: str, is_relevant: Callable[[str], bool] | None) -> list[Document]:
    """Each piece between separators by itself: the way when the whole is broken or too large."""
    documents: list[Document] = []
    left = MAX_NODES
    for start, end in _pieces(text):
        piece = text[start:end]
        if start == 0 and not _has_content(piece):
            continue
        is_wanted = is_relevant is None or is_relevant(piece)
        if len(documents) > MAX_DOCUMENTS or (is_wanted and left <= 0):
            line = text.count("\n", 0, start) + 1
            documents.append(Document(len(documents), 0, start, len(text), None, "has more than can be edited safely from here on", line))
            break
        if not is_wanted:
            documents.append(Document(len(documents), 0, start, end, None))
            continue
        left -= _size(piece) + _COST_OF_DOCUMENT
        base = start + (1 if piece.startswith("\ufeff") else 0)
        try:
            roots = _compose(text[base:end], MAX_NODES)
        except (YAMLError, ValueError, RecursionError, _TooLarge) as error:
            documents.append(_broken(text, len(documents), start, end, error))
            left -= MAX_NODES if isinstance(error, _TooLarge) else _COST_OF_BROKEN
            continue
        documents.extend(Document(len(documents) + n, base, start, end, root) for n, root in enumerate(roots))
    return documents


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _SEPARATOR.finditer(text):
        if match.start() > start:
            yield start, match.start()
            start = match.start()
    yield start, len(text)


def _has_content(piece: str) -> bool:
    """Is there more than comments and blanks? Asked of what stands before the first separator."""
    return _CONTENT.search(piece) is not None


def _broken(text: str, index: int, start: int, end: int, error: Exception) -> Document:
    mark = getattr(error, "problem_mark", None)
    line = text.count("\n", 0, start) + 1 + (mark.line if mark is not None else 0)
    if isinstance(error, _TooLarge):
        return Document(index, start, start, end, None, str(error), line)
    lines = text[start:end].split("\n")
    # libyaml often notices one line late: the template line is at or shortly before the mark.
    for back in range(3):
        at = (mark.line if mark is not None else 0) - back
        if 0 <= at < len(lines) and ("{{" in lines[at] or "{%" in lines[at]):
            return Document(index, start, start, end, None, "is a template line", line - back)
    templated = next((n for n, each in enumerate(lines) if "{{" in each or "{%" in each), None)
    if templated is not None:
        return Document(index, start, start, end, None, "is a template line", text.count("\n", 0, start) + 1 + templated)
    problem = getattr(error, "problem", None)
    return Document(index, start, start, end, None, f"does not parse: {problem}" if problem else "does not parse", line)


def is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not node.style and node.tag == STRING and node.value in _NULLS


def lookup(node: Node | None, key: str) -> Node | None:
    """The value at a key of a mapping, through merge keys too; of a key given twice, the last. None when there is none."""
    if not isinstance(node, MappingNode):
        return None
    found, has_merges = None, False
    for key_node, value in node.value:
        name = key_node.value
        if name == key:
            found = value
        elif name == "<<":
            has_merges = True
    return _lookup_merged(node, key) if has_merges and found is None else found


def _lookup_merged(root: Node, key: str) -> Node | None:
    """Depth first, each mapping once: one that lacks the key need not be asked again."""
    stack, seen = [root], set[int]()
    while stack and len(seen) < _MAX_MERGES:
        node = stack.pop()
        if not isinstance(node, MappingNode) or id(node) in seen:
            continue
        seen.add(id(node))
        merged: list[Node] = []
        for key_node, value in reversed(node.value):
            if key_node.value == key:
                return cast(Node, value)
            if key_node.value == "<<" and not key_node.style:
                merged[:0] = value.value if isinstance(value, SequenceNode) else [value]
        stack += reversed(merged)
    return None


def text_of(node: Node | None) -> str:
    """The text of a scalar, "" of anything else and of null."""
    return str(node.value) if isinstance(node, ScalarNode) and not is_null(node) else ""


def items_of(node: Node | None) -> list[Node]:
    """The items of a sequence, none of anything else."""
    return node.value if isinstance(node, SequenceNode) else []


def is_text(node: Node | None) -> bool:
    """Is this a scalar that reads as a text: not null, no tag but a text's?"""
    return isinstance(node, ScalarNode) and node.tag == STRING and not is_null(node)


def line_of(text: str, document: Document, node: Node) -> int:
    """The line of a node, from 1."""
    return text.count("\n", 0, document.base + node.start_mark.index) + 1


def as_json(text: str, max_values: int = 200_000) -> list[Any]:
    """The JSON array of a text's documents, every scalar as its text and null as None: what the records' patches apply to.

    A document that does not parse is None.

    Raises ValueError when aliases would expand it beyond `max_values`, or it contains itself.
    """
    left = [max_values]
    return [None if document.root is None else _value(document.root, left, 0) for document in parse_documents(text)]


def _value(node: Node, left: list[int], depth: int) -> Any:
    left[0] -= 1
    if left[0] < 0 or depth > MAX_DEPTH:
        raise ValueError("The document expands beyond what is read.")
    if isinstance(node, SequenceNode):
        return [_value(item, left, depth + 1) for item in node.value]
    if isinstance(node, MappingNode):
        own = {str(key.value): value for key, value in node.value if not (key.value == "<<" and not key.style)}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if key.value == "<<" and not key.style:
                for each in value.value if isinstance(value, SequenceNode) else (value,):
                    expanded = _value(each, left, depth + 1)
                    merged = {**(expanded if isinstance(expanded, dict) else {}), **merged}
        return {**merged, **{name: _value(value, left, depth + 1) for name, value in own.items()}}
    return None if is_null(node) else str(node.value)
