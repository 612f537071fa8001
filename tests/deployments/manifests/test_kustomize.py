"""Kustomizations and their patches: what is told, recorded and read."""

import pytest

from deployments.drift import Verdict, compare
from deployments.manifests.images import StepImage
from deployments.manifests.notes import NoteCode
from deployments.manifests.preview import find_images
from deployments.manifests.sources import Source, SourceKind
from deployments.manifests.update import files_needed, more_files_needed, update_images

SOURCE = Source(SourceKind.KUSTOMIZE, "env")
FILE = "env/kustomization.yaml"
NGINX = [StepImage.parse("nginx:1.27.1")]


def _update(text, **files):
    return update_images({FILE: text, **files}, SOURCE, NGINX, "")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- name: nginx\n  newTag: 1.25\n", '- name: nginx\n  newTag: "1.27.1"\n'),
        ("- name: nginx\n  newTag: '1.25'\n", "- name: nginx\n  newTag: '1.27.1'\n"),
        ("- name: nginx\n  newTag: 1.27.1\n", "- name: nginx\n  newTag: 1.27.1\n"),
        ("- name: nginx\n", '- name: nginx\n  newTag: "1.27.1"\n'),
        ("- name: nginx", '- name: nginx\n  newTag: "1.27.1"'),
        ("-   name: nginx # note\n", '-   name: nginx # note\n    newTag: "1.27.1"\n'),
        ("- name: nginx\n  digest: sha256:abc\n", '- name: nginx\n  newTag: "1.27.1"\n'),
        ("- name: nginx\n  newTag: 1.27.1\n  digest: sha256:abc\n", "- name: nginx\n  newTag: 1.27.1\n"),
        ("- digest: sha256:abc\n  name: nginx\n  newTag: 1.27.1\n", "- name: nginx\n  newTag: 1.27.1\n"),
        ("- name: web\n  newName: docker.io/nginx\n", '- name: web\n  newName: docker.io/nginx\n  newTag: "1.27.1"\n'),
        ("- name: nginx\n  newName: web\n", "- name: nginx\n  newName: web\n"),
        ("- {name: nginx}\n", '- {name: nginx, newTag: "1.27.1"}\n'),
        ("- {'name': nginx, digest: 'sha256:abc'}\n", "- {'name': nginx, newTag: \"1.27.1\"}\n"),
        ("- name: nginx\n  newName:\n    nginx\n", '- name: nginx\n  newName:\n    nginx\n  newTag: "1.27.1"\n'),
        ("- name: &n nginx\n  newName: *n\n", '- name: &n nginx\n  newName: *n\n  newTag: "1.27.1"\n'),
        ("- <<: {newTag: x}\n  name: nginx\n", '- <<: {newTag: x}\n  name: nginx\n  newTag: "1.27.1"\n'),
    ],
)
def test_an_entry_is_edited_where_it_stands(before, after):
    result = _update(f"images:\n{before}")

    assert result.changed.get(FILE, f"images:\n{before}") == f"images:\n{after}"


def test_an_entry_records_its_name_and_a_replace_of_new_tag():
    (record,) = _update("images:\n- name: web\n  newName: nginx\n").records.values()

    assert record.patch == ({"op": "replace", "path": "/0/images/0/newTag", "value": "1.27.1"},)
    assert record.places[0].to_dict() == {"form": "image_entry", "expected": "1.27.1", "entry": "web", "image": "nginx"}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("images:\n- name: other\n- name: web\n  newName: docker.io/nginx\n  newTag: '1.27.1'\n", Verdict.OVERWRITTEN),
        ("images:\n- name: other\n- name: web\n  newTag: '1.27.1'\n  newName: nginx\n", Verdict.UNRELATED),
        ("images:\n- name: web\n  newName: nginx\n  newTag: '1.27.1'\n  digest: sha256:abc\n", Verdict.OVERWRITTEN),
        ("images:\n- name: web\n  newName: nginx\n  newTag: 1.26\n", Verdict.OVERWRITTEN),
        ("images:\n- name: web\n  newName: envoy\n  newTag: 1.27.1\n", Verdict.OVERWRITTEN),
        ("images:\n- name: api\n  newName: nginx\n  newTag: 1.27.1\n", Verdict.RESTRUCTURED),
        ("images: []\n", Verdict.RESTRUCTURED),
    ],
)
def test_drift_of_an_entry_is_judged_by_its_name(text, verdict):
    records = list(_update("images:\n- name: web\n  newName: nginx\n").records.values())

    assert compare({FILE: text}, records).verdict is verdict


def test_drift_of_a_patch_is_judged_by_its_object_and_target():
    text = """\
patches:
- patch: |-
    - op: replace
      path: /spec/template/spec/containers/0/image
      value: nginx:1.25
  target: {kind: Deployment, name: web}
- patch: |-
    apiVersion: v1
    kind: Pod
    metadata: {name: p}
    spec: {containers: [{name: a, image: nginx:1.25}]}
"""
    result = _update(text)
    new, records = result.changed[FILE], list(result.records.values())
    first, second = new.split("- patch: |-\n")[1:]

    assert compare({FILE: f"patches:\n- patch: |-\n{second}- patch: |-\n{first}"}, records).verdict is Verdict.UNRELATED
    assert compare({FILE: new.replace("name: web", "name: api")}, records).verdict is Verdict.RESTRUCTURED
    assert compare({FILE: new.replace("value: nginx:1.27.1", "value: nginx:1.26")}, records).place == (
        "patch operation /spec/template/spec/containers/0/image of Deployment/web"
    )


def test_files_needed_are_the_kustomization_and_then_its_patches():
    tree = ["env/kustomization.yaml", "env/kustomization.yml", "env/a.yaml", "env/p/b.yaml", "base/c.yaml", "other.yaml"]
    text = "patches:\n- path: p/b.yaml\n- path: ../base/c.yaml\n- path: ../../out.yaml\n- path: /other.yaml\npatchesStrategicMerge: [a.yaml, gone.yaml]\n"

    assert files_needed(SOURCE, tree) == ["env/kustomization.yaml"]
    assert more_files_needed({FILE: text}, SOURCE, tree) == ["base/c.yaml", "env/a.yaml", "env/p/b.yaml"]
    assert more_files_needed({FILE: text, "base/c.yaml": "", "env/a.yaml": "", "env/p/b.yaml": ""}, SOURCE, tree) == []


def test_a_missing_kustomization_is_told():
    result = update_images({}, SOURCE, NGINX, "")

    assert [(note.code, note.sentence) for note in result.notes] == [(NoteCode.MISSING_FILE, "Skipped: there is no kustomization in env.")]


def test_an_image_nobody_names_is_told_with_what_to_do():
    result = _update("resources: [../base]\n")

    assert result.notes[0].sentence == "Not tracked: the kustomization in env has no images entry or patch for nginx. Add one to its images."


def test_find_images_lists_entries_and_patches():
    entries = "images: [{name: web, newName: nginx, newTag: '1'}]\n"
    text = f"{entries}patches:\n" + "- patch: '[{op: replace, path: /spec/containers/0/image, value: envoy:2}]'\n- path: p.yaml\n"
    patch = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: caddy:3}]}\n"

    found = find_images({FILE: text, "env/p.yaml": patch}, SOURCE, "")

    assert [(each.file, str(each.image), each.form) for each in found] == [
        (FILE, "nginx:1", "image_entry"),
        (FILE, "envoy:2", "inline_operation"),
        ("env/p.yaml", "caddy:3", "container"),
    ]
