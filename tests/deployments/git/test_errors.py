import pytest

from deployments.git.errors import CredentialRefused, GitError, PushForbidden, RepositoryAway, RepositoryMissing, explain


@pytest.mark.parametrize(
    ("stderr", "kind", "words"),
    [
        (
            "remote: User permission denied for writing.\nfatal: unable to access 'http://h/a/b.git/': The requested URL returned error: 403\n",
            PushForbidden,
            "h/a/b forbids the push: User permission denied for writing.",
        ),
        (
            "remote: \nremote: Gitea: Not allowed to push to protected branch main\nerror: failed to push some refs to 'http://h/a/b.git'\n",
            PushForbidden,
            "h/a/b forbids the push: Gitea: Not allowed to push to protected branch main.",
        ),
        ("remote: Not found.\nfatal: repository 'http://h/a/lossless.git/' not found\n", RepositoryMissing, "was not found"),
        (
            "fatal: unable to access 'https://h/a/b/': SSL certificate problem: self-signed certificate\n",
            RepositoryAway,
            "presents a certificate that is not trusted here: SSL certificate problem: self-signed certificate.",
        ),
    ],
)
def test_explain_gives_the_hosts_own_words(stderr, kind, words):
    error = explain(stderr, address="h/a/b", has_credential=True, is_push=True)

    assert type(error) is kind
    assert words in str(error)


LOST = "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n"
FRAME = "remote: \nremote: ========================================================================\nremote: \n"


@pytest.mark.parametrize(
    ("stderr", "is_push", "kind", "words"),
    [
        (f"ERROR: Repository not found.\n{LOST}", False, RepositoryMissing, "was not found"),
        (f"ERROR: Permission to acme/shop.git denied to deploy key\n{LOST}", True, PushForbidden, "Permission to acme/shop.git denied to deploy key."),
        (f"ERROR: The key you are authenticating with has been marked as read only.\n{LOST}", True, PushForbidden, "marked as read only."),
        (
            f"{FRAME}remote: ERROR: This deploy key does not have write access to this project.\n{FRAME}{LOST}",
            True,
            PushForbidden,
            "does not have write access",
        ),
        (
            f"{FRAME}remote: The project you were looking for could not be found or you don't have permission.\n{FRAME}{LOST}",
            False,
            RepositoryMissing,
            "not found",
        ),
        (f"Gitea: Cannot find repository: acme/shop\n{LOST}", False, RepositoryMissing, "was not found"),
        (
            f"Gitea: Deploy Key: 3:ci is not authorized to write to acme/shop.\n{LOST}",
            True,
            PushForbidden,
            "Gitea: Deploy Key: 3:ci is not authorized to write",
        ),
        (f"error:\nerror: Repo: acme/shop is archived.\nerror:\n{LOST}", True, PushForbidden, "forbids the push: Repo: acme/shop is archived."),
        (
            f"error:\nerror: Deploy Key: 3:ro is not authorized to write to acme/shop.\nerror:\n{LOST}",
            True,
            PushForbidden,
            "forbids the push: Deploy Key: 3:ro is not authorized to write to acme/shop.",
        ),
        (f"ERROR: This repository was archived so it is read-only.\n{LOST}", True, PushForbidden, "was archived so it is read-only"),
        (f"Gitea: User: 2:bob with Key: 5:k is not authorized to read acme/shop.\n{LOST}", False, CredentialRefused, "may not read"),
        (f"remote: Public key authentication failed.\n{LOST}", False, CredentialRefused, "refused the SSH key"),
        (f"Connection closed by 192.0.2.7 port 22\n{LOST}", False, RepositoryAway, "Connection closed by 192.0.2.7 port 22"),
        (f"ssh: connect to host git.example.com port 22: No route to host\n{LOST}", False, RepositoryAway, "No route to host"),
        (f"Timeout, server git.example.com not responding.\n{LOST}", False, RepositoryAway, "not responding"),
        (LOST, False, GitError, "Git failed on"),
    ],
)
def test_explain_knows_what_hosts_say_over_ssh(stderr, is_push, kind, words):
    error = explain(stderr, address="ssh://git.example.com/acme/shop", has_credential=True, is_push=is_push)

    assert type(error) is kind
    assert words in str(error)
