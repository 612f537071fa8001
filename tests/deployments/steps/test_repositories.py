"""Repositories over SSH, opened with what the credentials and the known hosts say."""

import re

import pytest

from deployments.git import HostKeyUnknown, RepositoryRefused
from deployments.steps.repositories import open_mirror, scan_host_keys
from infrastructure.models import GitCredential
from infrastructure.services import KnownHostInvalid, add_known_hosts, ask_host_keys, confirm_host_key, save_credential, try_credential
from simulator.forge import make_repository
from tests.deployments.git.sshd import running_sshd
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    with running_sshd(tmp_path_factory.mktemp("ssh") / "sshd") as sshd:
        yield sshd


@pytest.fixture
def repository(tmp_path, mirrors, settings):
    settings.ALLOW_PRIVATE_ADDRESSES = True
    return make_repository(tmp_path / "host" / "shop.git", {"README.md": "Shop\n"})


@pytest.fixture
def credential(sshd):
    row = GitCredential(name="deploy key", kind="ssh_key", repositories=f"ssh://127.0.0.1:{sshd.port}/*")
    return save_credential(credential=row, secret=sshd.key.private, by=None, now=NOW)


def test_a_host_is_refused_until_its_key_is_confirmed(sshd, repository, credential):
    url = sshd.url(repository.path)
    with pytest.raises(HostKeyUnknown, match=re.escape(sshd.fingerprint)):
        open_mirror(url).resolve("")

    (presented,) = ask_host_keys(host="127.0.0.1", port=sshd.port)
    confirm_host_key(host=presented.host, port=presented.port, key_type=presented.key.key_type, key=presented.key.key, by=None, now=NOW)

    assert open_mirror(url).fetch("main") == repository.head()


def test_the_credentials_own_known_hosts_count_too(sshd, repository, credential):
    credential.known_hosts = sshd.known_hosts
    save_credential(credential=credential, by=None, now=NOW)

    assert open_mirror(sshd.url(repository.path)).fetch("main") == repository.head()


def test_the_test_button_works_for_an_ssh_key(sshd, repository, credential):
    url = sshd.url(repository.path)

    refused = try_credential(credential=credential, url=url, by=None, now=NOW)
    add_known_hosts(text=sshd.known_hosts, by=None, now=NOW)
    passed = try_credential(credential=credential, url=url, by=None, now=NOW)

    assert "confirm it under SSH known hosts" in refused
    assert passed.endswith("answers: 1 branch, the default one is main.")


def test_an_ssh_url_without_a_credential_says_what_it_needs(sshd, repository):
    with pytest.raises(RepositoryRefused, match="needs an SSH key"):
        open_mirror(sshd.url(repository.path))


def test_a_host_that_may_not_be_asked_is_told(sshd, settings):
    settings.ALLOW_PRIVATE_ADDRESSES = False

    with pytest.raises(KnownHostInvalid, match="not a public address"):
        scan_host_keys("127.0.0.1", sshd.port)
