"""Pure: a small part of Go's text/template as Helm charts use it: values, pipes, if/else, range, with, define and include."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from simulator.shapes import Json

_ACTION = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.DOTALL)
_WORDS = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|\(|\)|\||[^\s()|]+')


class TemplateError(Exception):
    """A template uses what this small renderer does not know, or does not parse."""


@dataclass
class Node:
    """Text, an expression, or a block with its branches."""

    kind: str
    expression: str = ""
    children: list["Node"] = field(default_factory=list)
    otherwise: list["Node"] = field(default_factory=list)


Named = dict[str, list[Node]]


def definitions(texts: Iterable[str]) -> Named:
    found: Named = {}
    for text in texts:
        for node in parse(text):
            if node.kind == "define":
                found[node.expression.strip('"')] = node.children
    return found


def render(text: str, scope: Json, named: Named) -> str:
    return _Renderer(scope, named).nodes(parse(text), scope)


def parse(text: str) -> list[Node]:
    tokens = list(_tokens(text))
    nodes, rest = _block(tokens, 0)
    if rest != len(tokens):
        raise TemplateError("unexpected {{end}}")
    return nodes


def _tokens(text: str) -> Iterator[Node]:
    position, trims_next = 0, False
    for action in _ACTION.finditer(text):
        before = text[position : action.start()]
        before = before.lstrip() if trims_next else before
        yield Node("text", before.rstrip() if action[1] else before)
        if not action[2].startswith("/*"):
            yield Node("action", action[2])
        position, trims_next = action.end(), bool(action[3])
    yield Node("text", text[position:].lstrip() if trims_next else text[position:])


def _block(tokens: list[Node], at: int) -> tuple[list[Node], int]:
    """Up to the {{end}} or {{else}} that closes the block, which is left for the caller."""
    nodes: list[Node] = []
    while at < len(tokens):
        token = tokens[at]
        word, _, rest = token.expression.partition(" ")
        if token.kind == "action" and word in ("end", "else"):
            break
        at += 1
        if token.kind == "action" and word in ("if", "with", "range", "define"):
            node = Node(word, rest.strip())
            at = _finish(node, tokens, at)
            nodes.append(node)
        else:
            nodes.append(token)
    return nodes, at


def _finish(node: Node, tokens: list[Node], at: int) -> int:
    node.children, at = _block(tokens, at)
    if at >= len(tokens):
        raise TemplateError(f"{{{{{node.kind} {node.expression}}}}} is never closed")
    word, _, rest = tokens[at].expression.partition(" ")
    if word == "end":
        return at + 1
    if rest.strip().startswith("if "):
        inner = Node("if", rest.strip()[3:].strip())
        at = _finish(inner, tokens, at + 1)
        node.otherwise = [inner]
        return at
    node.otherwise, at = _block(tokens, at + 1)
    return at + 1


class _Renderer:
    def __init__(self, root: Json, named: Named) -> None:
        self._named = named
        self._variables: Json = {"$": root}

    def nodes(self, nodes: list[Node], dot: Any) -> str:
        return "".join(self._node(node, dot) for node in nodes)

    def _node(self, node: Node, dot: Any) -> str:
        match node.kind:
            case "text":
                return node.expression
            case "action":
                return self._action(node.expression, dot)
            case "if":
                return self.nodes(node.children if _truth(self._value(node.expression, dot)) else node.otherwise, dot)
            case "with":
                value = self._value(node.expression, dot)
                return self.nodes(node.children, value) if _truth(value) else self.nodes(node.otherwise, dot)
            case "range":
                return self._range(node, dot)
        return ""  # a definition

    def _action(self, expression: str, dot: Any) -> str:
        assigned = re.match(r"(\$\w+)\s*:?=\s*(.*)", expression, re.DOTALL)
        if assigned:
            self._variables[assigned[1]] = self._value(assigned[2], dot)
            return ""
        return _text(self._value(expression, dot))

    def _range(self, node: Node, dot: Any) -> str:
        names, found, expression = node.expression.rpartition(":=")
        value = self._value(expression if found else node.expression, dot)
        pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value or []))
        variables = [name.strip() for name in names.split(",") if name.strip()]
        parts = []
        for key, item in pairs:
            self._variables |= dict(zip(reversed(variables), [item, key], strict=False))
            parts.append(self.nodes(node.children, item))
        return "".join(parts) if pairs else self.nodes(node.otherwise, dot)

    def _value(self, expression: str, dot: Any) -> Any:
        value, rest = self._pipeline(_WORDS.findall(expression), dot)
        if rest:
            raise TemplateError(f"cannot read {expression!r}")
        return value

    def _pipeline(self, words: list[str], dot: Any) -> tuple[Any, list[str]]:
        value: Any = None
        is_first = True
        while True:
            arguments, words = self._command(words, dot)
            value = self._call(arguments if is_first else [*arguments, (value,)], dot)
            is_first = False
            if not words or words[0] == ")":
                return value, words
            words = words[1:]

    def _command(self, words: list[str], dot: Any) -> tuple[list[Any], list[str]]:
        """The words of one command; values come wrapped in a tuple, names as text."""
        arguments: list[Any] = []
        while words and words[0] not in ("|", ")"):
            if words[0] == "(":
                value, words = self._pipeline(words[1:], dot)
                if not words:
                    raise TemplateError("unclosed parenthesis")
                arguments.append((value,))
            else:
                arguments.append(self._word(words[0], dot))
            words = words[1:]
        return arguments, words

    def _word(self, word: str, dot: Any) -> Any:
        if word[0] == '"':
            return (json.loads(word),)
        if word[0] == "`":
            return (word[1:-1],)
        if word[0] in ".$":
            return (self._path(word, dot),)
        if word in ("true", "false", "nil"):
            return ({"true": True, "false": False}.get(word),)
        return (int(word),) if re.fullmatch(r"-?\d+", word) else word

    def _path(self, word: str, dot: Any) -> Any:
        start, *names = word.split(".")
        value = self._variables.get(start) if start else dot
        for name in names:
            if name:
                value = value.get(name) if isinstance(value, dict) else None
        return value

    def _call(self, arguments: list[Any], dot: Any) -> Any:
        if not arguments:
            raise TemplateError("missing value for command")
        name, values = arguments[0], [argument[0] for argument in arguments[1:] if isinstance(argument, tuple)]
        if isinstance(name, tuple):
            return name[0]
        if name in ("include", "template"):
            if values[0] not in self._named:
                raise TemplateError(f"template {values[0]!r} not defined")
            return self.nodes(self._named[values[0]], values[1] if len(values) > 1 else None)
        function = _FUNCTIONS.get(name)
        if function is None:
            raise TemplateError(f"function {name!r} not defined")
        return function(*values)


def _truth(value: Any) -> bool:
    return bool(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _to_yaml(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=False, sort_keys=False).removesuffix("...\n").rstrip("\n")


def _required(message: str, value: Any) -> Any:
    if value in (None, ""):
        raise TemplateError(message)
    return value


def _indent(count: int, text: Any) -> str:
    return "\n".join(" " * count + line for line in _text(text).split("\n"))


_FUNCTIONS: dict[str, Any] = {
    "quote": lambda *values: " ".join(json.dumps(_text(value)) for value in values),
    "squote": lambda *values: " ".join(f"'{_text(value)}'" for value in values),
    "default": lambda fallback, value=None: value if _truth(value) else fallback,
    "required": _required,
    "toYaml": _to_yaml,
    "toJson": json.dumps,
    "toString": _text,
    "indent": _indent,
    "nindent": lambda count, text: "\n" + _indent(count, text),
    "upper": lambda text: _text(text).upper(),
    "lower": lambda text: _text(text).lower(),
    "trim": lambda text: _text(text).strip(),
    "trunc": lambda count, text: _text(text)[:count],
    "trimSuffix": lambda suffix, text: _text(text).removesuffix(suffix),
    "trimPrefix": lambda prefix, text: _text(text).removeprefix(prefix),
    "replace": lambda old, new, text: _text(text).replace(old, new),
    "contains": lambda part, text: part in _text(text),
    "printf": lambda form, *values: form.replace("%v", "%s").replace("%q", '"%s"') % tuple(values),
    "eq": lambda first, *others: first in others,
    "ne": lambda first, other: first != other,
    "not": lambda value: not _truth(value),
    "and": lambda *values: next((value for value in values if not _truth(value)), values[-1]),
    "or": lambda *values: next((value for value in values if _truth(value)), values[-1]),
    "int": lambda value: int(value or 0),
    "list": lambda *values: list(values),
    "dict": lambda *values: dict(zip(values[::2], values[1::2], strict=False)),
    "hasKey": lambda mapping, key: key in (mapping or {}),
    "lookup": lambda *_: {},
    "b64enc": lambda text: __import__("base64").b64encode(_text(text).encode()).decode(),
    "sha256sum": lambda text: __import__("hashlib").sha256(_text(text).encode()).hexdigest(),
}
