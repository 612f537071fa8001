import json

import pytest

from gateway.trim import trim
from infrastructure.reported import read_application

URLS = {
    "https://u:p@git.example/x": "https://git.example/x",
    "https://u:p@ss@git.example/x": "https://git.example/x",
    "HTTPS://u:pw@git.example/x": "HTTPS://git.example/x",
    "oci://u:pw@registry.example/x": "oci://registry.example/x",
    "ssh://git:pw@git.example:22/x": "ssh://git@git.example:22/x",
    "ssh://git@git.example/x": "ssh://git@git.example/x",
    "git@git.example:a/b": "git@git.example:a/b",
    "https://git.example/a@b/c": "https://git.example/a@b/c",
}


@pytest.mark.parametrize(("url", "reported"), URLS.items())
def test_trim_keeps_passwords_of_urls_in_the_cluster(url, reported):
    content = trim({"metadata": {"name": "a"}, "spec": {"source": {"repoURL": url}}})

    assert json.loads(content)["spec"]["source"]["repoURL"] == reported


@pytest.mark.parametrize(("url", "reported"), URLS.items())
def test_read_application_takes_out_what_an_older_gateway_left(url, reported):
    content = json.dumps({"metadata": {"name": "a"}, "spec": {"source": {"repoURL": url}}}).encode()

    assert read_application(content).content["spec"]["source"]["repoURL"] == reported


@pytest.mark.parametrize("text", ["a" * 200_000, "://" * 60_000, "a://b" * 40_000, "://a" + ":a" * 90_000])
def test_trim_takes_no_longer_for_long_words(text):
    content = trim({"metadata": {"name": "a", "annotations": {"note": text}}})

    assert json.loads(content)["metadata"]["annotations"]["note"].startswith(text[:3])
