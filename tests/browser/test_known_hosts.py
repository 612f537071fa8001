"""SSH known hosts and Git credentials in a browser: ask a real sshd, compare, confirm; and every size and scheme."""

import pytest
from playwright.sync_api import expect

from infrastructure.models import GitCredential, KnownHost
from infrastructure.services import add_known_hosts, save_credential
from tests.browser.conftest import SIZES
from tests.deployments.git.sshd import make_pair, running_sshd
from tests.factories import NOW


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    with running_sshd(tmp_path_factory.mktemp("ssh") / "sshd") as sshd:
        yield sshd


def make_credential(**values):
    row = GitCredential(name="deploy key", kind="ssh_key", repositories="ssh://git@git.example.com/platform/*", **values)
    return save_credential(credential=row, secret=make_pair().private, by=None, now=NOW)


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_pages_pass_axe_and_never_scroll_sideways(site, sshd, settings, width, scheme):
    settings.ALLOW_PRIVATE_ADDRESSES = True
    site.look(width, scheme)
    problems = {}

    page = site.open("/known-hosts/")
    problems["empty"] = site.problems()
    page.get_by_label("Host", exact=True).fill("a b")
    page.get_by_role("button", name="Ask the host").click()
    problems["refused"] = site.problems()
    add_known_hosts(text=f"[127.0.0.1]:{sshd.port} {make_pair().public}\ngit.example.com {make_pair().public}", by=None, now=NOW)
    page.get_by_label("Host", exact=True).fill(f"127.0.0.1:{sshd.port}")
    page.get_by_role("button", name="Ask the host").click()
    expect(page.get_by_text("None of these is the key that is trusted.")).to_be_visible()
    problems["changed"] = site.problems()

    assert {place: found for place, found in problems.items() if found} == {}


def test_a_host_is_asked_compared_and_confirmed_by_keyboard(site, sshd, settings):
    settings.ALLOW_PRIVATE_ADDRESSES = True
    page = site.open("/known-hosts/")
    page.get_by_label("Host", exact=True).focus()
    page.keyboard.type(f"ssh://git@127.0.0.1:{sshd.port}/platform/shop.git")
    page.keyboard.press("Enter")

    expect(page.get_by_text(sshd.fingerprint)).to_be_visible()
    assert not KnownHost.objects.exists()
    page.get_by_role("button", name="Confirm this key").press("Enter")

    expect(page.get_by_text("is trusted now")).to_be_visible()
    assert KnownHost.objects.get().fingerprint == sshd.fingerprint


def test_a_credential_of_an_ssh_key_is_made_and_leads_to_the_known_hosts(site):
    page = site.open("/admin/infrastructure/gitcredential/add/")
    key = make_pair().private
    page.get_by_label("Name:", exact=True).fill("deploy key")
    page.get_by_label("Kind:").select_option("ssh_key")
    page.get_by_label("Private key:").fill(key)
    page.get_by_label("Repositories:").fill("ssh://git@git.example.com/platform/*")

    page.get_by_role("button", name="Save and continue editing").click()

    assert GitCredential.objects.get().kind == "ssh_key"
    assert page.get_by_label("Private key:").input_value() == ""
    expect(page.get_by_text("The host has not said.")).to_be_visible()
    page.get_by_role("link", name="SSH known hosts").first.click()
    expect(page.get_by_role("heading", name="SSH known hosts")).to_be_visible()
