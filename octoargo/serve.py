"""Runs parts of Octoargo in this process: web, hub, worker, beat. All four are the all-in-one default; one each is production."""

import asyncio
import contextlib
import resource
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog
import uvicorn
from django.conf import settings

log = structlog.get_logger(__name__)
STOP_WITHIN_SECONDS = 10


class Part(StrEnum):
    WEB = "web"
    HUB = "hub"
    WORKER = "worker"
    BEAT = "beat"


ALL_IN_ONE = frozenset(Part)


class PortTaken(Exception):
    """Another program listens where we want to. The message says which setting to change."""


@dataclass(frozen=True)
class Listening:
    """Where this process answers; 0 for a part that does not run here."""

    web_port: int
    hub_port: int


class _WebServer(uvicorn.Server):
    """uvicorn without its signal handlers: they raise SIGTERM again at the end, and code after it would never run."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(parts: frozenset[Part], *, host: str = "127.0.0.1", port: int = 8000, say: Any = print) -> None:
    """Run the parts until SIGTERM or SIGINT. Raises PortTaken when a port is not free."""
    _raise_file_limit()
    asyncio.run(_run(parts, host=host, port=port, say=say))


def _raise_file_limit() -> None:
    """A thousand gateways' streams are a thousand descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(65536, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _run(parts: frozenset[Part], *, host: str, port: int, say: Any) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as running:
        hub_port = await running.enter_async_context(_hub()) if Part.HUB in parts else 0
        web_port = await running.enter_async_context(_web(host, port, stop)) if Part.WEB in parts else 0
        if Part.WORKER in parts:
            running.enter_context(_worker())
        if Part.BEAT in parts:
            running.enter_context(_beat())
        log.info("serving", parts=sorted(parts), web=web_port, hub=hub_port)
        say(f"ready web={web_port} hub={hub_port}")
        await stop.wait()
        log.info("stopping")


@contextlib.asynccontextmanager
async def _hub() -> Any:
    from infrastructure.hub.server import start_hub

    try:
        hub = await start_hub()
    except (OSError, RuntimeError) as error:
        raise PortTaken(f"The hub cannot listen on {settings.HUB_LISTEN}:{settings.HUB_PORT}: {error}. Set OCTOARGO_HUB_PORT.") from error
    try:
        yield hub.port
    finally:
        await asyncio.wait_for(hub.stop(), STOP_WITHIN_SECONDS)


@contextlib.asynccontextmanager
async def _web(host: str, port: int, stop: asyncio.Event) -> Any:
    from octoargo.asgi import application

    config = uvicorn.Config(application, host=host, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=2, lifespan="off")
    try:
        listener = config.bind_socket()
    except SystemExit as error:
        raise PortTaken(f"The web server cannot listen on {host}:{port}. Choose another with --port.") from error
    server = _WebServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    serving.add_done_callback(lambda _: stop.set())
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.wait({serving}, timeout=STOP_WITHIN_SECONDS)


@contextlib.contextmanager
def _worker() -> Iterator[None]:
    """A Celery worker in threads of this process."""
    from celery.app.trace import setup_worker_optimizations
    from celery.worker import WorkController, state

    from octoargo.celery import app

    app.loader.import_default_modules()
    setup_worker_optimizations(app)  # without it an embedded worker receives tasks and never runs them
    options: dict[str, Any] = {"pool_cls": "threads", "concurrency": settings.WORKER_THREADS, "without_heartbeat": True, "without_mingle": True}

    def work() -> None:
        WorkController(app=app, without_gossip=True, **options).start()

    thread = threading.Thread(target=work, name="celery-worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        state.should_stop = 0
        thread.join(STOP_WITHIN_SECONDS)
        state.should_stop = None


@contextlib.contextmanager
def _beat() -> Iterator[None]:
    from celery.beat import EmbeddedService

    from octoargo.celery import app

    service: Any = EmbeddedService(app, thread=True)
    service.daemon = True
    service.start()
    try:
        yield
    finally:
        service.service.stop(wait=False)  # its own stop waits for ever while the broker is away
        service.join(STOP_WITHIN_SECONDS)
