"""Looks at the gateway's own way: which leg works, which does not and what to do, and which ones wait for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway import gateway_pb2 as pb
from gateway.argocd import ArgoCd, ArgoCdError, Kind
from gateway.config import ArgoCdTls, Timing
from gateway.expiry import RENEW, day, expiry, judge_expiry
from gateway.feed import Feed, WatchState
from gateway.reports import Reports

log = structlog.get_logger(__name__)

PASSED, WAITING, WARNING, FAILED = "passed", "waiting", "warning", "failed"
REGISTRY_ANNOTATION = "argo.octopus.com/default-container-registry"
_DEBOUNCE_S = 0.3
_MENDING_S = 10.0
_TLS_WORDS = {
    ArgoCdTls.VERIFY: "Verified with the system's authorities.",
    ArgoCdTls.CUSTOM_CA: "Verified with the configured authority.",
    ArgoCdTls.SKIP_VERIFY: "Not verified, because it is configured so.",
    ArgoCdTls.PLAINTEXT: "Plaintext, because it is configured so.",
}
# Advice ends in the command, if there is one: the page puts a copy button beside it.
_TRUST_ADVICE = (
    "Set argocd.tls to custom_ca and give the gateway Argo CD's certificate by --set-file argocd.caBundle=argocd.crt; this prints it: "
    "kubectl --namespace argocd get secret argocd-secret --output 'jsonpath={.data.tls\\.crt}' | base64 --decode"
)
_NAME_ADVICE = "Set argocd.serverName to a name that Argo CD's certificate carries, for example argocd-server.argocd.svc, or change argocd.url."
_BEFORE_CLUSTERS = ("the certificate", "Argo CD", "Argo CD to be reachable", "the token")  # what a check waits for then
_PERMISSIONS = (("applications", "get"), ("applications", "sync"), ("logs", "get"))


@dataclass
class _Check:
    """The legs of one look, in order. After a failed one the rest waits."""

    legs: list[pb.Leg] = field(default_factory=list)
    waits_for: str = ""
    _started: float = field(default_factory=time.monotonic)

    def add(self, leg: str, status: str, evidence: str, advice: str = "") -> None:
        now = time.monotonic()
        self.legs.append(pb.Leg(leg=leg, status=status, evidence=evidence, advice=advice, duration_ms=int((now - self._started) * 1000)))
        self._started = now

    def fail(self, leg: str, evidence: str, advice: str, *, waits_for: str) -> None:
        self.add(leg, FAILED, evidence, advice)
        self.waits_for = waits_for

    def wait(self, leg: str) -> None:
        self.add(leg, WAITING, f"Waits for {self.waits_for}.")


class Health:
    """Checks each minute, on each change and when asked, and hands the report on."""

    def __init__(self, argocd: ArgoCd, feed: Feed, reports: Reports, timing: Timing, *, may_sync: bool) -> None:
        self._argocd = argocd
        self._feed = feed
        self._reports = reports
        self._timing = timing
        self._may_sync = may_sync
        self._wanted = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self.hub_legs: list[pb.Leg] = []
        self.argocd_version = ""
        self.report: pb.HealthReport | None = None
        self.on_report: Callable[[pb.HealthReport], Awaitable[None]] | None = None

    def want(self) -> None:
        """Something has changed: look again soon."""
        self._wanted.set()

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            self._wanted.clear()
            try:
                await self.check()
            except Exception:
                log.exception("health_check_broke")
            try:
                async with asyncio.timeout(self._pause_s()):
                    await self._wanted.wait()
                await asyncio.sleep(_DEBOUNCE_S)
            except TimeoutError:
                pass

    def _pause_s(self) -> float:
        """Somebody may stand before a failed leg and mend it: look more often then."""
        is_well = self.report is not None and all(leg.status in (PASSED, WARNING) for leg in self.report.legs)
        return self._timing.userinfo_s if is_well else min(_MENDING_S, self._timing.userinfo_s)

    async def check(self) -> pb.HealthReport:
        """Look at every leg now."""
        async with self._one_at_a_time:
            check = _Check()
            await self._reach(check)
            await self._token(check)
            await self._permissions(check)
            self._watch(check)
            self._applications(check)
            report = pb.HealthReport(legs=[*self.hub_legs, *check.legs], checked_at=int(time.time()), registries=await self._registries(check))
        self._log(report)
        self.report = report
        if self.on_report is not None:
            await self.on_report(report)
        return report

    def _log(self, report: pb.HealthReport) -> None:
        before = {leg.leg: leg.status for leg in self.report.legs} if self.report else {}
        for leg in report.legs:
            if leg.status in (FAILED, WARNING) and before.get(leg.leg) != leg.status:
                log.warning("leg_failed" if leg.status == FAILED else "leg_warned", leg=leg.leg, evidence=leg.evidence, advice=leg.advice)
            elif leg.status == PASSED and before.get(leg.leg) in (FAILED, WARNING):
                log.info("leg_recovered", leg=leg.leg, evidence=leg.evidence)

    async def _reach(self, check: _Check) -> None:
        """Reachable, trusted, and Argo CD: all by one call."""
        try:
            version = await self._argocd.get("/api/version")
        except ArgoCdError as error:
            self._unreached(check, error)
            return
        check.add("argocd_reachable", PASSED, f"{self._argocd.url} answers.")
        check.add("argocd_tls", PASSED, _TLS_WORDS[self._argocd.tls])
        if not version.get("Version"):
            check.fail("argocd_version", f"{self._argocd.url} is not Argo CD: it does not tell a version.", "Check ARGOCD_URL.", waits_for="Argo CD")
            return
        self.argocd_version = str(version["Version"])
        check.add("argocd_version", PASSED, f"Argo CD {self.argocd_version}.")

    def _unreached(self, check: _Check, error: ArgoCdError) -> None:
        if error.kind in (Kind.TLS, Kind.WANTS_HTTPS):
            check.add("argocd_reachable", PASSED, f"{self._argocd.url} accepts connections.")
            check.fail("argocd_tls", str(error), _tls_advice(error), waits_for="the certificate")
        elif error.kind is Kind.NOT_ARGOCD:
            check.add("argocd_reachable", PASSED, f"{self._argocd.url} answers.")
            check.add("argocd_tls", PASSED, _TLS_WORDS[self._argocd.tls])
            check.fail("argocd_version", str(error), "Check argocd.url: argocd-server's address, with its root path if it has one.", waits_for="Argo CD")
            return
        else:
            advice = "Check argocd.url, and that argocd-server runs: kubectl --namespace argocd get pods,services"
            check.fail("argocd_reachable", str(error), advice, waits_for="Argo CD to be reachable")
            check.wait("argocd_tls")
        check.wait("argocd_version")

    async def _token(self, check: _Check) -> None:
        """Argo CD checks a token only when a stream opens, so we ask on our own."""
        if check.waits_for:
            check.wait("token")
            return
        try:
            user = await self._argocd.get("/api/v1/session/userinfo")
        except ArgoCdError as error:
            check.fail("token", str(error), "It is tried again by itself.", waits_for="the token")
            return
        if not user.get("loggedIn"):
            self._feed.pause()
            advice = f"Make a new one, and replace it in the Secret; it is picked up without a restart: {RENEW}"
            check.fail("token", self._why_rejected(), advice, waits_for="the token")
            return
        self._feed.resume()
        status, evidence, advice = judge_expiry(self._argocd.token(), account=str(user.get("username") or "?"), now=time.time())
        check.add("token", status, evidence, advice)

    def _why_rejected(self) -> str:
        token = self._argocd.token()
        if not token:
            return "There is no token: its Secret or file is missing or empty."
        expires_at = expiry(token)
        if expires_at is not None and expires_at < time.time():
            return f"The token expired on {day(expires_at)}."
        if token.count(".") != 2:
            return "Argo CD rejects the token: it is not a JWT, which Argo CD's tokens are."
        return "Argo CD rejects the token: it was revoked, or the account or its apiKey capability is gone."

    async def _permissions(self, check: _Check) -> None:
        """A narrower policy answers "no" to these globs and may still be right, so this only warns."""
        if check.waits_for:
            check.wait("permissions")
            return
        granted: list[str] = []
        missing: list[str] = []
        for resource, verb in _PERMISSIONS:
            if verb == "sync" and not self._may_sync:
                continue
            try:
                answer = await self._argocd.get(f"/api/v1/account/can-i/{resource}/{verb}/*/*")
            except ArgoCdError as error:
                check.add("permissions", WARNING, f"Argo CD does not say what the token may do. {error}")
                return
            (granted if answer.get("value") == "yes" else missing).append(f"{resource}, {verb}")
        if not missing:
            check.add("permissions", PASSED, f"The token may: {'; '.join(granted)}.")
            return
        lines = " ".join(f"“p, role:octoargo, {permission}, */*, allow”" for permission in missing)
        check.add(
            "permissions",
            WARNING,
            f"Not for all applications: {'; '.join(missing)}.",
            f"Unless your policy is narrower on purpose, add to argocd-rbac-cm: {lines}",
        )

    async def _registries(self, check: _Check) -> pb.DefaultRegistries | None:
        """Which registry an image without one comes from, cluster by cluster; None if Argo CD does not say."""
        if check.waits_for in _BEFORE_CLUSTERS:
            return None
        try:
            answer = await self._argocd.get("/api/v1/clusters")
        except ArgoCdError as error:
            log.info("clusters_not_read", reason=str(error))
            return None
        return pb.DefaultRegistries(by_destination=default_registries(answer.get("items") or ()))

    def _watch(self, check: _Check) -> None:
        if check.waits_for:
            check.wait("watch")
            return
        match self._feed.watch_state:
            case WatchState.OPEN:
                check.add("watch", PASSED, "The watch is open.")
            case WatchState.SILENT if len(self._reports):
                check.add(
                    "watch", WARNING, f"The watch opens and shows nothing, though {_count(self._reports)}.", "Does a proxy hold back Argo CD's event stream?"
                )
            case WatchState.SILENT:
                check.add("watch", PASSED, "The watch is accepted; with no application visible it stays silent.")
            case WatchState.FAILED:
                check.fail("watch", self._feed.watch_error, "It is tried again by itself; until then the list is asked every 30 s.", waits_for="the watch")
            case _:
                check.add("watch", WAITING, "The watch is being opened.")

    def _applications(self, check: _Check) -> None:
        if self._feed.list_error and not check.waits_for:
            check.fail("applications", self._feed.list_error, "Does the token have “applications, get”?", waits_for="the list")
        elif check.waits_for and not (check.waits_for == "the watch" and self._reports.is_complete):
            check.wait("applications")
        elif not self._reports.is_complete:
            check.add("applications", WAITING, "Waits for the first list.")
        elif len(self._reports):
            check.add("applications", PASSED, f"{_count(self._reports)}.".capitalize())
        else:
            advice = "Fine if there is none yet. Else give the account the right “applications, get” in argocd-rbac-cm."
            check.add("applications", WARNING, "No application is visible to the token.", advice)


def _tls_advice(error: ArgoCdError) -> str:
    if error.kind is Kind.WANTS_HTTPS:
        return "Set argocd.url to https://… and argocd.tls to verify, custom_ca or skip_verify."
    return _NAME_ADVICE if "mismatch" in str(error) else _TRUST_ADVICE  # trusted, but by another name


def default_registries(clusters: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Read the annotation of each cluster, by its server and by its name."""
    registries: dict[str, str] = {}
    for cluster in clusters:
        registry = (cluster.get("annotations") or {}).get(REGISTRY_ANNOTATION)
        if registry:
            registries |= {str(cluster[key]): str(registry) for key in ("server", "name") if cluster.get(key)}
    return registries


def _count(reports: Reports) -> str:
    return "1 application is visible" if len(reports) == 1 else f"{len(reports)} applications are visible"
