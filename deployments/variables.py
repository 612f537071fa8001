"""Which value of each variable applies in a scope, and which are withheld because they are sensitive. Pure."""

from dataclasses import dataclass, field

KINDS = ("step", "machine", "target_tag_of_step", "target_tag", "tenant", "tenant_tag", "environment", "channel", "process", "project")


@dataclass(frozen=True)
class Scope:
    """For each kind of KINDS the entries it names, e.g. {"environment": frozenset({"production"})}; none means everywhere."""

    entries: dict[str, frozenset[str]] = field(default_factory=dict)

    def applies(self, context: "Scope") -> bool:
        return all(not names or names & context.entries.get(kind, frozenset()) for kind, names in self.entries.items())

    def rank(self) -> tuple[bool, ...]:
        """Compares like CSS: the most specific kind that only one of two scopes uses decides."""
        return tuple(bool(self.entries.get(kind)) for kind in KINDS)


@dataclass(frozen=True)
class Definition:
    """One value of a variable; `value` of a sensitive one is never read here."""

    name: str
    value: str
    scope: Scope = Scope()
    is_sensitive: bool = False
    is_library: bool = False


@dataclass(frozen=True)
class Variables:
    """One value for each name, in order of definition; `withheld` holds the names of sensitive ones."""

    values: tuple[tuple[str, str], ...] = ()
    withheld: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()


def select(definitions: tuple[Definition, ...], scope: Scope) -> Variables:
    """Return each name's most specific value that applies; the project's beats a library's, then the first defined."""
    chosen: dict[str, Definition] = {}
    ties: dict[str, str] = {}
    for one in definitions:
        if not one.scope.applies(scope):
            continue
        key = one.name.lower()
        best = chosen.get(key)
        if best is None or _weight(one) > _weight(best):
            chosen[key] = one
            ties.pop(key, None)
        elif _weight(one) == _weight(best):
            ties[key] = f"Variable “{best.name}” has several values for the same scope; the first one is used."
    values = tuple((one.name, "" if one.is_sensitive else one.value) for one in chosen.values())
    withheld = frozenset(one.name for one in chosen.values() if one.is_sensitive)
    return Variables(values, withheld, tuple(ties.values()))


def _weight(one: Definition) -> tuple[tuple[bool, ...], bool]:
    return one.scope.rank(), not one.is_library
