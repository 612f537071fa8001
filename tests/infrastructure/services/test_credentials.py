"""Git credentials: encrypted, bound to their row, chosen by the most specific pattern."""

import pytest

from infrastructure.models import Event, GitCredential
from infrastructure.services import CredentialInvalid, credential_for, save_credential, secret_of, try_credential
from infrastructure.services import credentials as service
from tests.deployments.git.sshd import make_pair
from tests.factories import NOW

pytestmark = pytest.mark.django_db
SECRET = "glpat-very-secret"
SSH_LINES = "ssh://git@git.example.com/platform/*"
KEY = make_pair().private


def save(name="platform", repositories="https://git.example.com/platform/*", secret=SECRET, **values):
    return save_credential(credential=GitCredential(name=name, username="bot", repositories=repositories, **values), secret=secret, by=None, now=NOW)


def test_the_secret_is_encrypted_and_bound_to_its_row():
    first, second = save(), save("other")

    assert SECRET not in first.secret_encrypted
    assert SECRET not in str(list(Event.objects.values()))
    assert secret_of(first) == SECRET
    second.secret_encrypted = first.secret_encrypted
    with pytest.raises(Exception, match="does not belong to this row"):
        secret_of(second)


def test_saving_without_a_secret_keeps_the_stored_one():
    credential = save()
    credential.username = "other"

    save_credential(credential=credential, secret="", by=None, now=NOW)

    assert secret_of(GitCredential.objects.get()) == SECRET


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"secret": ""}, "Give the password, token or key"),
        ({"repositories": " \n "}, "Name at least one repository"),
        ({"repositories": "https://*/x"}, r"has a \* in the host"),
        ({"repositories": "nonsense"}, "is not a repository URL"),
        ({"name": ""}, "blank"),
        ({"forge_web_url": "git.example.com"}, "is not a repository URL"),
        ({"forge_api_url": "https://bot:x@git.example.com/api"}, "not the address of a Git host"),
        ({"known_hosts": "git.example.com"}, "has a host, a type and a key"),
        ({"kind": "ssh_key", "repositories": SSH_LINES}, "is not a private key"),
        ({"kind": "ssh_key", "secret": KEY}, "not reached with an SSH key"),
    ],
)
def test_what_cannot_be_is_refused(values, sentence):
    with pytest.raises(CredentialInvalid, match=sentence):
        save(**values)

    assert not GitCredential.objects.exists()


def test_the_most_specific_pattern_wins():
    save("host", "https://git.example.com/*")
    special = save("special", "https://git.example.com/platform/shop-*\nhttps://other.example.com/x")

    assert credential_for("https://user@GIT.example.com:443/Platform/shop-config.git/") == special
    assert credential_for("https://git.example.com/else/where").name == "host"
    assert credential_for("https://git.example.com.evil.test/platform/shop-a") is None


def test_the_way_of_the_url_chooses_the_kind():
    key = save("key", SSH_LINES, secret=KEY, kind="ssh_key")
    assert credential_for("git@git.example.com:platform/shop.git") == key
    assert credential_for("https://git.example.com/platform/shop") is None

    password = save("password")

    assert credential_for("https://git.example.com/platform/shop") == password
    assert credential_for("git@git.example.com:platform/shop.git") == password
    assert credential_for("ssh://git@git.example.com:22/platform/shop") == key
    assert credential_for("ssh://git@git.example.com:2222/platform/shop") is None


def test_another_kind_needs_another_secret():
    credential = save()
    credential.kind, credential.repositories = "ssh_key", SSH_LINES

    with pytest.raises(CredentialInvalid, match="Another kind of credential needs another secret"):
        save_credential(credential=credential, secret="", by=None, now=NOW)


def test_a_hosts_addresses_may_be_names_in_a_cluster():
    assert save(forge_web_url="http://gitea:3000/", forge_api_url="http://gitea:3000/api/v1").forge_web_url == "http://gitea:3000"


def test_a_test_keeps_its_sentence(monkeypatch):
    credential = save()
    asked = []

    def access(url, credential):
        asked.append((url, credential.username, secret_of(credential)))
        return "Access works: 3 branches are visible."

    monkeypatch.setattr(service, "access_test", access)

    result = try_credential(credential=credential, url="https://git.example.com/platform/shop", by=None, now=NOW)

    assert asked == [("https://git.example.com/platform/shop", "bot", SECRET)]
    assert GitCredential.objects.get().test_result == result
    with pytest.raises(CredentialInvalid, match="no line of its allow-list matches"):
        try_credential(credential=credential, url="https://elsewhere.example.com/x", by=None, now=NOW)
