"""A gateway's agent with a hub and an Argo CD of the tests' own, all on 127.0.0.1."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from gateway.agent import Agent
from gateway.config import ArgoCdConfig, ArgoCdTls, Config, HubConfig, Secret, StateConfig, Timing
from gateway.keystore import FileStore
from tests.gateway.fake_argocd import TOKEN, FakeArgoCd, make_application
from tests.gateway.fake_hub import FakeHub

FAST = Timing(
    coalesce_s=0.3,
    list_s=60,
    settle_s=0.5,
    userinfo_s=60,
    reconciled_s=60,
    checksum_s=60,
    watch_silence_s=30,
    watch_renew_s=30,
    backoff_min_s=0.05,
    backoff_max_s=0.2,
    refused_s=0.3,
    argocd_s=2,
    refresh_s=2,
    hub_s=5,
    look_s=0.5,
)


def argocd_config(argocd, **values):
    return ArgoCdConfig(**{"url": argocd.url, "token": Secret(TOKEN), "tls": ArgoCdTls.PLAINTEXT, **values})


@pytest.fixture
async def hub():
    async with FakeHub() as running:
        yield running


@pytest.fixture
async def argocd():
    async with FakeArgoCd(make_application("cart"), make_application("shop")) as running:
        yield running


@pytest.fixture
def config(hub, argocd, tmp_path):
    return Config(
        hub=HubConfig(hub.address, thumbprint=hub.certificate.thumbprint),
        argocd=argocd_config(argocd),
        state=StateConfig(directory=tmp_path / "state"),
        registration_token=Secret("good-token"),
        timing=FAST,
    )


@contextlib.asynccontextmanager
async def running(config, **timing):
    """An agent with this configuration, stopped at the end."""
    config = replace(config, timing=replace(config.timing, **timing))
    agent = Agent(config, FileStore(config.state.directory))
    task = asyncio.create_task(agent.run())
    try:
        yield agent
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition, seconds=10.0):
    """Wait until `condition()` is true, and return it."""
    async with asyncio.timeout(seconds):
        while not (found := condition()):
            await asyncio.sleep(0.01)
        return found
