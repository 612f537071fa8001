"""Image templates of the annotation image-replace-paths: `{{ .Values.image.repository }}:{{ .Values.image.tag }}` over one values file. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from yaml.nodes import MappingNode, Node, ScalarNode

from deployments.manifests.documents import STRING, is_null, lookup

_TOKEN = re.compile(r"\{\{-?\s*\.Values\.([^\s{}|()]+)\s*-?\}\}")
_MAX_PATHS = 3000


class InvalidTemplate(ValueError):
    """A template that is not understood. Its message completes a sentence: "…, which uses more than .Values paths"."""


@dataclass(frozen=True, slots=True)
class Template:
    """Literal texts and dotted paths in turn: literals[0] paths[0] literals[1] … literals[-1]."""

    text: str
    literals: tuple[str, ...]
    paths: tuple[str, ...]


def parse_template(text: str) -> Template:
    """Raises InvalidTemplate when it holds anything but literal text and paths of values."""
    pieces = _TOKEN.split(text)
    literals, paths = tuple(pieces[::2]), tuple(pieces[1::2])
    if any("{{" in literal or "}}" in literal for literal in literals):
        raise InvalidTemplate("which uses more than plain .Values paths")
    if not paths:
        raise InvalidTemplate("which names no value, as {{ .Values.image.tag }} would")
    return Template(text, literals, paths)


def split_templates(annotation: str) -> list[str]:
    """The templates of an annotation; empty ones stay, to be told."""
    return [part.strip() for part in annotation.split(",")]


def value_at(root: Node | None, path: str) -> ScalarNode | None:
    """The scalar at a dotted path, null ones too. Keys are case-sensitive."""
    node = root
    for key in path.split("."):
        node = lookup(node, key)
        if node is None:
            return None
    return node if isinstance(node, ScalarNode) and node.tag == STRING else None


def read(node: ScalarNode) -> str:
    """A value as its text; null is empty."""
    return "" if is_null(node) else str(node.value).strip("\n")


@dataclass(frozen=True, slots=True)
class Reading:
    """A template over one file: the image it spells, and how the value that holds the tag has to read for another tag."""

    image: str
    tag_path: str
    node: ScalarNode
    before: str  # of that value, before the tag
    lead: str  # what literal text, or another value, already gives of the tag
    tail: str
    is_whole: bool  # the value is the tag itself

    def value_for(self, tag: str) -> str | None:
        """None when the rest of the template does not allow this tag."""
        if len(tag) <= len(self.lead) + len(self.tail) or not tag.startswith(self.lead) or not tag.endswith(self.tail):
            return None
        return self.before + tag[len(self.lead) : len(tag) - len(self.tail)]


def evaluate(template: Template, root: Node | None) -> Reading | None:
    """Read a template over a file's values; None when one of them is not there."""
    nodes = [value_at(root, path) for path in template.paths]
    found = [node for node in nodes if node is not None]
    if len(found) < len(nodes):
        return None
    text = template.literals[0]
    spans: list[tuple[int, int]] = []
    for node, literal in zip(found, template.literals[1:], strict=True):
        start = len(text)
        text += read(node)
        spans.append((start, len(text)))
        text += literal
    tag_start, tag_end, has_tag = _tag_span(text)
    at = _holder(spans, tag_start, tag_end)
    start, end = spans[at]
    value = text[start:end]
    image = text.lstrip("/")
    if not has_tag:
        return Reading(image, template.paths[at], found[at], f"{value}:", "", text[end:tag_end], is_whole=False)
    inside = max(tag_start - start, 0)
    return Reading(image, template.paths[at], found[at], value[:inside], text[tag_start : max(start, tag_start)], text[end:tag_end], is_whole=inside == 0)


def _tag_span(text: str) -> tuple[int, int, bool]:
    """Where the tag stands in a reference; at its end if it has none."""
    end = text.find("@") if "@" in text else len(text)
    colon = text.rfind(":", 0, end)
    if colon < 0 or "/" in text[colon:end]:
        return end, end, False
    return colon + 1, end, True


def _holder(spans: list[tuple[int, int]], tag_start: int, tag_end: int) -> int:
    """The value that holds (the beginning of) the tag: the first that ends after it begins, or stands empty in its place."""
    for n, (start, end) in enumerate(spans):
        if end > tag_start or (start == end == tag_start):
            return n
    return max((n for n, (_, end) in enumerate(spans) if end <= tag_end), default=len(spans) - 1)


def paths_in(root: Node | None) -> Iterator[str]:
    """The dotted paths of a file's scalars, for suggestions."""
    stack: list[tuple[Node | None, str, int]] = [(root, "", 0)]
    left = _MAX_PATHS
    while stack and left:
        node, path, depth = stack.pop()
        left -= 1
        if isinstance(node, MappingNode) and depth < 12:
            stack += [(value, f"{path}.{key.value}".lstrip("."), depth + 1) for key, value in reversed(node.value) if "." not in str(key.value)]
        elif isinstance(node, ScalarNode) and path:
            yield path


def closest_path(root: Node | None, path: str) -> str:
    """What the path may have been meant to be, or ""."""
    last = path.rpartition(".")[2].lower()
    alike = [each for each in paths_in(root) if each.rpartition(".")[2].lower() == last or each.lower() == path.lower()][:200]
    return next(iter(get_close_matches(path, alike, n=1, cutoff=0.5)), "")
