"""Git over SSH, against a real sshd: only confirmed hosts, only our key, and every fault said in a sentence."""

import logging
import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from deployments.git import (
    Author,
    BranchMissing,
    Credential,
    CredentialRefused,
    HostKeyChanged,
    HostKeyUnknown,
    Mirror,
    PushForbidden,
    RepositoryAway,
    RepositoryMissing,
    RepositoryRefused,
    SshKey,
    ssh_host_keys,
    test_access,
)
from deployments.git.environment import make_access
from deployments.git.ssh import open_session
from simulator.forge import make_repository
from tests.deployments.git.sshd import make_pair, running_sshd

AUTHOR = Author("Octoargo", "octoargo@localhost")
FILES = {"apps/web/deployment.yaml": "image: acme/web:1.0\n", "README.md": "Shop\n"}


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    with running_sshd(tmp_path_factory.mktemp("ssh") / "sshd") as sshd:
        yield sshd


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "host" / "shop.git", FILES)


@pytest.fixture
def key(sshd):
    return SshKey("", sshd.key.private, sshd.known_hosts)


@pytest.fixture
def make_mirror(tmp_path, sshd, repository, key):
    def make(*, credential=key, path=None, **options):
        return Mirror(sshd.url(path or repository.path), directory=tmp_path / "mirrors", credential=credential, **{"allow_private": True, **options})

    return make


def left_files():
    return [path for place in ("/dev/shm", tempfile.gettempdir()) for path in Path(place).glob(f"octoargo-ssh-{os.getpid()}-*")]


def passphrased(pair, tmp_path):
    path = tmp_path / "key"
    path.write_text(pair.private)
    path.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "hunter2", "-f", str(path)], check=True)
    return path.read_text()


def test_a_repository_is_read_and_committed_to(make_mirror, repository, sshd):
    mirror = make_mirror()
    resolved = mirror.resolve("HEAD")
    base = mirror.fetch(resolved.branch)

    pushed = mirror.commit_and_push("main", base, lambda reader: {"apps/web/deployment.yaml": b"image: acme/web:1.1\n"}, "Deploy", AUTHOR, "42")

    assert (resolved.branch, base, pushed.sha) == ("main", resolved.head_sha, repository.head())
    assert mirror.read_files(pushed.sha, ["apps/web/deployment.yaml"]) == {"apps/web/deployment.yaml": b"image: acme/web:1.1\n"}
    assert mirror.find_commit("main", "42").sha == pushed.sha
    assert "Accepted publickey" in sshd.log()


def test_another_machine_sees_what_was_pushed_and_a_moved_branch_is_followed(make_mirror, repository, tmp_path):
    mirror = make_mirror()
    base = mirror.fetch("main")
    repository.commit({"README.md": "Somebody was faster\n"})

    pushed = mirror.commit_and_push("main", base, lambda reader: {"x": b"1"}, "Deploy", AUTHOR, "43")

    assert pushed.sha == repository.head()
    assert mirror.read_files(pushed.sha, ["README.md"]) == {"README.md": b"Somebody was faster\n"}


@pytest.mark.parametrize("known_hosts", ["", "\n", "git.example.com ssh-ed25519 AAAA", "127.0.0.1 {public}"])
def test_a_host_that_nobody_confirmed_is_refused_and_named(make_mirror, sshd, key, known_hosts):
    mirror = make_mirror(credential=replace(key, known_hosts=known_hosts.format(public=sshd.host_key.public)))
    before = sshd.log().count("Accepted")

    with pytest.raises(HostKeyUnknown) as refused:
        mirror.resolve("")

    assert f"127.0.0.1:{sshd.port} presents the SSH host key ssh-ed25519 {sshd.fingerprint}" in str(refused.value)
    assert "SSH known hosts" in str(refused.value)
    assert sshd.log().count("Accepted") == before


def test_a_changed_host_key_is_refused_loudly(make_mirror, sshd, key):
    other = f"[127.0.0.1]:{sshd.port} {make_pair().public}\n"

    with pytest.raises(HostKeyChanged) as refused:
        make_mirror(credential=replace(key, known_hosts=other)).fetch("main")

    assert str(refused.value).startswith(f"Refused: the SSH host key of 127.0.0.1:{sshd.port} has changed. It presents ssh-ed25519 {sshd.fingerprint}")


def test_a_second_key_of_the_host_lets_it_change(make_mirror, sshd, key, repository):
    both = f"[127.0.0.1]:{sshd.port} {make_pair().public}\n{sshd.known_hosts}"

    assert make_mirror(credential=replace(key, known_hosts=both)).fetch("main") == repository.head()


@pytest.mark.parametrize("use", [lambda mirror: mirror.resolve(""), lambda mirror: mirror.fetch("main"), lambda mirror: mirror.ensure_commit("1" * 40)])
def test_a_key_that_the_host_does_not_know_is_refused(make_mirror, sshd, key, use):
    with pytest.raises(CredentialRefused, match=f"refused the SSH key for the user {sshd.user}"):
        use(make_mirror(credential=replace(key, private_key=make_pair().private)))


