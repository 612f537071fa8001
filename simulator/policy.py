"""Pure: RBAC. Lines `p, subject, resource, action, object, effect` and `g, subject, role`; `*` crosses slashes; deny wins."""

import functools
import re
from dataclasses import dataclass

RESOURCES = {
    "applications": {"get", "create", "update", "delete", "sync", "override", "action", "rollback"},
    "applicationsets": {"get", "create", "update", "delete"},
    "clusters": {"get", "create", "update", "delete"},
    "projects": {"get", "create", "update", "delete"},
    "repositories": {"get", "create", "update", "delete"},
    "accounts": {"get", "update"},
    "certificates": {"get", "create", "delete"},
    "gpgkeys": {"get", "create", "delete"},
    "logs": {"get"},
    "exec": {"create"},
    "extensions": {"invoke"},
}
BUILT_IN = """
p, role:readonly, applications, get, */*, allow
p, role:readonly, certificates, get, *, allow
p, role:readonly, clusters, get, *, allow
p, role:readonly, repositories, get, *, allow
p, role:readonly, projects, get, *, allow
p, role:readonly, accounts, get, *, allow
p, role:readonly, gpgkeys, get, *, allow
p, role:readonly, logs, get, */*, allow
p, role:admin, *, *, *, allow
g, role:admin, role:readonly
g, admin, role:admin
"""


@functools.lru_cache(maxsize=4096)
def _pattern(glob: str) -> re.Pattern[str]:
    escaped = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped + r"\Z", re.DOTALL)


def matches(glob: str, text: str) -> bool:
    return glob == "*" or _pattern(glob).match(text) is not None


@dataclass(frozen=True)
class Rule:
    subject: str
    resource: str
    action: str
    object: str
    is_allowed: bool


class Policy:
    """One policy.csv with the built-in roles. Lines it cannot read are ignored, as Argo CD does."""

    def __init__(self, csv: str, *, default: str = "") -> None:
        self._rules: list[Rule] = []
        self._roles: dict[str, set[str]] = {}
        self._default = default
        for line in (BUILT_IN + csv).splitlines():
            self._add([part.strip() for part in line.split(",")])

    def _add(self, parts: list[str]) -> None:
        match parts:
            case ["p", subject, resource, action, scope, effect]:
                self._rules.append(Rule(subject, resource, action, scope, effect == "allow"))
            case ["g", subject, role]:
                self._roles.setdefault(subject, set()).add(role)

    def allows(self, subject: str, resource: str, action: str, scope: str) -> bool:
        subjects = self._subjects(subject)
        verdicts = {rule.is_allowed for rule in self._rules if rule.subject in subjects and self._covers(rule, resource, action, scope)}
        return verdicts == {True}

    def _covers(self, rule: Rule, resource: str, action: str, scope: str) -> bool:
        return matches(rule.resource, resource) and matches(rule.action, action) and matches(rule.object, scope)

    def _subjects(self, subject: str) -> set[str]:
        found, waiting = set(), [subject, *([self._default] if self._default else [])]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self._roles.get(name, ()))
        return found
