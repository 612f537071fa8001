"""A shop's repository on a real Git host, and our mirror of it."""

import pytest

from deployments.git import Author, Credential, Mirror
from simulator.forge import make_repository, running

BOT = Credential("bot", "s3cret-token")
AUTHOR = Author("Octoargo", "octoargo@localhost")
FILES = {"apps/web/deployment.yaml": "image: acme/web:1.0\n", "apps/api/deployment.yaml": "image: acme/api:1.0\n", "README.md": "Shop\n"}


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "host" / "shop.git", FILES)


@pytest.fixture
def server(tmp_path, repository):
    with running(tmp_path / "host", users={BOT.username: BOT.secret}) as server:
        yield server


@pytest.fixture
def make_mirror(tmp_path, server):
    """Make mirrors of the shop; each `place` stands for a machine of its own."""

    def make(place="mirrors", *, path="shop.git", credential=BOT, timeout_s=20.0, **options):
        options = {"allow_private": True} | options
        return Mirror(f"{server.url}/{path}", directory=tmp_path / place, credential=credential, timeout_s=timeout_s, **options)

    return make


@pytest.fixture
def mirror(make_mirror):
    return make_mirror()


@pytest.fixture
def commit(repository):
    """Commit one edit through a mirror; the defaults are the smallest that work."""

    def commit(mirror, edit=None, *, base=None, trailer="42", message="Deploy shop 1.1", branch="main", **options):
        edit = edit or (lambda reader: {"apps/web/deployment.yaml": b"image: acme/web:1.1\n"})
        return mirror.commit_and_push(branch, base or repository.head(branch), edit, message, AUTHOR, trailer, **options)

    return commit
