"""The web page of a pull request stands where each host has it, and merges it."""

import urllib.request

import pytest

from simulator.forge import git, make_repository, running

PLACES = [
    ("github", "acme/shop", "/acme/shop/pull/1"),
    ("gitlab", "acme/sub/shop", "/acme/sub/shop/-/merge_requests/1"),
    ("gitea", "acme/shop", "/acme/shop/pulls/1"),
    ("azure_devops", "acme/platform/shop", "/acme/platform/_git/shop/pullrequest/1"),
    ("azure_devops", "acme/shop", "/acme/shop/_git/shop/pullrequest/1"),
    ("bitbucket_cloud", "acme/shop", "/acme/shop/pull-requests/1"),
    ("bitbucket_data_center", "ACME/shop", "/projects/ACME/repos/shop/pull-requests/1"),
    ("bitbucket_data_center", "~ann/shop", "/users/ann/repos/shop/pull-requests/1"),
]


@pytest.mark.parametrize(("vendor", "path", "page"), PLACES)
def test_a_pull_request_is_shown_and_merged_where_the_host_has_it(tmp_path, vendor, path, page):
    repository = make_repository(tmp_path / f"{path}.git", {"app.yaml": "1\n"})
    git("update-ref", "refs/heads/octo/x", "refs/heads/main", cwd=repository.path)
    repository.commit({"app.yaml": "2\n"}, branch="octo/x")
    with running(tmp_path, vendor=vendor, open_pages=True) as server:
        pull = server.forge.open(path, head="octo/x", base="main", title="Shop 2.0", body="", author="octoargo")
        with urllib.request.urlopen(server.url + page, timeout=10) as answer:
            shown = answer.read().decode()
        with urllib.request.urlopen(server.url + page, data=b"do=squash", timeout=10) as answer:
            merged = answer.read().decode()

    assert "Shop 2.0" in shown
    assert "merged" in merged
    assert (pull.state, pull.merge_sha) == ("merged", repository.head())
    assert server.vendor.page_of(server.vendor.page_path(path, 1)) == (path, 1)
