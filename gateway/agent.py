"""The agent's outer loops: keep an identity, keep a stream to the hub, keep following Argo CD."""

import asyncio
import socket
import time

import grpc
import grpc.aio
import structlog

from gateway import gateway_pb2 as pb
from gateway import hub_link
from gateway.argocd import ArgoCd
from gateway.commands import Commands
from gateway.config import Config
from gateway.feed import Feed, backoff_s
from gateway.health import PASSED, Health
from gateway.hub_link import HubError
from gateway.identity import Identity, IdentityError, State
from gateway.keystore import KeyStore, KeyStoreError
from gateway.reports import Reports
from gateway.session import Parts, Session

log = structlog.get_logger(__name__)

_FIRST_LOOK_S = 3.0
_WELL_S = 30.0  # a stream that lived so long ends the back-off
_NO_TOKEN = "There is no registration token, and the stored key (if any) is not enrolled."  # noqa: S105
_NO_TOKEN_ADVICE = "Make a registration token on the instance's page and run the Helm command shown there."  # noqa: S105


class Agent:
    """One gateway. `run` lasts until it is cancelled."""

    def __init__(self, config: Config, store: KeyStore) -> None:
        self._config = config
        self._store = store
        self._last_epoch = 0
        self._refused_token = ""  # SHA-256 of a registration token the hub did not take
        self._argocd = ArgoCd(config.argocd, config.timing)
        self.reports = Reports(window_s=config.timing.coalesce_s)
        self._feed = Feed(self._argocd, self.reports, config.timing, self._on_change)
        self.health = Health(self._argocd, self._feed, self.reports, config.timing, may_sync=config.may_sync)
        self._commands = Commands(self._argocd, self.reports, config, self.health.check)

    async def run(self) -> None:
        """Work until cancelled."""
        log.info("gateway_started", hub=self._config.hub.address, argocd=self._config.argocd.url, may_sync=self._config.may_sync)
        async with self._argocd, asyncio.TaskGroup() as group:
            group.create_task(self._feed.run())
            group.create_task(self.health.run())
            group.create_task(self._stay_connected())

    def _on_change(self) -> None:
        self.health.want()

    async def _stay_connected(self) -> None:
        """Open a stream again and again: 1 to 30 s with jitter after failures, slowly after a refusal."""
        failures, timing = 0, self._config.timing
        while True:
            started = time.monotonic()
            refused, token = False, self._config.registration_token.sha256()
            try:
                await self._connect_once()
                failures = 0
            except HubError as error:
                refused = error.is_refusal
                failures += 1
                if error.is_stale:  # our clock went back: step over what the hub has seen, farther each time
                    self._last_epoch += 60_000_000 * 2**failures
                log.warning("hub_connection_ended", leg=error.leg, reason=str(error), advice=error.advice, attempt=failures)
            except (IdentityError, KeyStoreError) as error:
                refused = True
                log.error("key_unusable", reason=str(error))
            except Exception:
                failures += 1
                log.exception("hub_connection_broke")
            if time.monotonic() - started > _WELL_S:
                failures = min(failures, 1)
            self.health.hub_legs = []
            if refused:
                await self._wait_for_new_token(token, timing.refused_s)
            else:
                await asyncio.sleep(backoff_s(failures, timing))

    async def _wait_for_new_token(self, known: str, limit_s: float) -> None:
        """A refusal does not pass by itself; another registration token than the known one (SHA-256) may help at once."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end and self._config.registration_token.sha256() == known:
            await asyncio.sleep(min(1.0, limit_s))

    async def _connect_once(self) -> None:
        """One way to the hub, with whichever of our keys it takes.

        Raises HubError, IdentityError or KeyStoreError.
        """
        state = await self._store.load()
        await self._first_look(is_known=state is not None and state.identity.is_enrolled)
        link = await hub_link.open_link(self._config.hub)
        try:
            if state is None or not any(identity.is_enrolled for identity in state.candidates):
                state = await self._enrol(link.channel, state)
            await self._connect_with(link, state)
        finally:
            await link.channel.close()

    async def _connect_with(self, link: hub_link.Link, state: State) -> None:
        """Try the keys in turn; when all are refused, a new registration token makes a new one."""
        refusal: HubError | None = None
        for identity in state.candidates:
            if not identity.is_enrolled:
                continue
            try:
                await self._stream(link, identity)
                return
            except HubError as error:
                if not error.is_refusal:
                    raise
                refusal = error
        token = self._config.registration_token
        if refusal is not None and token.read() and token.sha256() not in (state.identity.enrolled_with, self._refused_token):
            log.warning("key_refused", reason=str(refusal), next="enrolling again with the new registration token")
            await self._enrol(link.channel, state)
            return
        if refusal is not None:
            raise refusal

    async def _stream(self, link: hub_link.Link, identity: Identity) -> None:
        self._last_epoch = max(int(time.time() * 1_000_000), self._last_epoch + 1)

        async def on_welcome() -> None:
            await self._settle_key(identity)
            self.health.hub_legs = _hub_legs(link, identity, self._last_epoch)

        parts = Parts(self.reports, self._commands, self.health, self._config.timing, socket.gethostname(), self._rotate, on_welcome)
        await Session(parts, link.channel, identity, self._last_epoch).run()

    async def _first_look(self, *, is_known: bool) -> None:
        """Look at Argo CD before the first greeting: it tells the version and, to a hub that knows us, the checksum."""
        end = time.monotonic() + _FIRST_LOOK_S
        while time.monotonic() < end and (self.health.report is None or (is_known and not self.reports.is_complete)):
            await asyncio.sleep(0.05)

    # The key

    async def _enrol(self, channel: grpc.aio.Channel, state: State | None) -> State:
        """Enrol a key that is stored before it is sent: a repeated try, after a lost answer too, uses the same one."""
        token = self._config.registration_token.read()
        if not token:
            raise HubError("enrolment", _NO_TOKEN, _NO_TOKEN_ADVICE, is_refusal=True)
        pending = _unenrolled(state) or Identity.create()
        enrolled_before = state.identity if state is not None and state.identity.is_enrolled else None
        await self._store.save(State(enrolled_before, next_identity=pending) if enrolled_before else State(pending))
        try:
            enrolled = await hub_link.enrol(channel, pending, token=token, timeout_s=self._config.timing.hub_s)
        except HubError as error:
            if error.is_refusal:
                self._refused_token = self._config.registration_token.sha256()
            raise
        await self._store.save(State(enrolled))
        log.info("gateway_enrolled", instance=enrolled.instance, key=enrolled.key_id[:8])
        return State(enrolled)

    async def _rotate(self, channel: grpc.aio.Channel, identity: Identity) -> None:
        """Change the key. Both are kept until the hub has answered; if we die in between, both are tried.

        Raises HubError.
        """
        new = identity.successor()
        await self._store.save(State(identity, next_identity=new))
        try:
            await hub_link.rotate(channel, old=identity, new=new, timeout_s=self._config.timing.hub_s)
        except HubError as error:
            if error.is_refusal:
                await self._store.save(State(identity))
            raise
        await self._store.save(State(new))
        log.info("key_rotated", key=new.key_id[:8])

    async def _settle_key(self, identity: Identity) -> None:
        """The hub took this key: forget the other one."""
        state = await self._store.load()
        if state is not None and state.next_identity is not None:
            await self._store.save(State(identity))


def _unenrolled(state: State | None) -> Identity | None:
    if state is None:
        return None
    return next((identity for identity in state.candidates if not identity.is_enrolled), None)


def _hub_legs(link: hub_link.Link, identity: Identity, epoch: int) -> list[pb.Leg]:
    return [
        pb.Leg(leg="hub", status=PASSED, evidence=link.evidence),
        pb.Leg(leg="identity", status=PASSED, evidence=f"Enrolled as {identity.instance}, key {identity.key_id[:8]}…"),
        pb.Leg(leg="stream", status=PASSED, evidence=f"Open, epoch {epoch}."),
    ]
