"""Case 39 for Azure DevOps and Bitbucket: a repository's URL, however it is written -> identity, API and web pages."""

import pytest

from deployments.forges import Kind, NotAForge, propose_kind, recognise

AZURE = "https://dev.azure.com"
SHA = "0123456789" * 4


@pytest.mark.parametrize(
    ("url", "path", "web"),
    [
        ("https://dev.azure.com/acme/project/_git/shop", "acme/project/shop", f"{AZURE}/acme/project/_git/shop"),
        ("https://acme@dev.azure.com/acme/my%20project/_git/shop/", "acme/my project/shop", f"{AZURE}/acme/my%20project/_git/shop"),
        ("https://dev.azure.com:443/acme/pr%C3%A4zise/_git/shop.web", "acme/präzise/shop.web", f"{AZURE}/acme/pr%C3%A4zise/_git/shop.web"),
        ("https://dev.azure.com/acme/project/_git/shop.git", "acme/project/shop.git", f"{AZURE}/acme/project/_git/shop.git"),
        ("https://dev.azure.com/acme/_git/shop", "acme/shop/shop", f"{AZURE}/acme/shop/_git/shop"),
        ("https://dev.azure.com/acme/project/_git/shop/pullrequest/3?_a=files", "acme/project/shop", f"{AZURE}/acme/project/_git/shop"),
        ("https://dev.azure.com/acme/project/_git/_full/shop", "acme/project/shop", f"{AZURE}/acme/project/_git/shop"),
        ("https://acme.visualstudio.com/project/_git/shop", "acme/project/shop", f"{AZURE}/acme/project/_git/shop"),
        ("https://acme.visualstudio.com/DefaultCollection/project/_git/shop", "acme/project/shop", f"{AZURE}/acme/project/_git/shop"),
        ("https://acme.visualstudio.com/_git/shop", "acme/shop/shop", f"{AZURE}/acme/shop/_git/shop"),
        ("git@ssh.dev.azure.com:v3/acme/project/shop", "acme/project/shop", f"{AZURE}/acme/project/_git/shop"),
        ("ssh://git@ssh.dev.azure.com/v3/acme/my%20project/shop", "acme/my project/shop", f"{AZURE}/acme/my%20project/_git/shop"),
        ("acme@vs-ssh.visualstudio.com:v3/acme/project/shop", "acme/project/shop", f"{AZURE}/acme/project/_git/shop"),
    ],
)
def test_case_39_azure_devops_services(url, path, web):
    found = recognise(url)

    assert (found.kind, found.path, found.api_base) == (Kind.AZURE_DEVOPS, path, AZURE)
    assert found.commit_url(SHA) == f"{web}/commit/{SHA}"
    assert found.file_url(SHA, "apps/a b.yaml") == f"{web}?path=/apps/a%20b.yaml&version=GC{SHA}"
    assert found.pull_request_url(7) == f"{web}/pullrequest/7"


@pytest.mark.parametrize(
    ("url", "path", "api_base"),
    [
        ("https://ado.example.com/tfs/Collection/my%20project/_git/shop", "Collection/my project/shop", "https://ado.example.com/tfs"),
        ("https://ado.example.com/tfs/Collection/_git/shop", "Collection/shop/shop", "https://ado.example.com/tfs"),
        ("https://ado.example.com:8443/Collection/project/_git/shop/", "Collection/project/shop", "https://ado.example.com:8443"),
        ("https://ann:pw@ado.example.com/Collection/_git/shop", "Collection/shop/shop", "https://ado.example.com"),
        ("ssh://ado.example.com:22/tfs/Collection/project/_git/shop", "Collection/project/shop", "https://ado.example.com/tfs"),
        ("http://ado.example.com/my%20prefix/Collection/project/_git/shop", "Collection/project/shop", "http://ado.example.com/my%20prefix"),
    ],
)
def test_case_39_azure_devops_server(url, path, api_base):
    found = recognise(url)

    assert (found.kind, found.path, found.api_base) == (Kind.AZURE_DEVOPS, path, api_base)


