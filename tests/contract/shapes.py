"""The shapes of Argo CD's documents, as rules written from the reference: `check(document, RULE)` names what is wrong and where.

A rule is a predicate, a dict of rules ("name?" = may be absent), [rule] for a list, or one_of(...).
"""

import re
from collections.abc import Callable
from typing import Any

Rule = Any
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


def text(value):
    return isinstance(value, str)


def some_text(value):
    return isinstance(value, str) and value != ""


def flag(value):
    return isinstance(value, bool)


def number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def moment(value):
    return isinstance(value, str) and _TIME.match(value) is not None


def version(value):
    return isinstance(value, str) and value.isdigit()


def words(value):
    return isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items())


def mapping(value):
    return isinstance(value, dict)


def anything(value):
    return True


def word(*allowed):
    def known(value):
        return value in allowed

    return known


def one_of(*rules):
    def fits(value):
        return any(not problems(value, rule) for rule in rules)

    return fits


def problems(value: Any, rule: Rule, where: str = "") -> list[str]:
    if isinstance(rule, dict):
        return _of_mapping(value, rule, where)
    if isinstance(rule, list):
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [problem for i, item in enumerate(value) for problem in problems(item, rule[0], f"{where}[{i}]")]
    predicate: Callable[[Any], bool] = rule
    return [] if predicate(value) else [f"{where}: {value!r} is not {predicate.__name__}"]


def _of_mapping(value: Any, rule: dict[str, Rule], where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no object"]
    found = []
    for name, inner in rule.items():
        key = name.rstrip("?")
        if key in value:
            found += problems(value[key], inner, f"{where}.{key}")
        elif not name.endswith("?"):
            found.append(f"{where}.{key} is absent")
    return found


def check(value: Any, rule: Rule) -> None:
    found = problems(value, rule)
    assert not found, "\n".join(found[:10])


HEALTH = word("Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown", "")
SYNC = word("Synced", "OutOfSync", "Unknown", "")
PHASE = word("Running", "Terminating", "Succeeded", "Failed", "Error")
SOURCE = {"repoURL": text, "path?": text, "targetRevision?": text, "helm?": mapping, "kustomize?": mapping, "directory?": mapping, "ref?": text, "name?": text}
DESTINATION = {"server?": text, "name?": text, "namespace?": text}
INITIATOR = {"username?": text, "automated?": flag}
OPERATION = {
    "sync?": {"revision?": text, "revisions?": [text], "prune?": flag, "dryRun?": flag, "source?": SOURCE, "sources?": [SOURCE], "syncOptions?": [text]},
    "initiatedBy?": INITIATOR,
    "info?": [{"name": text, "value": text}],
    "retry?": {"limit?": number, "backoff?": mapping},
}
RESULT = {
    "group": text,
    "version": text,
    "kind": some_text,
    "namespace": text,
    "name": some_text,
    "status?": word("Synced", "SyncFailed", "Pruned", "PruneSkipped"),
    "message?": text,
    "hookPhase?": one_of(PHASE, word("")),
    "hookType?": text,
    "syncPhase?": word("PreSync", "Sync", "PostSync", "SyncFail", "PostDelete"),
    "images?": [text],
}
OPERATION_STATE = {
    "operation": OPERATION,
    "phase": PHASE,
    "message?": text,
    "syncResult?": {"resources?": [RESULT], "revision": text, "revisions?": [text], "source?": SOURCE, "sources?": [SOURCE]},
    "startedAt": moment,
    "finishedAt?": moment,
    "retryCount?": number,
}
RESOURCE = {
    "group?": some_text,
    "version": some_text,
    "kind": some_text,
    "namespace?": some_text,
    "name": some_text,
    "status?": SYNC,
    "health?": {"status?": HEALTH, "message?": text},
    "hook?": flag,
    "requiresPruning?": flag,
    "syncWave?": number,
}
STATUS = {
    "sync?": {
        "status": SYNC,
        "comparedTo?": {"source?": SOURCE, "sources?": [SOURCE], "destination": DESTINATION},
        "revision?": text,
        "revisions?": [text],
    },
    "health?": {"status?": HEALTH, "lastTransitionTime?": moment, "message?": text},
    "resources?": [RESOURCE],
    "history?": [
        {
            "id": number,
            "revision?": text,
            "revisions?": [text],
            "source?": SOURCE,
            "sources?": [SOURCE],
            "deployedAt": moment,
            "deployStartedAt?": moment,
            "initiatedBy?": INITIATOR,
        }
    ],
    "conditions?": [{"type": some_text, "message": some_text, "lastTransitionTime?": moment}],
    "reconciledAt?": moment,
    "operationState?": OPERATION_STATE,
    "sourceType?": word("Helm", "Kustomize", "Directory", "Plugin"),
    "sourceTypes?": [word("Helm", "Kustomize", "Directory", "Plugin", "")],
    "summary?": {"images?": [some_text], "externalURLs?": [some_text]},
    "controllerNamespace?": some_text,
}
APPLICATION = {
    "metadata": {
        "name": some_text,
        "namespace": some_text,
        "uid": some_text,
        "resourceVersion": version,
        "generation?": number,
        "creationTimestamp": moment,
        "deletionTimestamp?": moment,
        "labels?": words,
        "annotations?": words,
        "managedFields?": [mapping],
    },
    "spec": {"source?": SOURCE, "sources?": [SOURCE], "destination": DESTINATION, "project": some_text, "syncPolicy?": mapping},
    "status": STATUS,
    "operation?": OPERATION,
}
NODE = {
    "group?": some_text,
    "version": some_text,
    "kind": some_text,
    "namespace?": some_text,
    "name": some_text,
    "uid?": some_text,
    "resourceVersion?": text,
    "createdAt?": moment,
    "health?": {"status?": HEALTH, "message?": text},
    "images?": [some_text],
    "info?": [{"name": text, "value": text}],
    "parentRefs?": [{"group?": text, "kind": some_text, "namespace?": text, "name": some_text, "uid?": text}],
}
TREE = {"nodes?": one_of([NODE], word(None)), "orphanedNodes?": one_of([NODE], word(None)), "hosts?": one_of([mapping], word(None))}
CONNECTION = {"status": word("Successful", "Failed", "Unknown", ""), "message": text, "attemptedAt": anything}
UNARY_ERROR = {"error": some_text, "code": number, "message": some_text}
STREAM_ERROR = {"error": {"grpc_code": number, "http_code": number, "message": some_text, "http_status": some_text}}
