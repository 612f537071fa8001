import pytest

from deployments.forges.addresses import NotAForge, recognise
from deployments.forges.values import Kind


@pytest.mark.parametrize(
    ("url", "kind", "path", "api_base"),
    [
        ("git@github.com:acme/shop.git", Kind.GITHUB, "acme/shop", "https://api.github.com"),
        ("https://gitlab.com/group/sub/shop/-/tree/main", Kind.GITLAB, "group/sub/shop", "https://gitlab.com/api/v4"),
        ("https://codeberg.org/acme/shop/", Kind.GITEA, "acme/shop", "https://codeberg.org/api/v1"),
        ("https://acme@dev.azure.com/acme/my%20project/_git/shop", Kind.AZURE_DEVOPS, "acme/my project/shop", "https://dev.azure.com"),
        ("git@ssh.dev.azure.com:v3/acme/project/shop", Kind.AZURE_DEVOPS, "acme/project/shop", "https://dev.azure.com"),
        ("https://dev.azure.com/acme/_git/shop", Kind.AZURE_DEVOPS, "acme/shop/shop", "https://dev.azure.com"),
        ("https://bitbucket.org/acme/shop.git", Kind.BITBUCKET_CLOUD, "acme/shop", "https://api.bitbucket.org/2.0"),
        ("https://bitbucket.example.com/ctx/scm/~ann/shop.git", Kind.BITBUCKET_DATA_CENTER, "~ann/shop", "https://bitbucket.example.com/ctx"),
    ],
)
def test_recognise_reads_host_and_repository(url, kind, path, api_base):
    found = recognise(url)

    assert (found.kind, found.path, found.api_base) == (kind, path, api_base)


def test_recognise_asks_for_the_kind_of_an_unknown_host():
    with pytest.raises(NotAForge, match="cannot be told"):
        recognise("https://git.example.com/acme/shop")


def test_recognise_takes_the_kind_that_it_is_given():
    assert recognise("https://git.example.com/acme/shop", kind=Kind.GITHUB).api_base == "https://git.example.com/api/v3"