def test_case_39_azure_devops_server_with_its_base_given():
    found = recognise("ssh://ado.example.com:22/tfs/Collection/project/_git/shop", web_base="https://web.example.com/tfs")

    assert (found.path, found.api_base) == ("Collection/project/shop", "https://web.example.com/tfs")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://bitbucket.org/acme/shop.git", "acme/shop"),
        ("https://bitbucket.org/acme/shop/", "acme/shop"),
        ("https://ann@bitbucket.org/acme/shop.git", "acme/shop"),
        ("https://x-token-auth:secret@bitbucket.org:443/acme/shop", "acme/shop"),
        ("https://BitBucket.org/Acme/Shop", "Acme/Shop"),
        ("git@bitbucket.org:acme/shop.git", "acme/shop"),
        ("ssh://git@bitbucket.org/acme/shop.git", "acme/shop"),
        ("ssh://git@altssh.bitbucket.org:443/acme/shop.git", "acme/shop"),
    ],
)
def test_case_39_bitbucket_cloud(url, path):
    found = recognise(url)
    web = f"https://bitbucket.org/{path}"

    assert (found.kind, found.path, found.api_base) == (Kind.BITBUCKET_CLOUD, path, "https://api.bitbucket.org/2.0")
    assert found.commit_url(SHA) == f"{web}/commits/{SHA}"
    assert found.file_url(SHA, "apps/a.yaml") == f"{web}/src/{SHA}/apps/a.yaml"
    assert found.pull_request_url(7) == f"{web}/pull-requests/7"


def test_case_39_bitbucket_cloud_by_uuid():
    assert recognise("https://bitbucket.org/%7B1b2c%7D/%7B3d4e%7D").web_url == "https://bitbucket.org/%7B1b2c%7D/%7B3d4e%7D"


@pytest.mark.parametrize(
    ("url", "path", "api_base", "web"),
    [
        ("https://bitbucket.example.com/scm/KEY/shop.git", "KEY/shop", "", "/projects/KEY/repos/shop"),
        ("https://ann@bitbucket.example.com/scm/key/shop.git/", "key/shop", "", "/projects/key/repos/shop"),
        ("https://bitbucket.example.com/ctx/scm/~ann/shop.git", "~ann/shop", "/ctx", "/users/ann/repos/shop"),
        ("https://bitbucket.example.com/ctx/projects/KEY/repos/shop/browse?at=x", "KEY/shop", "/ctx", "/projects/KEY/repos/shop"),
        ("https://bitbucket.example.com/users/ann/repos/shop", "~ann/shop", "", "/users/ann/repos/shop"),
        ("ssh://git@bitbucket.example.com:7999/KEY/shop.git", "KEY/shop", "", "/projects/KEY/repos/shop"),
        ("ssh://git@bitbucket.example.com:7999/~ann/shop.git", "~ann/shop", "", "/users/ann/repos/shop"),
        ("git@bitbucket.example.com:KEY/shop.git", "KEY/shop", "", "/projects/KEY/repos/shop"),
    ],
)
def test_case_39_bitbucket_data_center(url, path, api_base, web):
    found = recognise(url)
    base = f"https://bitbucket.example.com{api_base}"

    assert (found.kind, found.path, found.api_base) == (Kind.BITBUCKET_DATA_CENTER, path, base)
    assert found.commit_url(SHA) == f"{base}{web}/commits/{SHA}"
    assert found.file_url(SHA, "apps/a.yaml") == f"{base}{web}/browse/apps/a.yaml?at={SHA}"
    assert found.pull_request_url(7) == f"{base}{web}/pull-requests/7"


def test_case_39_bitbucket_data_center_on_another_port():
    found = recognise("https://git.example.com:8443/scm/KEY/shop.git", kind=Kind.BITBUCKET_DATA_CENTER)

    assert found.api_base == "https://git.example.com:8443"


@pytest.mark.parametrize(
    "url", ["https://dev.azure.com/acme/project", "https://dev.azure.com/_git/shop", "https://bitbucket.org/acme", "https://bitbucket.org/acme/shop/src/main"]
)
def test_case_39_urls_that_name_no_repository(url):
    with pytest.raises(NotAForge):
        recognise(url)


def test_an_azure_devops_server_is_known_by_its_path():
    assert propose_kind("https://ado.example.com/tfs/Collection/project/_git/shop") is Kind.AZURE_DEVOPS