def test_the_credentials_user_goes_before_the_urls(make_mirror, key):
    with pytest.raises(CredentialRefused, match="for the user nobody-here"):
        make_mirror(credential=replace(key, username="nobody-here")).resolve("")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is not a private key"),
        ("ssh-ed25519 AAAA", "is not a private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "cannot be read"),
    ],
)
def test_a_text_that_is_no_key_is_told(make_mirror, key, text, sentence):
    with pytest.raises(CredentialRefused, match=sentence):
        make_mirror(credential=replace(key, private_key=text)).resolve("")


def test_a_key_with_a_passphrase_is_told(make_mirror, sshd, key, tmp_path):
    with pytest.raises(CredentialRefused, match="has a passphrase"):
        make_mirror(credential=replace(key, private_key=passphrased(sshd.key, tmp_path))).resolve("")


def test_windows_line_ends_and_blanks_around_a_key_do_not_matter(make_mirror, key, repository):
    pasted = "\r\n  " + key.private_key.replace("\n", "\r\n") + "  "

    assert make_mirror(credential=replace(key, private_key=pasted)).fetch("main") == repository.head()


def test_a_host_that_is_gone_is_away(tmp_path, key):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"ssh://git@127.0.0.1:{free.getsockname()[1]}/shop.git"

    with pytest.raises(RepositoryAway, match=r"does not answer: .*refused"):
        Mirror(url, directory=tmp_path, credential=key, allow_private=True).resolve("")


def test_what_is_no_ssh_server_is_away(tmp_path, key):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.listen()
        url = f"ssh://git@127.0.0.1:{server.getsockname()[1]}/shop.git"

        with pytest.raises(RepositoryAway):
            Mirror(url, directory=tmp_path, credential=key, allow_private=True, timeout_s=1).resolve("")

    assert left_files() == []


def test_a_repository_that_is_not_there_is_missing(make_mirror, tmp_path):
    with pytest.raises(RepositoryMissing, match="was not found"):
        make_mirror(path=tmp_path / "none.git").resolve("")


def test_a_branch_that_is_not_there_is_missing(make_mirror):
    with pytest.raises(BranchMissing, match="has no branch develop"):
        make_mirror().fetch("develop")


def test_a_hook_that_refuses_the_push_is_heard(make_mirror, repository):
    hook = Path(repository.path) / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    mirror = make_mirror()

    with pytest.raises(PushForbidden, match="main is protected"):
        mirror.commit_and_push("main", mirror.fetch("main"), lambda reader: {"x": b"1"}, "Deploy", AUTHOR, "44")


def test_a_private_address_is_refused_before_ssh_runs(make_mirror, sshd):
    before = sshd.log()

    with pytest.raises(RepositoryRefused, match="not a public address"):
        make_mirror(allow_private=False).resolve("")

    assert sshd.log() == before


