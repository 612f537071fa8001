import pytest

from deployments.git.errors import PushForbidden, RepositoryAway, RepositoryMissing, explain


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
