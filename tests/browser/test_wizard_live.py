"""The wizard with everything real behind it: what the page shows is given to `python -m gateway`, and the page ticks it off."""

import os
import subprocess
import sys

import pytest
import yaml
from playwright.sync_api import expect

from infrastructure.models import Gateway
from infrastructure.status import MappedBy
from simulator import Simulator
from tests.factories import annotations_for, make_environment, make_project
from tests.hub import running_hub
from tests.simulator.tools import FAST, Repository, application

pytestmark = pytest.mark.journey


@pytest.fixture
def argocd(transactional_db, tmp_path):
    make_project("shop")
    make_environment("production")
    shop = application(Repository(tmp_path), "shop", annotations=annotations_for())
    with Simulator({"speed": 20, "applications": [shop], "knobs": FAST}) as running:
        yield running


@pytest.fixture
def hub(transactional_db, settings):
    with running_hub() as running:
        settings.HUB_ADDRESS = running.address
        yield running


def start_gateway(values, registration_token, folder):
    """What the chart does with the values, without a cluster."""
    environment = {
        "OCTOARGO_HUB_ADDRESS": values["hub"]["address"],
        "OCTOARGO_HUB_THUMBPRINT": values["hub"]["thumbprint"],
        "OCTOARGO_REGISTRATION_TOKEN": registration_token,
        "OCTOARGO_STATE_DIR": str(folder),
        "OCTOARGO_MAY_SYNC": str(values["maySync"]).lower(),
        "ARGOCD_URL": values["argocd"]["url"],
        "ARGOCD_TLS": values["argocd"]["tls"],
        "ARGOCD_TOKEN": values["argocd"]["token"],
    }
    return subprocess.Popen([sys.executable, "-m", "gateway"], env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def describe(page, argocd):
    page.get_by_label("Name", exact=True).fill("eu-west")
    page.get_by_label("Production").check()
    page.get_by_label("Argo CD’s address in the cluster").fill(argocd.url)
    page.get_by_label("Plaintext (Argo CD runs with --insecure)").check()
    page.get_by_role("textbox", name="Argo CD token").fill(argocd.token)
    page.get_by_role("button", name="Continue to the Helm command").click()
    expect(page.get_by_role("heading", name="Install the gateway of eu-west")).to_be_visible()
    values = yaml.safe_load(page.locator("#values").inner_text())
    registration_token = page.locator("#helm .secret").inner_text()
    page.get_by_role("link", name="I have run it").click()
    return values, registration_token


def test_wizard_connects_a_real_gateway_checks_rotates_and_revokes(site, hub, argocd, tmp_path):
    page = site.open("/instances/add/")
    values, registration_token = describe(page, argocd)
    expect(page.get_by_role("status").filter(has_text="Waits for the gateway’s first call")).to_be_visible()
    process = start_gateway(values, registration_token, tmp_path / "state")
    try:
        expect(page.get_by_text("Everything works, from Argo CD to us.")).to_be_visible(timeout=30_000)
        expect(page.get_by_text("Gateway to Argo CD: 7 of 7 passed")).to_be_visible()
        page.get_by_role("link", name="Go to eu-west").click()
        expect(page.get_by_role("region", name="Mapping, scrolls sideways")).to_contain_text("As its annotations say.", timeout=10_000)

        page.get_by_role("button", name="Check now").click()
        expect(page.get_by_text("eu-west was checked.")).to_be_visible()
        key = Gateway.objects.get().key_id
        page.get_by_role("button", name="Rotate the key").click()
        expect(page.get_by_text("was asked to make a new key")).to_be_visible()
        expect(page.get_by_text(f"with key {key[:2]}:{key[2:4]}:")).to_be_hidden(timeout=15_000)

        page.get_by_role("link", name="Revoke the key").click()
        page.get_by_role("button", name="Revoke the key of eu-west").click()
        expect(page.get_by_role("heading", name="eu-west Offline")).to_be_visible()
    finally:
        process.terminate()
        process.wait(10)
    assert Gateway.objects.get().instance.applications.get().sources.get().mapped_by == MappedBy.ANNOTATION