def test_the_key_is_in_no_argument_and_its_file_is_gone(make_mirror, key, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    secret = key.private_key.splitlines()[2]
    mirror = make_mirror()
    mirror.fetch("main")

    assert secret not in repr(key) + caplog.text
    assert left_files() == []
    assert not any(secret.encode() in path.read_bytes() for path in tmp_path.glob("mirrors/**/*") if path.is_file())


def test_the_files_of_a_command_are_ours_alone(key):
    access = make_access("git@git.example.com:acme/shop.git", credential=key, allow_private=True, allow_file=False, timeout_s=5)

    with open_session(access, ("192.0.2.7",)) as session:
        command = session.environment["GIT_SSH_COMMAND"]
        files = {path.name: path.stat().st_mode & 0o777 for path in session.log.parent.iterdir()}
        mode = session.log.parent.stat().st_mode & 0o777

    assert (files, mode) == ({"key": 0o600, "known_hosts": 0o600}, 0o700)
    for option in ("StrictHostKeyChecking=yes", "IdentityAgent=none", "HostName=192.0.2.7", "HostKeyAlias=git.example.com", "User=git", "BatchMode=yes"):
        assert option in command
    assert access.remote == "git.example.com:acme/shop.git"
    assert not session.log.parent.exists()


def test_the_users_own_ssh_settings_and_agent_do_not_matter(make_mirror, key, repository, tmp_path, monkeypatch):
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    (tmp_path / "home" / ".ssh" / "config").write_text("Host *\n\tProxyCommand false\n\tStrictHostKeyChecking no\n")
    for name, value in {"HOME": str(tmp_path / "home"), "GIT_SSH_COMMAND": "false", "GIT_SSH": "false", "SSH_AUTH_SOCK": "/nowhere"}.items():
        monkeypatch.setenv(name, value)

    assert make_mirror().fetch("main") == repository.head()
    with pytest.raises(HostKeyUnknown):
        make_mirror(credential=replace(key, known_hosts="")).fetch("main")


@pytest.mark.parametrize("credential", [None, Credential("bot", "token")])
def test_an_ssh_url_without_a_key_says_what_it_needs(tmp_path, credential):
    with pytest.raises(RepositoryRefused, match="needs an SSH key"):
        Mirror("ssh://git@git.example.com/acme/shop", directory=tmp_path, credential=credential)


def test_an_https_url_with_a_key_says_what_it_needs(tmp_path, key):
    with pytest.raises(RepositoryRefused, match="cannot be reached with an SSH key"):
        Mirror("https://git.example.com/acme/shop", directory=tmp_path, credential=key)


def test_the_scp_form_is_https_with_a_password_and_ssh_with_a_key(tmp_path, key):
    url = "git@git.example.com:acme/shop.git"

    assert Mirror(url, directory=tmp_path, credential=Credential("bot", "x")).address == "https://git.example.com/acme/shop.git"
    assert Mirror(url, directory=tmp_path, credential=key).address == "ssh://git.example.com/acme/shop.git"


@pytest.mark.parametrize("user", ["-oProxyCommand=x", "a b", "a%h", "a\nb"])
def test_a_user_that_ssh_would_misread_is_refused(make_mirror, key, user):
    with pytest.raises(RepositoryRefused, match="cannot be a user name"):
        make_mirror(credential=replace(key, username=user)).resolve("")


def test_test_access_says_what_the_key_can_see(sshd, repository, key, tmp_path):
    url = sshd.url(repository.path)

    good = test_access(url, key, directory=tmp_path, allow_private=True)
    bad = test_access(url, replace(key, known_hosts=""), directory=tmp_path, allow_private=True)

    assert (good.is_passed, good.sentence.endswith("answers: 1 branch, the default one is main.")) == (True, True)
    assert (bad.is_passed, sshd.fingerprint in bad.sentence) == (False, True)


def test_ssh_host_keys_asks_and_trusts_nothing(sshd):
    found = ssh_host_keys("127.0.0.1", sshd.port, allow_private=True)

    assert [(key.key_type, key.fingerprint) for key in found] == [("ssh-ed25519", sshd.fingerprint)]
    assert f"{found[0].key_type} {found[0].key}" == sshd.host_key.public


@pytest.mark.parametrize(
    ("host", "port", "options", "error"),
    [
        ("127.0.0.1", 22, {"allow_private": False}, RepositoryRefused),
        ("-oProxyCommand=x", 22, {"allow_private": True}, RepositoryRefused),
        ("127.0.0.1", 0, {"allow_private": True}, RepositoryRefused),
        ("no-such-host.invalid", 22, {}, RepositoryAway),
    ],
)
def test_ssh_host_keys_refuses_what_may_not_be_called(host, port, options, error):
    with pytest.raises(error):
        ssh_host_keys(host, port, **options)


def test_ssh_host_keys_of_a_silent_host_are_none():
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(RepositoryAway):
        ssh_host_keys("127.0.0.1", server.getsockname()[1], allow_private=True, timeout_s=1)


def test_a_host_with_several_keys_is_known_by_any_of_them(tmp_path, repository, key):
    rsa_key = make_pair(rsa.generate_private_key(65537, 2048))
    with running_sshd(tmp_path / "sshd", rsa_key) as sshd:
        found = ssh_host_keys("127.0.0.1", sshd.port, allow_private=True)
        known_hosts = f"[127.0.0.1]:{sshd.port} {rsa_key.public}\n"
        mirror = Mirror(sshd.url(repository.path), directory=tmp_path / "m", credential=SshKey("", sshd.key.private, known_hosts), allow_private=True)

        assert [each.key_type for each in found] == ["ssh-ed25519", "ssh-rsa"]
        assert mirror.fetch("main") == repository.head()


def test_a_new_kind_of_key_is_not_trusted_for_an_older_one(make_mirror, sshd, key):
    rsa_key = make_pair(rsa.generate_private_key(65537, 2048))

    with pytest.raises(HostKeyChanged, match="not the one that was confirmed"):
        make_mirror(credential=replace(key, known_hosts=f"[127.0.0.1]:{sshd.port} {rsa_key.public}\n")).resolve("")


def test_what_a_killed_process_left_is_deleted_by_the_next(key):
    access = make_access("git@git.example.com:acme/shop.git", credential=key, allow_private=True, allow_file=False, timeout_s=5)
    with open_session(access, ()) as session:
        old = session.log.parent.with_name("octoargo-ssh-0-left-over")
    old.mkdir()
    os.utime(old, (0, 0))

    with open_session(access, ()):
        is_there = old.exists()

    shutil.rmtree(old, ignore_errors=True)
    assert not is_there
