"""The page of a Git credential: SSH keys, what kind of host it is for, and what its API allows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from infrastructure.models import GitCredential
from infrastructure.services import secret_of
from tests.deployments.git.sshd import make_pair
from tests.infrastructure.admin.test_admin import address, make_credential_values, text_of

pytestmark = pytest.mark.django_db
KEY = make_pair().private


def ssh_values(**values):
    return make_credential_values(kind="ssh_key", secret="", private_key=KEY, username="", repositories="ssh://git@git.example.test/platform/*", **values)


def test_an_ssh_key_is_stored_encrypted_and_never_rendered(client, admin):
    client.post(address("gitcredential", "add"), ssh_values())

    credential = GitCredential.objects.get()
    page = text_of(client.get(address("gitcredential", "change", credential.pk)))
    assert (credential.kind, secret_of(credential).strip()) == ("ssh_key", KEY.strip())
    assert KEY.splitlines()[1] not in page + credential.secret_encrypted


def test_an_ssh_key_with_an_empty_field_keeps_its_key(client, admin):
    client.post(address("gitcredential", "add"), ssh_values())
    credential = GitCredential.objects.get()

    client.post(address("gitcredential", "change", credential.pk), ssh_values() | {"private_key": "", "username": "deploy"})

    credential.refresh_from_db()
    assert (credential.username, secret_of(credential).strip()) == ("deploy", KEY.strip())


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"private_key": ""}, "private_key", "Give the private key"),
        ({"private_key": "ssh-ed25519 AAAA"}, "private_key", "is not a private key"),
        ({"repositories": "https://git.example.test/platform/*"}, "repositories", "not reached with an SSH key"),
        ({"known_hosts": "|1|a|b ssh-ed25519 AAAA"}, "known_hosts", "hashed"),
        ({"forge_web_url": "nonsense"}, "forge_web_url", "is not a repository URL"),
        ({"forge_api_url": "ssh://git.example.test"}, "forge_api_url", "not the address of a Git host"),
        ({"kind": "nonsense"}, "kind", "nonsense"),
        ({"forge_kind": "nonsense"}, "forge_kind", "nonsense"),
    ],
)
def test_bad_input_is_told_at_its_field(client, admin, values, field, sentence):
    response = client.post(address("gitcredential", "add"), ssh_values() | values)

    assert sentence in str(response.context["adminform"].form.errors[field])
    assert KEY.splitlines()[1] not in text_of(response)
    assert not GitCredential.objects.exists()


def test_another_kind_needs_another_secret(client, admin):
    client.post(address("gitcredential", "add"), make_credential_values())
    credential = GitCredential.objects.get()

    response = client.post(address("gitcredential", "change", credential.pk), ssh_values() | {"private_key": ""})

    assert "Give the private key" in text_of(response)


def test_the_git_host_is_chosen_and_its_addresses_may_be_names_in_a_cluster(client, admin):
    values = make_credential_values(forge_kind="gitea", forge_web_url="http://gitea:3000/", forge_api_url="http://gitea:3000/api/v1")

    client.post(address("gitcredential", "add"), values)

    credential = GitCredential.objects.get()
    assert (credential.forge_kind, credential.forge_web_url, credential.forge_api_url) == ("gitea", "http://gitea:3000", "http://gitea:3000/api/v1")


def test_the_page_says_what_the_hosts_api_allows(client, admin):
    client.post(address("gitcredential", "add"), make_credential_values())
    credential = GitCredential.objects.get()
    page = address("gitcredential", "change", credential.pk)
    assert "The host has not said." in text_of(client.get(page))

    GitCredential.objects.update(api_limit=5000, api_remaining=4812, api_reset_at=timezone.now() + timedelta(minutes=10))
    assert "4,812 of 5,000 calls left until " in text_of(client.get(page))

    GitCredential.objects.update(api_retry_at=timezone.now() + timedelta(minutes=5), api_said="The host asks to wait.")
    shown = text_of(client.get(page))
    assert "Backs off until " in shown
    assert "The host asks to wait." in shown


def test_the_pages_link_to_the_known_hosts(client, admin):
    for page in (address("gitcredential", "changelist"), address("gitcredential", "add")):
        assert 'href="/known-hosts/"' in text_of(client.get(page))
    assert client.get(address("knownhost", "changelist")).headers["Location"] == "/known-hosts/"
