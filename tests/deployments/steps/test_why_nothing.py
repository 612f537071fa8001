"""Why did nothing change? The step's log, the deployment's page and the dry run answer for every image and application."""

import pytest

from deployments.models import LogEntry
from deployments.services import plan
from deployments.status import NoteCode
from infrastructure.models import Application
from simulator.forge import git
from tests.deployments.factories import World, add_application, make_release, make_world, manifest, targets_of
from tests.deployments.views.pages import text_of
from tests.factories import annotations_for, make_content, make_environment, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
IMAGES = ["ghcr.io/acme/web:1.4.2", "nginx:1.27"]
DIGEST = f"sha256:{'0' * 64}"
FILES = {
    "apps/other/web.yaml": manifest().replace("ghcr.io", "quay.io"),
    "apps/pinned/web.yaml": manifest().replace(":1.4.1", f":1.4.1@{DIGEST}"),
    "apps/chart/Chart.yaml": "name: chart\n",
    "apps/chart/values.yaml": "web:\n  version: 1.4.1\n",
    "apps/none/web.yaml": manifest().replace("acme/web", "acme/ledger"),
    "apps/broken/web.yaml": manifest().replace("kind:", "kind: ["),
    "apps/latin/web.yaml": manifest().replace("the shop's", "l’été").encode("cp1252"),
}
WORDS = {
    "shop-web": NoteCode.ALREADY_THERE,
    "other": NoteCode.OTHER_REGISTRY,
    "pinned": NoteCode.PINNED,
    "chart": NoteCode.NO_SUCH_PATH,
    "none": NoteCode.NOT_TRACKED,
    "broken": NoteCode.NOT_EDITABLE,
    "latin": NoteCode.NOT_EDITABLE,
    "remote": NoteCode.NOT_TRACKED,
    "tagged": NoteCode.NOT_TRACKED,
}


def make_still_world(tmp_path) -> World:
    """Nine applications, none of which has anything to write."""
    world = make_world(tmp_path, tag="1.4.2")
    world.repository.commit(FILES)
    git("tag", "v9", cwd=world.repository.path)
    for name in ("other", "pinned", "none", "broken", "latin"):
        add_application(world, name)
    add_application(world, "chart", kind="Helm")
    annotations = annotations_for() | {"argo.octopus.com/image-replace-paths": "ghcr.io/acme/web:{{ .Values.web.tag }}"}
    Application.objects.filter(name="chart").update(content=make_content("chart", uid="uid-chart", kind="Helm", annotations=annotations))
    add_application(world, "remote", chart="remote", path=None, target_revision="2.1.0")
    add_application(world, "tagged", target_revision="v9")
    return world


def test_every_image_of_every_application_is_told_everywhere(client, tmp_path):
    client.force_login(make_user(is_superuser=True, is_staff=True))
    world = make_still_world(tmp_path)
    head = world.repository.head()
    release = make_release(images=IMAGES, step={"verification": "commit_created"})

    planned = plan(release=release, environment=make_environment())
    dry_run = text_of(client.get(f"/releases/{release.pk}/deploy/?environment=production"))
    deployment = world.deploy(release)
    world.advance(deployment)
    page = text_of(client.get(f"/deployments/{deployment.pk}/"))
    log = "\n".join(LogEntry.objects.values_list("text", flat=True))

    assert world.repository.head() == head
    assert not planned.has_changes
    assert deployment.reason == "Deployed 1.4.2 to 1 application source."
    notes = {target.application_name: target.notes for target in targets_of(deployment)}
    assert {name: [note["image"] for note in told] for name, told in notes.items() if not _covers(told)} == {}
    for name, word in WORDS.items():
        [sentence, *_] = [note["sentence"] for note in notes[name] if note["code"] == word]
        assert sentence in log
        for text in (page, dry_run):
            assert sentence in text
            assert word.label in text
    assert sorted((target.application, note["code"], note["sentence"]) for target in planned.targets for note in target.notes) == sorted(
        (name, note["code"], note["sentence"]) for name, told in notes.items() for note in told
    ), "the dry run said the same"


def _covers(told):
    """Is every image named, or are all of them by a note about the whole source?"""
    images = {note["image"] for note in told}
    return images >= set(IMAGES) or images == {""}


def test_a_values_file_that_is_missing_is_named_and_the_others_are_written(client, tmp_path):
    client.force_login(make_user(is_superuser=True, is_staff=True))
    world = make_world(tmp_path)
    world.repository.commit({"apps/shop-web/values.yaml": "image: ghcr.io/acme/web:1.4.1\n", "apps/shop-web/Chart.yaml": "name: web\n"})
    helm = {"helm": {"valueFiles": ["values-eu.yaml"], "ignoreMissingValueFiles": True}}
    source = {"repoURL": world.repository.file_url, "path": "apps/shop-web", "targetRevision": "main", **helm}
    annotations = annotations_for() | {"argo.octopus.com/image-replace-paths": "{{ .Values.image }}"}
    Application.objects.update(content=make_content("shop-web", uid="uid-shop-web", kind="Helm", sources=[source], annotations=annotations))
    world.application().sources.update(kind="Helm")
    release = make_release()

    dry_run = text_of(client.get(f"/releases/{release.pk}/deploy/?environment=production"))
    deployment = world.deploy(release)
    world.advance(deployment)

    sentence = "Skipped: the values file apps/shop-web/values-eu.yaml is not in the repository or not a text."
    assert sentence in dry_run
    assert sentence in text_of(client.get(f"/deployments/{deployment.pk}/"))
    assert sentence in "\n".join(LogEntry.objects.values_list("text", flat=True))
    assert world.repository.read("apps/shop-web/values.yaml") == b"image: ghcr.io/acme/web:1.4.2\n"
