"""Git credentials: encrypted, bound to their row, chosen by the most specific pattern."""

import pytest

from infrastructure.models import Event, GitCredential
from infrastructure.services import CredentialInvalid, credential_for, save_credential, secret_of, try_credential
from infrastructure.services import credentials as service
from tests.factories import NOW

pytestmark = pytest.mark.django_db
SECRET = "glpat-very-secret"


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


def test_a_test_keeps_its_sentence(monkeypatch):
    credential = save()
    asked = []

    def access(url, username, secret):
        asked.append((url, username, secret))
        return "Access works: 3 branches are visible."

    monkeypatch.setattr(service, "access_test", access)

    result = try_credential(credential=credential, url="https://git.example.com/platform/shop", by=None, now=NOW)

    assert asked == [("https://git.example.com/platform/shop", "bot", SECRET)]
    assert GitCredential.objects.get().test_result == result
    with pytest.raises(CredentialInvalid, match="no line of its allow-list matches"):
        try_credential(credential=credential, url="https://elsewhere.example.com/x", by=None, now=NOW)
