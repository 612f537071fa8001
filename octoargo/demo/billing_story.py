"""The part of the story that is about templates and pull requests."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx2

from octoargo.demo.billing import TEMPLATE_LINES
from octoargo.demo.lines import WAIT_S, Line
from simulator.demo_templates import BILLING, TEMPLATES
from simulator.forge import BareRepository

if TYPE_CHECKING:
    from octoargo.demo.story import Story

NEW_TEMPLATE = "billing/secret.yaml"


class BillingStory:
    """Performs with billing: by commit in Staging, by pull request in Production."""

    def __init__(self, story: "Story") -> None:
        self.story, self.person = story, story.person
        repositories = story.data / "world" / "git"
        self.manifests, self.templates = BareRepository(repositories / BILLING), BareRepository(repositories / TEMPLATES)

    def perform(self) -> Iterator[Line]:
        """Each line when it has happened."""
        version = self._next_version()
        yield self._from_templates(version)
        path, line = self._awaits_merge(version)
        yield line
        yield self._merged(version, path)
        yield self._closed(f"{version}-rc.1")
        yield self._sensitive(f"{version}-secret")

    def _next_version(self) -> str:
        text = self.manifests.read("envs/production/deployment.yaml").decode()
        major, minor, patch = text.partition("acme/billing:")[2].split()[0].split(".")
        return f"{major}.{minor}.{int(patch) + 1}"

    def _from_templates(self, version: str) -> Line:
        self._release(version)
        said = self.story.ended(self.story.deploy("billing", version, [], "staging"))
        written = self.manifests.read("envs/staging/deployment.yaml").decode()
        is_right = "Succeeded" in said and f"ghcr.io/acme/billing:{version}" in written and "replicas: 1" in written
        return Line(f"Rendered the templates of billing {version} for Staging and committed them", said, is_right)

    def _awaits_merge(self, version: str) -> tuple[str, Line]:
        path = self.story.deploy("billing", version, [], "production")
        said = self._waits(path)
        is_right = "Awaiting merge" in said and "pull request" in said
        return path, Line(f"Deployed billing {version} to Production by pull request; it holds no worker", said, is_right)

    def _merged(self, version: str, path: str) -> Line:
        self._on_the_forge(path, "merge")
        said = self.story.ended(path)
        written = self.manifests.read("envs/production/deployment.yaml").decode()
        is_right = "Succeeded" in said and f"ghcr.io/acme/billing:{version}" in written and "replicas: 3" in written
        return Line("Somebody merged it on the Git host’s page; Argo CD synced it and it turned healthy", said, is_right)

    def _closed(self, version: str) -> Line:
        self._release(version)
        path = self.story.deploy("billing", version, [], "production")
        self._waits(path)
        self._on_the_forge(path, "close")
        said = self.story.ended(path)
        return Line(
            f"Somebody closed the pull request of billing {version} without a merge", said, said.startswith("Failed") and "closed without a merge" in said
        )

    def _sensitive(self, version: str) -> Line:
        """A template that needs a password is refused before any repository is touched."""
        self.templates.commit({NEW_TEMPLATE: f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: billing\n{TEMPLATE_LINES}"}, message="A secret in Git")
        head = self.manifests.head()
        try:
            self._release(version)
            said = self.story.ended(self.story.deploy("billing", version, [], "staging"))
        finally:
            self.templates.commit({NEW_TEMPLATE: None}, message="No secrets in Git")
        words = ("Failed", "Database.Password", "secret.yaml", "line 6", "column")
        is_right = all(word in said for word in words) and self.manifests.head() == head
        return Line("A template asked for a sensitive variable", said, is_right)

    def _release(self, version: str) -> None:
        """Make the release through its page; the templates are pinned to the commit of now."""
        values = {"project": "billing", "version": version, "images": "", "then": "nothing", "notes": "", "environment": ""}
        self.story.releases["billing"] = str(self.person.post("/releases/new/", values).url.path)

    def _waits(self, path: str) -> str:
        word = self.person.wait_for(path, "h1", lambda said: said.endswith("Awaiting merge"), seconds=WAIT_S).split()[-2:]
        sentence = self.person.wait_for(path, "outcome", lambda said: "pull request" in said, seconds=WAIT_S)
        return f"{' '.join(word)}: {sentence}"

    def _on_the_forge(self, path: str, what: str) -> None:
        """Press a button of the pull request's own page."""
        link = self.person.link_to(path, "/pulls/")
        httpx2.post(link, data={"do": what}, timeout=30, follow_redirects=True).raise_for_status()
