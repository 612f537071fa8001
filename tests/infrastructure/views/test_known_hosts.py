"""The page of SSH known hosts: who may, what is asked, what is stored."""

import pytest

from infrastructure.models import KnownHost
from infrastructure.services import KnownHostInvalid, add_known_hosts, known_hosts
from infrastructure.ssh import HostKey
from tests.deployments.git.sshd import make_pair
from tests.factories import NOW
from tests.infrastructure.views.conftest import permit

pytestmark = pytest.mark.django_db
PAGE = "/known-hosts/"
PUBLIC = make_pair().public
TYPE, KEY = PUBLIC.split()
CONFIRM = {"do": "confirm", "host": "git.example.com", "port": "22", "key_type": TYPE, "key": KEY}


@pytest.fixture
def presents(monkeypatch):
    """What a host says when it is asked."""
    asked = []

    def scan(host, port):
        asked.append((host, port))
        if host == "away.example.com":
            raise KnownHostInvalid("away.example.com does not answer with a host key.")
        return [HostKey(TYPE, KEY)]

    monkeypatch.setattr(known_hosts, "host_key_scan", scan)
    return asked


def text_of(response):
    return response.content.decode()


def test_the_list_shows_host_type_and_fingerprint(client, admin):
    row, *_ = add_known_hosts(text=f"[git.example.com]:2222 {PUBLIC}", by=admin, now=NOW)

    page = text_of(client.get(PAGE))

    assert "git.example.com, port 2222" in page
    assert row.fingerprint in page
    assert f"by {admin}" in page
    assert "No host key matches" in text_of(client.get(PAGE, {"q": "elsewhere"}))


def test_asking_shows_the_fingerprint_and_stores_nothing_until_it_is_confirmed(client, admin, presents):
    page = text_of(client.post(PAGE, {"do": "ask", "host": "git@git.example.com:acme/shop.git"}))

    assert presents == [("git.example.com", 22)]
    assert HostKey(TYPE, KEY).fingerprint in page
    assert "Confirm this key" in page
    assert not KnownHost.objects.exists()

    response = client.post(PAGE, CONFIRM, follow=True)

    assert KnownHost.objects.get().added_by == admin
    assert "is trusted now" in text_of(response)
    assert "Trusted already" in text_of(client.post(PAGE, {"do": "ask", "host": "git.example.com"}))


def test_a_host_that_changed_its_key_is_told_loudly(client, admin, presents):
    add_known_hosts(text=f"git.example.com {make_pair().public}", by=None, now=NOW)

    assert "None of these is the key that is trusted." in text_of(client.post(PAGE, {"do": "ask", "host": "git.example.com"}))


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ({"host": "git.example.com", "port": "2222"}, ("git.example.com", 2222)),
        ({"host": "git.example.com:2222"}, ("git.example.com", 2222)),
        ({"host": "ssh://git@git.example.com:7999/acme/shop"}, ("git.example.com", 7999)),
        ({"host": "https://git.example.com:8443/acme/shop"}, ("git.example.com", 22)),
        ({"host": "2001:db8::1"}, ("2001:db8::1", 22)),
    ],
)
def test_the_host_may_be_given_as_an_address(client, admin, presents, values, asked):
    client.post(PAGE, {"do": "ask", **values})

    assert presents == [asked]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"do": "ask", "host": ""}, "Name the host to ask."),
        ({"do": "ask", "host": "a b"}, "not the name of a host"),
        ({"do": "ask", "host": "git.example.com", "port": "70000"}, "65535"),
        ({"do": "ask", "host": "away.example.com"}, "does not answer with a host key"),
        ({"do": "paste", "lines": ""}, "Paste at least one line"),
        ({"do": "paste", "lines": f"git.example.com {PUBLIC}\n|1|a|b {PUBLIC}"}, "Line 2:"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(client, admin, presents, values, sentence):
    response = client.post(PAGE, values)

    assert response.status_code == 422
    assert sentence in text_of(response)
    assert not KnownHost.objects.exists()


def test_pasted_lines_are_added_and_one_is_forgotten(client, admin):
    client.post(PAGE, {"do": "paste", "lines": f"git.example.com {PUBLIC}\n"})
    row = KnownHost.objects.get()

    page = text_of(client.post(PAGE, {"do": "forget", "known_host": row.pk}, follow=True))

    assert "is forgotten" in page
    assert not KnownHost.objects.exists()


@pytest.mark.parametrize("values", [{"do": "forget", "known_host": "0"}, {"do": "forget"}, {"do": "forget", "known_host": "9" * 30}])
def test_forgetting_what_is_not_there_is_404(client, admin, values):
    assert client.post(PAGE, values).status_code == 404


@pytest.mark.parametrize("values", [{"port": "x"}, {"key": "AAAA"}, {"host": ""}])
def test_a_forged_confirmation_is_refused_with_a_sentence(client, admin, values):
    assert "Not confirmed" in text_of(client.post(PAGE, CONFIRM | values, follow=True))
    assert not KnownHost.objects.exists()


def test_each_act_needs_its_permission(client, reader, presents):
    assert client.get(PAGE).status_code == 403
    permit(reader, "view_knownhost")
    page = text_of(client.get(PAGE))
    assert "Ask a host" not in page
    for values in ({"do": "ask", "host": "git.example.com"}, {"do": "paste", "lines": "x"}, CONFIRM, {"do": "forget", "known_host": "1"}):
        assert client.post(PAGE, values).status_code == 403
    permit(reader, "add_knownhost")
    assert client.post(PAGE, CONFIRM).status_code == 302
    assert client.post(PAGE, {"do": "forget", "known_host": KnownHost.objects.get().pk}).status_code == 403


def test_a_stranger_signs_in_first(client):
    assert client.get(PAGE).status_code == 302


@pytest.mark.parametrize("do", ["ask", "paste", "confirm", "forget", ""])
@pytest.mark.parametrize("text", ["\ufffd", "x" * 50_000, "\u0663", "'\"><script>alert(1)</script>", "|1|a|b c d", "-oProxyCommand=x"])
def test_nothing_typed_breaks_the_page(client, admin, presents, do, text):
    fields = dict.fromkeys(["host", "port", "key_type", "key", "lines", "known_host"], text)

    response = client.post(PAGE, {"do": do, **fields}, follow=True)

    assert response.status_code < 500
    assert "<script>alert" not in text_of(response)
    assert not KnownHost.objects.exists()
