"""The tree of variables' names, and what a loop runs over. Pure."""

from dataclasses import dataclass, field

from deployments.templating import documents
from deployments.templating.documents import Document, Json
from deployments.templating.nodes import Symbol
from deployments.templating.reader import Reader, TooDeep, Unparsable
from deployments.variables import Variables


@dataclass(eq=False)
class Branch:
    """A name's place in the tree: its own text, if any, and its children by kind, under their names in lower case.

    `withheld` is the name of the sensitive variable whose text stands here, or nothing.
    `document` is the JSON object or array whose text stands here, where it is known to hold no templates.
    """

    value: str | None = None
    withheld: str = ""
    named: dict[str, "Branch"] = field(default_factory=dict)
    indexed: dict[str, "Branch"] = field(default_factory=dict)
    document: Document | None = None

    @classmethod
    def of_json(cls, found: Json, *, is_plain: bool) -> "Branch":
        """The place of a JSON value; `is_plain` when no template can stand anywhere in it."""
        if is_plain and isinstance(found, dict | list):
            return cls(document=found)
        return cls(documents.text_of(found))

    def text(self) -> str | None:
        """Return its own text as it was written; None where there are only children."""
        if self.value is None and self.document is not None:
            self.value = documents.text_of(self.document)
        return self.value


Scopes = tuple[Branch, ...]  # outermost first


def as_symbol(name: str) -> Symbol | None:
    """Read a variable's name, or None when templates can not reach it."""
    reader = Reader(name)
    try:
        found = reader.symbol()
    except (Unparsable, TooDeep):
        return None
    return None if reader.at < len(name) or any(step.computed for step in found.steps) else found


def tree(variables: Variables) -> Branch:
    """Return the root of all names, in order of definition; names that are no symbols are left out."""
    root = Branch()
    withheld = {name.lower(): name for name in sorted(variables.withheld)}
    for name, value in (*variables.values, *((name, "") for name in withheld.values())):
        symbol = as_symbol(name)
        if symbol is None:
            continue
        at = root
        for step in symbol.steps:
            children = at.indexed if step.is_index else at.named
            at = children.setdefault(step.text.lower(), Branch(step.text if step.is_index else None))
        at.withheld = withheld.get(name.lower(), "")
        at.value = "" if at.withheld else value
    return root


def json_items(document: Document, *, is_plain: bool) -> list[Branch]:
    """Return what a loop over an object (its properties: Key, Value) or an array runs over."""
    if isinstance(document, dict):
        return [Branch(key, named={"key": Branch(key), "value": Branch.of_json(value, is_plain=is_plain)}) for key, value in document.items()]
    return [Branch.of_json(value, is_plain=is_plain) for value in document]


def loop_scope(name: str, item: Branch, index: int, count: int) -> Branch:
    """Return the names a loop's body sees besides the outer ones."""
    special = {"index": str(index), "first": str(index == 0), "last": str(index == count - 1)}
    each = Branch(named={word: Branch(value) for word, value in special.items()})
    return Branch(named={"octopus": Branch(named={"template": Branch(named={"each": each})}), name.lower(): item})
