"""Pure: the legs of the way between Argo CD and us, from what we know and what the gateway reported.

Registered -> connected -> (the gateway's own legs to the hub) and (its legs to Argo CD, each waits for the one before).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from infrastructure.sentences import at, duration
from infrastructure.status import CheckStatus, GatewayStatus

TITLES = {
    "registered": "Registered",
    "connected": "Connected",
    "hub": "Gateway to hub",
    "identity": "Identity and enrolment",
    "stream": "Stream",
    "argocd_reachable": "Argo CD reachable",
    "argocd_tls": "Argo CD’s certificate",
    "argocd_version": "Version",
    "token": "Argo CD token",
    "permissions": "Permissions",
    "watch": "Watch opens",
    "applications": "Applications seen",
}
TO_HUB = ("registered", "connected", "hub", "identity", "stream")
TO_ARGO_CD = ("argocd_reachable", "argocd_tls", "argocd_version", "token", "permissions", "watch", "applications")
_TOOLS = ("kubectl ", "helm ", "argocd ")
_TONES = {CheckStatus.FAILED: "bad", CheckStatus.WARNING: "warn"}


@dataclass(frozen=True)
class Leg:
    """One check: its status, what it found, and what to do about it. `command` is to copy, "" if there is none."""

    key: str
    title: str
    status: CheckStatus
    evidence: str
    advice: str = ""
    command: str = ""
    duration_ms: int | None = None
    is_stale: bool = False

    @property
    def word(self) -> str:
        """The badge's word: a warning of the token is about its end, any other is just one."""
        return "Warning" if self.status is CheckStatus.WARNING and self.key != "token" else str(self.status.label)

    @property
    def icon(self) -> str:
        """Of a warning's badge."""
        return "clock" if self.key == "token" else "warning"

    @property
    def tone(self) -> str:
        return "quiet" if self.is_stale else _TONES.get(self.status, "")

    @property
    def took(self) -> str:
        if self.duration_ms is None:
            return ""
        return f"{self.duration_ms / 1000:.1f} s" if self.duration_ms >= 1000 else f"{self.duration_ms} ms"


@dataclass(frozen=True)
class GatewayFacts:
    """What we know of an instance's gateway. Times are None for what has not happened."""

    status: GatewayStatus
    kubernetes_name: str
    registered_at: datetime
    enrolled_at: datetime | None = None
    connected_at: datetime | None = None
    last_seen_at: datetime | None = None
    last_error: str = ""
    key_id: str = ""
    token_expires_at: datetime | None = None  # of the registration token that still works


@dataclass(frozen=True)
class Way:
    """All legs of an instance, in two groups, and the sentence that sums them up."""

    to_hub: tuple[Leg, ...]
    to_argo_cd: tuple[Leg, ...]

    @property
    def legs(self) -> tuple[Leg, ...]:
        return self.to_hub + self.to_argo_cd

    @property
    def failed(self) -> int:
        return sum(leg.status is CheckStatus.FAILED for leg in self.legs)

    @property
    def passed(self) -> int:
        return sum(leg.status is CheckStatus.PASSED for leg in self.legs)

    @property
    def is_complete(self) -> bool:
        """Nothing failed, nothing waits, and we hear it now. A warning does not hold the wizard up."""
        return all(leg.status in (CheckStatus.PASSED, CheckStatus.WARNING) and not leg.is_stale for leg in self.legs)

    @property
    def by_urgency(self) -> list[Leg]:
        """Failed ones first, then warnings, then in the order of the way."""
        rank = {CheckStatus.FAILED: 0, CheckStatus.WARNING: 1}
        return sorted(self.legs, key=lambda leg: rank.get(leg.status, 2))

    @property
    def summary(self) -> str:
        first = next((leg for leg in self.legs if leg.status is CheckStatus.FAILED), None)
        if first:
            return f"{first.title}: {first.evidence} Everything after that waits."
        waiting = next((leg for leg in self.legs if leg.status is CheckStatus.WAITING), None)
        if waiting:
            return f"{waiting.title}: {waiting.evidence}"
        if any(leg.status is CheckStatus.WARNING for leg in self.legs):
            return "Everything works. One thing asks for your attention soon."
        return "Everything works, from Argo CD to us."


