"""Pure: whether an automated sync starts now, and with which operation: section 2.5 of the reference."""

from dataclasses import dataclass
from datetime import datetime

from simulator.comparison import Comparison, Desired
from simulator.config import Knobs
from simulator.rendering import is_multi, sources_of
from simulator.shapes import Json, parse_stamp

COOLDOWN_SECONDS = 300


@dataclass(frozen=True)
class Decision:
    """At most one of the three: an operation to start, a SyncError to show, seconds to wait before self-heal."""

    operation: Json | None = None
    error: str = ""
    wait_seconds: float = 0


def is_automated(spec: Json, *, release: tuple[int, int]) -> bool:
    policy = (spec.get("syncPolicy") or {}).get("automated")
    return policy is not None and (policy.get("enabled", True) or release < (3, 1))


def decide(*, spec: Json, status: Json, comparison: Comparison, desired: Desired, now: datetime, knobs: Knobs, speed: float) -> Decision:
    """Call only when auto-sync is on, no operation runs and no window forbids it."""
    policy = spec["syncPolicy"]["automated"]
    if comparison.sync_status != "OutOfSync" or (comparison.only_needs_pruning and not policy.get("prune")):
        return Decision()
    last = status.get("operationState") or {}
    operation = fresh_operation(spec, desired)
    if not _is_same_attempt(last, operation, spec):
        if policy.get("prune") and not policy.get("allowEmpty") and not desired.manifests:
            return Decision(error=f"Skipping sync attempt to {_shown(desired)}: auto-sync will wipe out all resources")
        return Decision(operation=operation)
    if last.get("phase") != "Succeeded":
        return Decision(error=f"Failed last sync attempt to {_shown(desired)}: {last.get('message', '')}")
    if not policy.get("selfHeal"):
        return Decision()
    waited = (now - parse_stamp(last["finishedAt"])).total_seconds() * speed if last.get("finishedAt") else 0
    attempts = 0 if waited > COOLDOWN_SECONDS else int(last["operation"]["sync"].get("autoHealAttemptsCount", 0))
    pause = min(knobs.self_heal_first_seconds * knobs.self_heal_factor ** (attempts - 1), knobs.self_heal_max_seconds) if attempts else 0
    if waited < pause:
        return Decision(wait_seconds=pause - waited)
    return Decision(operation=healing(operation, comparison.out_of_sync, attempts + 1))


def fresh_operation(spec: Json, desired: Desired) -> Json:
    sync: Json = {}
    policy = spec.get("syncPolicy") or {}
    if is_multi(spec):
        sync |= {"sources": sources_of(spec), "revisions": desired.revisions}
    else:
        sync |= {"revision": desired.revisions[0], "source": sources_of(spec)[0]}
    if (policy.get("automated") or {}).get("prune"):
        sync["prune"] = True
    if policy.get("syncOptions"):
        sync["syncOptions"] = policy["syncOptions"]
    return {"sync": sync, "initiatedBy": {"automated": True}, "retry": policy.get("retry") or {"limit": 5}}


def healing(operation: Json, out_of_sync: list[Json], attempt: int) -> Json:
    """The operation narrowed to the drifted resources."""
    names = [{key: r[key] for key in ("group", "kind", "name") if r.get(key)} for r in out_of_sync]
    return {**operation, "sync": {**operation["sync"], "resources": names, "autoHealAttemptsCount": attempt}}


def _is_same_attempt(last: Json, operation: Json, spec: Json) -> bool:
    sync = (last.get("operation") or {}).get("sync") or {}
    if sync.get("dryRun"):
        return False
    result = last.get("syncResult") or {}
    wanted = operation["sync"]
    if is_multi(spec):
        return bool((result.get("revisions") or sync.get("revisions")) == wanted["revisions"] and sync.get("sources", wanted["sources"]) == wanted["sources"])
    return bool((result.get("revision") or sync.get("revision")) == wanted["revision"] and sync.get("source", wanted["source"]) == wanted["source"])


def _shown(desired: Desired) -> str:
    return f"[{','.join(desired.revisions)}]"
