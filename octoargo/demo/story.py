"""What happens to a fleet, done in the running demo; each told by what the page then says."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2

from octoargo.demo.billing_story import BillingStory
from octoargo.demo.browser import Person, words_of
from octoargo.demo.lines import WAIT_S, Line
from simulator.demo_files import CATALOG, SHOP
from simulator.forge import BareRepository


class Story:
    """Performs in the demo, as a person at the pages and as the world around them."""

    def __init__(self, person: Person, world: dict[str, Any], data: Path, application_path: Callable[[str], str]) -> None:
        self.person, self.world, self.data, self.application_path = person, world, data, application_path
        self.releases: dict[str, str] = {}  # the path of the page of a project's newest release
        self.shop = BareRepository(data / "world" / "git" / SHOP)
        self.catalog = BareRepository(data / "world" / "git" / CATALOG)

    def perform(self) -> Iterator[Line]:
        """Each line when it has happened."""
        version = self._next_version()
        yield self._deploy_and_verify(version)
        yield self._synced(version)
        yield self._out_of_sync()
        yield self._not_refreshed(version)
        yield self._overwritten(version)
        yield self._unrelated(version)
        yield self._sync_fails(version)
        yield self._gateway_away()
        yield from BillingStory(self).perform()

    def _next_version(self) -> str:
        """One patch above what stands in Git, so that the story can be told again."""
        text = self.shop.read("envs/production/deployment.yaml").decode()
        major, minor, patch = text.partition("shop-web:")[2].split()[0].split(".")
        return f"{major}.{minor}.{int(patch) + 1}"

    def _deploy_and_verify(self, version: str) -> Line:
        path = self.deploy("shop", version, [f"ghcr.io/acme/shop-web:{version}"], "production")
        said = self.ended(path)
        return Line(f"Deployed shop {version} to Production: one commit for three applications on two instances", said, "Succeeded" in said)

    def _synced(self, version: str) -> Line:
        said = self._live("shop-production", lambda said: said.startswith("Synced"))
        return Line(f"Argo CD looks at the commit of {version} and says Synced", said, said.startswith("Synced"))

    def _out_of_sync(self) -> Line:
        self._admin("eu-west", "/drift", {"application": "argocd/shop-production", "kind": "Deployment", "name": "shop", "patch": {"spec": {"replicas": 7}}})
        said = self._live("shop-production", lambda said: said.startswith("Out of sync"))
        self._undo_drift()
        return Line("Somebody scaled shop-production by hand; self-heal is off", said, said.startswith("Out of sync"))

    def _undo_drift(self) -> None:
        self._admin("eu-west", "/drift", {"application": "argocd/shop-production", "kind": "Deployment", "name": "shop", "patch": {"spec": {"replicas": 2}}})

    def _not_refreshed(self, version: str) -> Line:
        self._admin("eu-west", "/inject", {"kind": "controller_down", "application": "argocd/catalog-development"})
        path = self.deploy("catalog", version, [f"ghcr.io/acme/catalog:{version}"], "development")
        self.ended(path)
        said = self._live("catalog-development", lambda said: "not refreshed" in said)
        self._admin("eu-west", "/inject?kind=controller_down", None)
        return Line(f"Committed catalog {version} to Development while Argo CD’s controller stood still", said, "not refreshed" in said)

    def _overwritten(self, version: str) -> Line:
        self.ended(self.deploy("shop", version, [], "staging"))
        path = "envs/staging/deployment.yaml"
        text = self.shop.read(path).decode()
        self.shop.commit({path: text.replace(f"shop-web:{version}", "shop-web:1.4.0")}, message="Go back to what worked")
        self._admin("eu-west", "/inject", {"kind": "webhook", "repo": f"{self.world['git']['url']}/{SHOP}"})
        said = self._live("shop-staging", lambda said: "1.4.0" in said)
        return Line("Somebody set the tag of shop-staging back in Git", said, all(word in said for word in ("Git drift", path, "1.4.0", version, "Ada")))

    def _unrelated(self, version: str) -> Line:
        path = "envs/us/deployment.yaml"
        text = self.shop.read(path).decode()
        replicas = 3 if "replicas: 2" in text else 2
        sha = self.shop.commit({path: text.replace(f"replicas: {5 - replicas}", f"replicas: {replicas}")}, message="Another replica for us")
        self._admin("us-east", "/inject", {"kind": "webhook", "repo": f"{self.world['git']['url']}/{SHOP}"})
        self.person.wait_for(self.application_path("shop-us"), "argocd-says", lambda said: sha[:7] in said and "Synced" in said, seconds=WAIT_S)
        said = self._live("shop-us", lambda said: said.startswith("Synced") and sha[:7] in said)
        is_right = said.startswith("Synced") and sha[:7] in said
        return Line(f"A later commit {sha[:7]} changed the replicas of shop-us, and not our {version}", said, is_right)

    def _sync_fails(self, version: str) -> Line:
        self._admin(
            "eu-west",
            "/inject",
            {"kind": "sync_fail", "application": "argocd/shop-staging", "resource": "Deployment/shop", "text": "admission webhook denied the request"},
        )
        said = self.ended(self.deploy("shop", version, [], "staging"))
        self._admin("eu-west", "/inject?kind=sync_fail", None)
        return Line(f"Deployed shop {version} to Staging again, where the cluster refuses it", said, said.startswith("Failed"))

    def _gateway_away(self) -> Line:
        pause = self.data / "pause-us-east"
        pause.touch()
        try:
            said = self.person.wait_for("/instances/us-east/", "h1", lambda said: "Offline" in said, seconds=WAIT_S)
            live = self._live("shop-us", lambda said: said.startswith("Unknown"))
        finally:
            pause.unlink()
        self.person.wait_for("/instances/us-east/", "h1", lambda said: "Online" in said, seconds=WAIT_S)
        return Line("The gateway of us-east fell silent", f"{said}. shop-us: {live}", "Offline" in said and live.startswith("Unknown"))

    def deploy(self, project: str, version: str, images: list[str], environment: str) -> str:
        """Make the release unless it is there, deploy it, and return the path of the deployment's page."""
        if images:
            values = {"project": project, "version": version, "images": "\n".join(images), "then": "nothing", "notes": "", "environment": environment}
            self.releases[project] = str(self.person.post("/releases/new/", values).url.path)
        return str(self.person.post(f"{self.releases[project]}deploy/", {"environment": environment}).url.path)

    def ended(self, path: str) -> str:
        """How a deployment ended: its word and sentence."""
        ends = ("Succeeded", "Failed", "Cancelled")
        word = self.person.wait_for(path, "h1", lambda said: said.endswith(ends), seconds=WAIT_S).split()[-1]
        sentence = words_of(self.person.get(path), "outcome")
        return sentence if sentence.startswith(word) else f"{word}: {sentence}"

    def _live(self, application: str, is_so: Callable[[str], bool]) -> str:
        said = self.person.wait_for(self.application_path(application), "octoargo-says", lambda said: is_so(_without_head(said)), seconds=WAIT_S)
        return _without_head(said)

    def _admin(self, instance: str, path: str, body: dict[str, Any] | None) -> None:
        """Change the world around Octoargo. Without a body: DELETE."""
        method = "DELETE" if body is None else "POST"
        httpx2.request(method, f"{self.world['argocd'][instance]['admin_url']}{path}", json=body, timeout=30).raise_for_status()


def _without_head(said: str) -> str:
    return said.removeprefix("Octoargo says").strip()
