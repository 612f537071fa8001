"""A simulated Gitea with a credential for it. Tests that need somebody's real server are there only when it is given."""

import os

import pytest

from infrastructure.models import GitCredential
from infrastructure.services.credentials import save_credential
from simulator.forge import running
from tests.factories import NOW

collect_ignore = [] if os.environ.get("OCTOARGO_GITEA_URL") else ["test_real_gitea.py"]


@pytest.fixture
def host(tmp_path):
    root = tmp_path / "host"
    root.mkdir()
    with running(root, users={"octoargo": "s3cret"}, vendor="gitea") as server:
        credential = GitCredential(name="host", username="octoargo", repositories=f"{server.url}/*", created_at=NOW)
        save_credential(credential=credential, secret="s3cret", by=None, now=NOW)
        yield server


@pytest.fixture
def forge(host):
    return host.vendor.state
