"""A dry run and a deployment to an application of each kind of source: the page shows the diff, and the commit holds exactly it."""

import html
import re
import subprocess
from pathlib import Path

import pytest

from octoargo.demo.browser import Person
from simulator.demo_files import CATALOG
from simulator.forge import BareRepository
from tests.journeys.tools import environment_of, person_in, running_demo

pytestmark = pytest.mark.journey
WAIT_S = 90
KINDS = [
    # environment, the applications and the files that change there
    ("development", ["catalog-development"], ["envs/development/deployment.yaml"]),  # Directory
    ("staging", ["catalog-staging"], ["staging/kustomization.yaml", "staging/sidecar.yaml"]),  # Kustomize, with patches of both forms
    ("production", ["catalog-production", "catalog-us"], ["charts/catalog/values.yaml", "envs/us/values.yaml"]),  # Helm in Git; $ref values, two sources
]


def _lines_shown(page: str) -> list[str]:
    """The removed and added lines of the page's diffs, as "-line" and "+line"."""
    rows = re.findall(r'<tr class="(del|add)">.*?<td class="sign">.</td><td>(.*?)</td></tr>', page, flags=re.S)
    return [("-" if kind == "del" else "+") + html.unescape(re.sub(r"</?(?:del|ins)>", "", text)) for kind, text in rows]


def _lines_committed(repository: BareRepository, sha: str) -> list[str]:
    command = ["git", "show", "--format=", "--unified=0", "--no-color", sha]
    text = subprocess.run(command, cwd=repository.path, capture_output=True, text=True, check=True, timeout=30).stdout
    return [line for line in text.splitlines() if line[:1] in "-+" and not line.startswith(("---", "+++"))]


def _files_committed(repository: BareRepository, sha: str) -> list[str]:
    command = ["git", "show", "--format=", "--name-only", sha]
    return subprocess.run(command, cwd=repository.path, capture_output=True, text=True, check=True, timeout=30).stdout.split()


def _application_path(person: Person, name: str) -> str:
    found = re.search(rf'href="(/applications/\d+/)">{name}</a>', person.get(f"/applications/?q={name}"))
    assert found is not None
    return found[1]


def _wait_until_reported(person: Person, applications: list[str]) -> None:
    """Each of the two gateways reports in its own time."""
    said = person.wait_for("/applications/?q=catalog", "application-rows", lambda said: all(name in said for name in applications), seconds=WAIT_S)
    assert all(name in said for name in applications), said


def test_each_kind_of_source_is_shown_committed_and_synced(tmp_path: Path):
    directory = tmp_path / "demo"
    repository = BareRepository(directory / "world" / "git" / CATALOG)
    with running_demo(environment_of(directory)), person_in(directory) as person:
        values = {"project": "catalog", "version": "2.1.0", "images": "ghcr.io/acme/catalog:2.1.0", "then": "nothing", "notes": "", "environment": "staging"}
        release = person.post("/releases/new/", values).url.path
        for environment, applications, files in KINDS:
            _wait_until_reported(person, applications)
            before = repository.head()
            shown = _lines_shown(person.get(f"{release}deploy/?environment={environment}"))

            deployment = person.post(f"{release}deploy/", {"environment": environment}).url.path
            ended = person.wait_for(deployment, "h1", lambda said: said.endswith(("Succeeded", "Failed")), seconds=WAIT_S)
            live = [
                person.wait_for(_application_path(person, name), "octoargo-says", lambda said: "says Synced" in said, seconds=WAIT_S) for name in applications
            ]

            assert ended.endswith("Succeeded"), ended
            assert repository.log(f"{before}..main", form="%P") == [before], "one commit"
            assert _files_committed(repository, repository.head()) == files
            assert shown == _lines_committed(repository, repository.head())
            assert all("2.1.0" in line for line in shown if line[0] == "+")
            assert ["says Synced" in said for said in live] == [True] * len(applications), live
