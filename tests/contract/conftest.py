"""Where the contract runs: a simulator, or the Argo CD of OCTOARGO_CONTRACT_URL and OCTOARGO_CONTRACT_TOKEN.

The real one should have at least one application; TLS is not verified.
Nothing is asked of it but refreshes, and two short-lived tokens of the account, which are removed again.
"""

import os
import ssl
import time
from collections.abc import Iterator

import pytest

from simulator import Simulator
from simulator.rendering import sources_of
from tests.simulator.tools import CONFIG_MAP, IN_CLUSTER, SERVICE, Client, Repository, application, deployment, job

URL = os.environ.get("OCTOARGO_CONTRACT_URL", "")
CHART = {
    "charts/web/Chart.yaml": "name: web\nversion: 1.0.0\n",
    "charts/web/values.yaml": "image: {repository: ghcr.io/acme/web, tag: 0.0.1}\n",
    "charts/web/templates/web.yaml": deployment("web", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
    "values/web.yaml": "image: {tag: 1.4.2}\n",
}
PLAIN = {"apps/shop/deployment.yaml": deployment(), "apps/shop/settings.yaml": CONFIG_MAP, "apps/shop/service.yaml": SERVICE, "apps/shop/job.yaml": job()}
KUSTOMIZED = {
    "base/kustomization.yaml": "resources: [api.yaml]\n",
    "base/api.yaml": deployment("api", "ghcr.io/acme/api:1.0.0"),
    "live/kustomization.yaml": "resources: [../base]\nimages: [{name: ghcr.io/acme/api, newTag: 2.0.0}]\n",
}


@pytest.fixture(scope="session")
def _only_loopback():
    """The Argo CD of the environment may be anywhere."""


@pytest.fixture(scope="session")
def argocd(tmp_path_factory) -> Iterator[Client]:
    if URL:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        yield Client(URL.rstrip("/"), os.environ["OCTOARGO_CONTRACT_TOKEN"], context=context if URL.startswith("https") else None)
        return
    repository = Repository(tmp_path_factory.mktemp("contract"), PLAIN | CHART | KUSTOMIZED)
    web = [
        {"repoURL": repository.url, "path": "charts/web", "targetRevision": "main", "helm": {"valueFiles": ["$values/values/web.yaml"]}},
        {"repoURL": repository.url, "targetRevision": "main", "ref": "values"},
    ]
    applications = [
        application(repository),
        application(repository, "api", path="live", policy={"automated": {"prune": True, "selfHeal": True}}),
        application(repository, "web", sources=web, destination={"server": IN_CLUSTER, "namespace": "web"}, initially="synced"),
        application("file:///nowhere/at/all.git", "broken"),
    ]
    with Simulator({"speed": 10, "applications": applications, "repositories": [{"url": repository.url}]}) as simulator:
        client = Client(simulator.url, simulator.token)
        client.sync("shop")
        for name in ("shop", "api", "web"):
            client.wait_settled(name)
        client.wait("broken", lambda a: a["status"]["sync"]["status"] == "Unknown")
        yield client


@pytest.fixture(scope="session")
def applications(argocd):
    """All visible applications, as the list shows them."""
    return argocd.get("/api/v1/applications").json()["items"] or []


@pytest.fixture(scope="session")
def one(applications):
    """One application that has been compared and whose last sync is over, preferred; else any."""
    assert applications, "the contract needs an Argo CD with at least one application"
    compared = [a for a in applications if a["status"].get("sync", {}).get("status") in ("Synced", "OutOfSync") and "operation" not in a]
    from_git = [a for a in compared if all("chart" not in s for s in sources_of(a["spec"]))]
    with_pods = [a for a in from_git if a["status"].get("summary", {}).get("images")]
    return (with_pods or from_git or compared or applications)[0]


@pytest.fixture(scope="session")
def path(one):
    """The path of that application, and the query that names it fully."""

    def build(rest="", **query):
        meta = one["metadata"]
        given = {"appNamespace": meta["namespace"], "project": one["spec"]["project"], **query}
        return f"/api/v1/applications/{meta['name']}{rest}?" + "&".join(f"{key}={value}" for key, value in given.items())

    return build


@pytest.fixture
def read():
    """read(connection, until, seconds): the bytes that come, until they contain these, or the time is over."""

    def reader(connection, until, seconds):
        connection.settimeout(0.2)
        deadline, content = time.monotonic() + seconds, b""
        while time.monotonic() < deadline and (not until or until not in content):
            try:
                part = connection.recv(65536)
            except TimeoutError:
                continue
            if not part:
                break
            content += part
        return content

    return reader
