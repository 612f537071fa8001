"""Case 39 for GitHub, GitLab and Gitea: a repository's URL, however it is written -> identity, API and web pages."""

import pytest

from deployments.forges import Kind, NotAForge, Token, open_forge, propose_kind, recognise

SHA = "0123456789" * 4
GITHUB, GITLAB, GITEA = "https://github.com", "https://gitlab.com", "https://codeberg.org"


@pytest.mark.parametrize(
    ("url", "web", "api_base"),
    [
        ("https://github.com/acme/shop", GITHUB, "https://api.github.com"),
        ("https://github.com/acme/shop.git", GITHUB, "https://api.github.com"),
        ("https://GitHub.com:443/acme/shop/", GITHUB, "https://api.github.com"),
        ("https://octocat:secret@github.com/acme/shop.git", GITHUB, "https://api.github.com"),
        ("git@github.com:acme/shop.git", GITHUB, "https://api.github.com"),
        ("ssh://git@github.com/acme/shop", GITHUB, "https://api.github.com"),
        ("ssh://git@ssh.github.com:443/acme/shop.git", GITHUB, "https://api.github.com"),
        ("https://acme.ghe.com/acme/shop.git", "https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://github.example.com:8443/acme/shop.git", "https://github.example.com:8443", "https://github.example.com:8443/api/v3"),
        ("git@github.example.com:acme/shop.git", "https://github.example.com", "https://github.example.com/api/v3"),
        ("https://github.com/acme/shop?tab=readme#top", GITHUB, "https://api.github.com"),
    ],
)
def test_case_39_github(url, web, api_base):
    found = recognise(url)

    assert (found.kind, found.path, found.web_base, found.api_base) == (Kind.GITHUB, "acme/shop", web, api_base)
    assert found.commit_url(SHA) == f"{web}/acme/shop/commit/{SHA}"
    assert found.file_url(SHA, "apps/a b.yaml") == f"{web}/acme/shop/blob/{SHA}/apps/a%20b.yaml"
    assert found.pull_request_url(7) == f"{web}/acme/shop/pull/7"


@pytest.mark.parametrize(
    ("url", "path", "web"),
    [
        ("https://gitlab.com/acme/shop", "acme/shop", GITLAB),
        ("https://gitlab.com/acme/platform/apps/shop.git", "acme/platform/apps/shop", GITLAB),
        ("https://oauth2:secret@gitlab.com/acme/shop.git/", "acme/shop", GITLAB),
        ("https://gitlab.com/acme/platform/shop/-/tree/main?ref_type=heads", "acme/platform/shop", GITLAB),
        ("git@gitlab.com:acme/platform/shop.git", "acme/platform/shop", GITLAB),
        ("ssh://git@altssh.gitlab.com:443/acme/shop.git", "acme/shop", GITLAB),
        ("ssh://git@gitlab.example.com:2222/acme/platform/shop.git", "acme/platform/shop", "https://gitlab.example.com"),
        ("http://gitlab.example.com:8080/acme/sh%6Fp", "acme/shop", "http://gitlab.example.com:8080"),
    ],
)
def test_case_39_gitlab(url, path, web):
    found = recognise(url)

    assert (found.kind, found.path, found.web_base, found.api_base) == (Kind.GITLAB, path, web, f"{web}/api/v4")
    assert found.commit_url(SHA) == f"{web}/{path}/-/commit/{SHA}"
    assert found.file_url(SHA, "apps/a b.yaml") == f"{web}/{path}/-/blob/{SHA}/apps/a%20b.yaml"
    assert found.pull_request_url(7) == f"{web}/{path}/-/merge_requests/7"


@pytest.mark.parametrize(
    ("url", "web"),
    [
        ("https://codeberg.org/acme/shop", GITEA),
        ("https://codeberg.org/acme/shop.git", GITEA),
        ("git@codeberg.org:acme/shop.git", GITEA),
        ("https://gitea.com/acme/shop/", "https://gitea.com"),
        ("https://gitea.example.com:3000/acme/shop.git", "https://gitea.example.com:3000"),
        ("ssh://git@forgejo.example.com:2222/acme/shop.git", "https://forgejo.example.com"),
        ("https://ann@gitea.example.com/acme/sh%6Fp.git", "https://gitea.example.com"),
        ("https://gitea.example.com/git/acme/shop.git", "https://gitea.example.com/git"),
    ],
)
def test_case_39_gitea(url, web):
    found = recognise(url)

    assert (found.kind, found.path, found.web_base, found.api_base) == (Kind.GITEA, "acme/shop", web, f"{web}/api/v1")
    assert found.commit_url(SHA) == f"{web}/acme/shop/commit/{SHA}"
    assert found.file_url(SHA, "apps/a b.yaml") == f"{web}/acme/shop/src/commit/{SHA}/apps/a%20b.yaml"
    assert found.pull_request_url(7) == f"{web}/acme/shop/pulls/7"


@pytest.mark.parametrize(
    ("url", "kind", "web_base", "path"),
    [
        ("https://git.example.com/gitlab/acme/shop.git", Kind.GITLAB, "https://git.example.com/gitlab", "acme/shop"),
        ("git@git.example.com:acme/shop.git", Kind.GITLAB, "https://git.example.com:8443/gitlab/", "acme/shop"),
        ("ssh://git@git.example.com:2222/acme/shop.git", Kind.GITEA, "http://git.example.com:3000", "acme/shop"),
    ],
)
def test_case_39_an_installation_below_a_path_or_on_another_port(url, kind, web_base, path):
    found = recognise(url, kind=kind, web_base=web_base)

    assert (found.kind, found.path, found.web_base) == (kind, path, web_base.rstrip("/"))
    assert found.api_base.startswith(f"{web_base.rstrip('/')}/api/v")


def test_case_39_the_api_may_be_elsewhere():
    assert recognise("https://github.com/acme/shop", api_base="https://proxy.example.com/github/").api_base == "https://proxy.example.com/github"


def test_an_unknown_host_asks_for_its_kind():
    with pytest.raises(NotAForge, match="Choose it on the Git credential"):
        open_forge("https://git.example.com/acme/shop", Token("secret"))


def test_the_given_kind_counts_more_than_the_hosts_name():
    assert recognise("https://gitlab.example.com/acme/shop", kind=Kind.GITHUB).api_base == "https://gitlab.example.com/api/v3"


@pytest.mark.parametrize("url", ["https://github.com/acme", "https://github.com/", "https://gitlab.com/shop", "https://codeberg.org/shop", "nonsense", ""])
def test_what_names_no_repository_is_refused(url):
    with pytest.raises(NotAForge):
        recognise(url)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://code.github.example.com/acme/shop", Kind.GITHUB),
        ("git@my-gitlab:acme/shop.git", Kind.GITLAB),
        ("https://forgejo.example.com/acme/shop", Kind.GITEA),
        ("https://git.example.com/github/gitlab", None),
    ],
)
def test_a_hosts_name_proposes_a_kind(url, kind):
    assert propose_kind(url) is kind
