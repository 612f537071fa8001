"""One simulated Argo CD: all its parts wired, two servers, one event loop; in a thread of its own when tests use it."""

import asyncio
import json
import shutil
import ssl
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from simulator.accounts import Accounts
from simulator.admin import Admin, Lifecycle
from simulator.api.routes import Api
from simulator.clock import Clock
from simulator.cluster import Cluster
from simulator.config import Config, load
from simulator.controller import Controller, Level
from simulator.edits import Edits
from simulator.executing import Executor
from simulator.faults import Faults
from simulator.http import Server
from simulator.operations import Operations
from simulator.policy import Policy
from simulator.repos import Repositories
from simulator.rollouts import Rollouts
from simulator.shapes import AppKey, Json
from simulator.store import Store
from simulator.world import World

_VERSIONS_START = 1_700_000_000  # a restarted simulator goes on with higher numbers, as a cluster's counter does


class Program:
    """Runs inside an event loop."""

    def __init__(self, config: Config, *, host: str, port: int, admin_port: int, tls: ssl.SSLContext | None = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="simulator-"))
        self.world = World(
            config=config,
            clock=Clock(config.speed),
            store=Store(seed=config.seed, first_version=int((time.time() - _VERSIONS_START) * 20)),
            cluster=Cluster(),
            repositories=Repositories(self.directory, config.repositories, timeout_s=config.knobs.git_timeout_seconds),
            faults=Faults(),
            accounts=Accounts(config.accounts, signing_key=config.signing_key),
            policy=Policy(config.policy, default=config.policy_default),
            pool=ThreadPoolExecutor(4, thread_name_prefix="git"),
            projects={project["metadata"]["name"]: project for project in config.projects},
            clusters=list(config.clusters),
        )
        self.controller = Controller(self.world, lambda app: self.operations.wake(app))
        rollouts = Rollouts(self.world, self._live_changed)
        self.operations = Operations(self.world, self.controller, Executor(self.world, self.controller, rollouts))
        self.edits = Edits(self.world, self.controller, rollouts)
        self.api = Api(self.world, self.controller, self.operations)
        self.server = Server(self.api.handle, host=host, port=port, tls=tls)
        self.admin_server = Server(Admin(self.world, self.edits, self._lifecycle()).handle, host="127.0.0.1", port=admin_port)

    async def start(self) -> None:
        await self.server.start()
        await self.admin_server.start()
        for application in self.world.config.applications:
            self.edits.put_application(application)

    async def stop(self) -> None:
        self.controller.stop()
        await self.server.stop()
        await self.admin_server.stop()
        self.world.pool.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _live_changed(self, key: AppKey) -> None:
        app = self.world.store.apps.get(key)
        if app is not None:
            app.wake()
            self.controller.request(app, Level.LIVE)

    def _lifecycle(self) -> Lifecycle:
        def refuse(seconds: float) -> None:
            self.controller.spawn(self._refuse(seconds))

        def restart(seconds: float) -> None:
            self.controller.spawn(self._restart(seconds))

        return Lifecycle(refuse, restart, self._describe)

    def _describe(self) -> Json:
        return {"url": self.server.url, "admin_url": self.admin_server.url, "failures": self.controller.failures}

    async def _refuse(self, seconds: float) -> None:
        """Connections are refused and the open ones cut, for so many real seconds."""
        await self.server.stop()
        await asyncio.sleep(seconds)
        await self.server.start()

    async def _restart(self, seconds: float) -> None:
        self.api.is_stopping = True
        await self.server.close_connections()
        await asyncio.sleep(seconds)
        self.api.is_stopping = False


class Simulator:
    """`with Simulator(config) as sim:` runs a program in a thread; `config` is a Config, a dict as in config.py, or a path to YAML."""

    def __init__(self, config: Config | Json | Path, *, port: int = 0, admin_port: int = 0, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        if isinstance(config, Path):
            config = load(config)
        self._config = config if isinstance(config, Config) else Config.read(config)
        self._where: dict[str, Any] = {"host": host, "port": port, "admin_port": admin_port, "tls": tls}
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(30)
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except OSError as failure:
            self._failure = failure
            self._ready.set()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        program = Program(self._config, **self._where)
        await program.start()
        self.url, self.admin_url = program.server.url, program.admin_server.url
        self._minted = program.world.accounts.minted
        self._ready.set()
        try:
            await self._stop.wait()
        finally:
            await program.stop()

    @property
    def token(self) -> str:
        """The API key of the account octoargo."""
        return self._minted["octoargo"]

    def admin(self, method: str, path: str, body: Json | None = None) -> Json:
        """Call the admin API. Raises RuntimeError with its text when it refuses."""
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.admin_url + path, content, {"Content-Type": "application/json"}, method=method)  # noqa: S310  # our own address
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return dict(json.load(answer))
        except urllib.error.HTTPError as refused:
            with refused:
                raise RuntimeError(json.load(refused)["error"]) from None

    def inject(self, kind: str, **parameters: object) -> Json:
        return self.admin("POST", "/inject", {"kind": kind, **parameters})

    def clear(self, kind: str = "") -> Json:
        return self.admin("DELETE", f"/inject?kind={kind}")