def way_of(facts: GatewayFacts, reported: Sequence[Mapping[str, object]], *, now: datetime) -> Way:
    """Lay out every leg. `reported` are those of the newest health check: {"leg", "status", "evidence", "advice", "duration_ms"}."""
    by_name = {str(leg.get("leg")): leg for leg in reported}
    is_stale = facts.status is not GatewayStatus.ONLINE
    registered, connected = _registered(facts, now), _connected(facts, now)
    behind = next((leg for leg in (registered, connected) if leg.status is not CheckStatus.PASSED), None)
    to_hub = [registered, connected]
    to_hub += [_reported(key, by_name[key], is_stale=is_stale) for key in TO_HUB if key in by_name]
    to_argo_cd = []
    for key in TO_ARGO_CD:
        if key in by_name:
            leg = _reported(key, by_name[key], is_stale=is_stale)
        else:
            what_for = f"Waits for {'the gateway’s first report' if behind is None else _named(behind)}."
            leg = Leg(key, TITLES[key], CheckStatus.WAITING, what_for)
        to_argo_cd.append(leg)
    return Way(to_hub=tuple(to_hub), to_argo_cd=tuple(to_argo_cd))


def _named(leg: Leg) -> str:
    return {"registered": "the registration", "connected": "the connection"}.get(leg.key, leg.title)


def _registered(facts: GatewayFacts, now: datetime) -> Leg:
    leg = Leg("registered", TITLES["registered"], CheckStatus.PASSED, "")
    if facts.status is GatewayStatus.REVOKED:
        return replace(
            leg,
            status=CheckStatus.FAILED,
            evidence="The gateway’s key was revoked.",
            advice="Make a new registration token in step 2 and run the Helm command again. The gateway then makes a new key.",
        )
    if facts.enrolled_at is not None:
        return replace(leg, evidence=f"Enrolled {_on(facts.enrolled_at, now)} with key {short_key(facts.key_id)}. The registration token is worthless now.")
    if facts.token_expires_at is not None and facts.token_expires_at > now:
        left = duration(facts.token_expires_at - now)
        return replace(
            leg,
            status=CheckStatus.WAITING,
            evidence=f"Waits for the gateway’s first call since {at(facts.registered_at, now=now)}. The registration token is valid for another {left}.",
        )
    return replace(
        leg,
        status=CheckStatus.FAILED,
        evidence="No gateway called, and the registration token is no longer valid.",
        advice="Make a new token in step 2 and run the Helm command again. Running it again is harmless.",
    )


def _connected(facts: GatewayFacts, now: datetime) -> Leg:
    leg = Leg("connected", TITLES["connected"], CheckStatus.WAITING, "Waits for the registration.")
    if facts.status is GatewayStatus.ONLINE:
        since = f"Connected since {at(facts.connected_at, now=now)}." if facts.connected_at else "Connected."
        return replace(leg, status=CheckStatus.PASSED, evidence=since)
    if facts.enrolled_at is None or facts.status is GatewayStatus.REVOKED:
        return leg
    if facts.last_seen_at is None:
        evidence = f"The gateway enrolled {_on(facts.enrolled_at, now)} and has not opened its stream yet."
    else:
        error = f" Last error: {facts.last_error.rstrip('.')}." if facts.last_error else ""
        evidence = f"Not heard since {at(facts.last_seen_at, now=now)}.{error}"
    return replace(
        leg,
        status=CheckStatus.FAILED if facts.last_seen_at else CheckStatus.WAITING,
        evidence=evidence,
        advice="It reconnects by itself. If it does not, its log says why:" if facts.last_seen_at else "",
        command=f"kubectl --namespace {facts.kubernetes_name} logs deployment/{facts.kubernetes_name} --tail 50" if facts.last_seen_at else "",
    )


def _on(moment: datetime, now: datetime) -> str:
    return f"{'at' if moment.date() == now.date() else 'on'} {at(moment, now=now)}"


def short_key(key_id: str) -> str:
    """The first eight digits, in pairs: "7f:0c:51:e9"."""
    return ":".join(key_id[start : start + 2] for start in range(0, min(len(key_id), 8), 2))


def split_advice(advice: str) -> tuple[str, str]:
    """Part "Look at it: kubectl get pods" into its sentence and the command at its end, "" if it does not end in one."""
    sentence, colon, command = advice.rpartition(": ")
    is_command = command.startswith(_TOOLS) and not any(mark in command for mark in (" and ", ". ", "\n"))
    return (f"{sentence}:", command) if colon and is_command else (advice, "")


def _reported(key: str, found: Mapping[str, object], *, is_stale: bool) -> Leg:
    status = str(found.get("status"))
    advice, command = split_advice(str(found.get("advice") or ""))
    took = found.get("duration_ms")
    return Leg(
        key=key,
        title=TITLES[key],
        status=CheckStatus(status) if status in CheckStatus.values else CheckStatus.WAITING,
        evidence=str(found.get("evidence") or ""),
        advice=advice,
        command=command,
        duration_ms=took if isinstance(took, int) and took else None,
        is_stale=is_stale,
    )
