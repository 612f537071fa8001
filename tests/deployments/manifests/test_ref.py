"""Ref sources: the values files that Helm sources of the same Application name in them."""

import pytest

from deployments.manifests.images import StepImage
from deployments.manifests.notes import NoteCode
from deployments.manifests.sources import Source, SourceKind, ValuesUser
from deployments.manifests.update import files_needed, update_images

TEMPLATE = "{{ .Values.image }}"
WEB = [StepImage.parse("ghcr.io/acme/web:2.0.1")]


def _ref(*users, path=None, kind=SourceKind.DIRECTORY):
    return Source(kind, path, name="values", ref="values", referenced_by=users)


def test_ref_edits_the_files_its_helm_sources_name():
    source = _ref(ValuesUser("chart", ("$values/env/prod.yaml", "$values2/env/other.yaml", "own.yaml"), TEMPLATE), ValuesUser("idle", (), None))
    tree = ["env/prod.yaml", "env/other.yaml", "own.yaml", "values.yaml"]

    assert files_needed(source, tree) == ["env/prod.yaml"]
    assert update_images({"env/prod.yaml": "image: ghcr.io/acme/web\n"}, source, WEB, "").changed == {"env/prod.yaml": "image: ghcr.io/acme/web:2.0.1\n"}


def test_ref_uses_the_annotation_of_each_helm_source_for_its_own_files():
    source = _ref(ValuesUser("one", ("$values/a.yaml",), TEMPLATE), ValuesUser("two", ("$values/b.yaml",), None))

    result = update_images(dict.fromkeys(("a.yaml", "b.yaml"), "image: ghcr.io/acme/web:1\n"), source, WEB, "")

    assert list(result.changed) == ["a.yaml"]
    assert "Not tracked: the annotation argo.octopus.com/image-replace-paths.two is missing, so nobody knows where the images stand in the values." in [
        note.sentence for note in result.notes
    ]


@pytest.mark.parametrize("user", [ValuesUser("chart", ("values.yaml",), TEMPLATE), ValuesUser("chart", ("$values", "$valuesx/a.yaml"), TEMPLATE)])
def test_ref_that_nobody_references_is_told(user):
    result = update_images({}, _ref(user), WEB, "")

    assert [note.sentence for note in result.notes] == ["Not tracked: no values file of a Helm source begins with $values/."]


def test_ref_that_leaves_the_repository_is_refused():
    result = update_images({}, _ref(ValuesUser("chart", ("$values/../../etc/passwd",), TEMPLATE)), WEB, "")

    assert result.notes[0].code is NoteCode.NOT_EDITABLE


def test_ref_with_a_path_is_edited_in_both_roles():
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: ghcr.io/acme/web:1}]}\n"
    source = _ref(ValuesUser("chart", ("$values/env/prod.yaml",), TEMPLATE), path="manifests")
    files = {"manifests/pod.yaml": pod, "env/prod.yaml": "image: ghcr.io/acme/web:1\n"}

    result = update_images(files, source, WEB, "")

    assert files_needed(source, files) == ["env/prod.yaml", "manifests/pod.yaml"]
    assert sorted(result.changed) == sorted(files)


def test_ref_with_a_helm_path_reads_one_file_in_both_roles_once():
    user = ValuesUser("chart", ("$values/chart/values.yaml",), TEMPLATE)
    source = Source(SourceKind.HELM, "chart", "values", "values", image_replace_paths=TEMPLATE, referenced_by=(user,))

    result = update_images({"chart/values.yaml": "image: ghcr.io/acme/web:1\n"}, source, WEB, "")

    assert result.changed == {"chart/values.yaml": "image: ghcr.io/acme/web:2.0.1\n"}
    assert len(result.records["chart/values.yaml"].places) == 1


def test_a_ref_file_that_is_a_manifest_too_is_edited_in_one_go():
    text = "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: ghcr.io/acme/web:1}]}\nimage: ghcr.io/acme/web:1\n"
    source = _ref(ValuesUser("chart", ("$values/m/x.yaml",), TEMPLATE), path="m")

    result = update_images({"m/x.yaml": text}, source, WEB, "")

    assert result.changed == {"m/x.yaml": text.replace("web:1", "web:2.0.1")}
    assert len(result.records["m/x.yaml"].places) == 2
