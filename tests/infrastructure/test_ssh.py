"""SSH's own forms: keys as people paste them, lines of known_hosts."""

import subprocess
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.ssh import BadHostKey, BadKey, HostKey, check_host, known_name, openssh_key, parse_host_key, parse_known_hosts
from tests.deployments.git.sshd import make_pair

PUBLIC = make_pair(Ed25519PrivateKey.from_private_bytes(bytes(32))).public  # the same in every process: it names tests
TYPE, KEY = PUBLIC.split()


def test_parse_known_hosts_reads_names_ports_and_comments():
    text = f"# GitHub\n\ngit.example.com,192.0.2.7 {PUBLIC} a comment\n[Git.Example.com]:2222 {PUBLIC}\n  [2001:DB8::1]:22 {PUBLIC}\ngit.example.com {PUBLIC}\n"

    found = parse_known_hosts(text)

    assert [(known.host, known.port) for known in found] == [("git.example.com", 22), ("192.0.2.7", 22), ("git.example.com", 2222), ("2001:db8::1", 22)]
    assert {known.key for known in found} == {HostKey(TYPE, KEY)}
    assert [known.line.split()[0] for known in found] == ["git.example.com", "192.0.2.7", "[git.example.com]:2222", "2001:db8::1"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= {PUBLIC}", "hashed"),
        (f"@cert-authority *.example.com {PUBLIC}", "@cert-authority are not used"),
        (f"@revoked git.example.com {PUBLIC}", "@revoked are not used"),
        (f"*.example.com {PUBLIC}", "stands for many hosts"),
        (f"!git.example.com {PUBLIC}", "stands for many hosts"),
        (f"[git.example.com]:99999 {PUBLIC}", "is not a port"),
        (f"-oProxyCommand=x {PUBLIC}", "not the name of a host"),
        ("git.example.com", "has a host, a type and a key"),
        (PUBLIC, "has a host, a type and a key"),
        (f"git.example.com ssh-dss {KEY}", "not a type of host key"),
        (f"git.example.com ssh-rsa {KEY}", "is not whole"),
        (f"git.example.com {TYPE} {KEY[:20]}!", "is not whole"),
        (f"git.example.com {TYPE} AAAA", "is not whole"),
    ],
)
def test_parse_known_hosts_tells_which_line_is_wrong_and_why(line, sentence):
    with pytest.raises(BadHostKey, match=sentence) as refused:
        parse_known_hosts(f"git.example.com {PUBLIC}\n{line}\n")

    assert str(refused.value).startswith("Line 2: ")


@given(st.text())
def test_parse_known_hosts_of_anything_is_keys_or_a_sentence(text):
    with suppress(BadHostKey):
        assert all(known.line for known in parse_known_hosts(text))


def test_a_fingerprint_is_opensshs():
    shown = subprocess.run(["ssh-keygen", "-l", "-f", "-"], input=PUBLIC, capture_output=True, text=True, check=True).stdout

    assert parse_host_key(TYPE, KEY).fingerprint == shown.split()[1]


@pytest.mark.parametrize(("host", "port", "name"), [("a.example", None, "a.example"), ("a.example", 22, "a.example"), ("a.example", 2222, "[a.example]:2222")])
def test_known_name_is_as_openssh_writes_it(host, port, name):
    assert known_name(host, port) == name


@pytest.mark.parametrize("host", ["", "-x", "a b", "a/b", "a\nb", "x" * 300, "a;b", "fe80::1%eth0 x"])
def test_check_host_refuses(host):
    with pytest.raises(BadHostKey):
        check_host(host)


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
@pytest.mark.parametrize("make", [lambda: rsa.generate_private_key(65537, 2048), lambda: ec.generate_private_key(ec.SECP256R1())])
def test_openssh_key_takes_every_usual_form(tmp_path, form, make):
    key = make()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    path = tmp_path / "key"
    path.write_text(openssh_key("\r\n" + key.private_bytes(Encoding.PEM, form, NoEncryption()).decode().replace("\n", "\r\n")))
    path.chmod(0o600)

    assert subprocess.run(["ssh-keygen", "-y", "-f", str(path)], capture_output=True, text=True, check=True).stdout.split()[:2] == public.split()


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_openssh_key_tells_of_a_passphrase(form):
    text = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"hunter2")).decode()

    with pytest.raises(BadKey, match="has a passphrase"):
        openssh_key(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is not a private key"),
        (PUBLIC, "is not a private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA", "cannot be read"),
        ("-----BEGIN RSA PRIVATE KEY-----\nnonsense\n-----END RSA PRIVATE KEY-----", "cannot be read"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "is not a private key"),
    ],
)
def test_openssh_key_refuses_with_a_sentence(text, sentence):
    with pytest.raises(BadKey, match=sentence):
        openssh_key(text)


def test_openssh_key_refuses_kinds_that_no_host_takes():
    text = dsa.generate_private_key(1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    with pytest.raises(BadKey, match="ssh-keygen -t ed25519"):
        openssh_key(text)
