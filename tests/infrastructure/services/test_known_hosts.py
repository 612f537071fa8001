"""Host keys that people confirmed: added whole or not at all, told in the trail, forgotten for good."""

import pytest

from infrastructure.models import Event, KnownHost
from infrastructure.services import KnownHostInvalid, add_known_hosts, ask_host_keys, confirm_host_key, forget_known_host, known_hosts_text
from infrastructure.services import known_hosts as service
from infrastructure.ssh import HostKey
from tests.deployments.git.sshd import make_pair
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db
PUBLIC = make_pair().public
TYPE, KEY = PUBLIC.split()
LINE = f"git.example.com {PUBLIC}\n"


def test_pasted_lines_are_added_once_with_who_and_when():
    user = make_user()

    added = add_known_hosts(text=f"{LINE}{LINE}[git.example.com]:2222 {PUBLIC}", by=user, now=NOW)
    again = add_known_hosts(text=LINE, by=None, now=NOW)

    assert [(row.host, row.port, row.key_type, row.key, row.added_by, row.added_at) for row in added] == [
        ("git.example.com", 22, TYPE, KEY, user, NOW),
        ("git.example.com", 2222, TYPE, KEY, user, NOW),
    ]
    assert added[0].fingerprint.startswith("SHA256:")
    assert (again, KnownHost.objects.count()) == ([], 2)
    assert [event.detail["how"] for event in Event.objects.filter(kind="ssh_host_key_added")] == ["pasted", "pasted"]


@pytest.mark.parametrize("text", ["", "# nothing", f"{LINE}git.example.com ssh-rsa {KEY}\n", f"{LINE}|1|abc|def {PUBLIC}"])
def test_nothing_is_half_done(text):
    with pytest.raises(KnownHostInvalid):
        add_known_hosts(text=text, by=None, now=NOW)

    assert not KnownHost.objects.exists()
    assert not Event.objects.exists()


def test_a_confirmed_key_is_trusted_and_a_forgotten_one_is_not():
    row = confirm_host_key(host="GIT.example.com", port=2222, key_type=TYPE, key=KEY, by=None, now=NOW)
    again = confirm_host_key(host="git.example.com", port=2222, key_type=TYPE, key=KEY, by=None, now=NOW)

    assert again == row
    assert known_hosts_text(host="git.example.com", port=2222) == f"[git.example.com]:2222 {PUBLIC}\n"
    assert known_hosts_text(host="git.example.com", port=None) == ""
    forget_known_host(known_host=row, by=None, now=NOW)
    assert known_hosts_text(host="git.example.com", port=2222) == ""
    assert sorted(Event.objects.values_list("kind", flat=True)) == ["ssh_host_key_added", "ssh_host_key_forgotten"]


@pytest.mark.parametrize("values", [{"host": "a b"}, {"port": 0}, {"key_type": "ssh-dss"}, {"key": "AAAA"}])
def test_a_malformed_confirmation_is_refused(values):
    with pytest.raises(KnownHostInvalid):
        confirm_host_key(**{"host": "git.example.com", "port": 22, "key_type": TYPE, "key": KEY} | values, by=None, now=NOW)


def test_asking_stores_nothing(monkeypatch):
    monkeypatch.setattr(service, "host_key_scan", lambda host, port: [HostKey(TYPE, KEY)])

    found = ask_host_keys(host="Git.example.com", port=22)

    assert [(known.host, known.port, known.line) for known in found] == [("git.example.com", 22, LINE.strip())]
    assert not KnownHost.objects.exists()
    with pytest.raises(KnownHostInvalid, match="not the name of a host"):
        ask_host_keys(host="-oProxyCommand=x", port=22)
