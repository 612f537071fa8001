"""Starts and stops the agent: settings, logs as JSON lines, signals."""

import asyncio
import logging
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import structlog

from gateway.agent import Agent
from gateway.config import Config, ConfigError, load
from gateway.keystore import open_store
from gateway.kubernetes_api import NotInClusterError
from gateway.lease import Lease

log = structlog.get_logger(__name__)

_ALIVE_S = 10.0


def run(environment: Mapping[str, str]) -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    try:
        config = load(environment)
        configure_logs(config.log_level)
        asyncio.run(_until_signal(config))
    except (ConfigError, NotInClusterError) as error:
        print(f"The gateway cannot start: {error}", file=sys.stderr)
        return 2
    return 0


def configure_logs(level: str) -> None:
    """One JSON object a line on standard output."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
    )


async def _until_signal(config: Config) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(_work(config))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("gateway_stopped")


async def _work(config: Config) -> None:
    """Agents hold state of their stream, so each time we lead there is a new one."""
    store = open_store(config.state)
    life = asyncio.create_task(_show_life(config.alive_file))
    try:
        if config.lease_name:
            await Lease(config.lease_name).lead(lambda: Agent(config, store).run())
        else:
            await Agent(config, store).run()
    finally:
        life.cancel()


async def _show_life(file: Path | None) -> None:
    """Touch a file now and then, also while another replica leads: the pod's probe looks at its age."""
    while file is not None:
        file.touch()
        await asyncio.sleep(_ALIVE_S)
