import pytest

from deployments.git import commit_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/acme/shop.git", "https://github.com/acme/shop/commit/abc123"),
        ("git@github.com:acme/shop.git", "https://github.com/acme/shop/commit/abc123"),
        ("https://bot:x@github.example.com/acme/shop", "https://github.example.com/acme/shop/commit/abc123"),
        ("https://gitlab.com/acme/deep/shop.git", "https://gitlab.com/acme/deep/shop/-/commit/abc123"),
        ("https://gitlab.example.com:8443/acme/shop", "https://gitlab.example.com:8443/acme/shop/-/commit/abc123"),
        ("https://codeberg.org/acme/shop.git", "https://codeberg.org/acme/shop/commit/abc123"),
        ("https://gitea.example.com/acme/shop", "https://gitea.example.com/acme/shop/commit/abc123"),
        ("https://acme@dev.azure.com/acme/my%20shop/_git/shop", "https://dev.azure.com/acme/my%20shop/_git/shop/commit/abc123"),
        ("https://bitbucket.org/acme/shop.git", "https://bitbucket.org/acme/shop/commits/abc123"),
        ("https://git.example.com/acme/shop", ""),
        ("https://notgithub.com/acme/shop", ""),
        ("file:///srv/github.com/shop", ""),
        ("javascript://github.com/%0aalert(1)", ""),
        ("nonsense", ""),
    ],
)
def test_commit_url_knows_the_page_of_a_commit(url, expected):
    assert commit_url(url, "abc123") == expected
