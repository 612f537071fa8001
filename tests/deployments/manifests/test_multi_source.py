"""Applications with several sources, and sources that cannot be written."""

import pytest

from deployments.manifests.images import StepImage
from deployments.manifests.sources import Source, SourceKind, ValuesUser, why_not_tracked
from deployments.manifests.update import update_images

TEMPLATE = "{{ .Values.image }}"
WEB = [StepImage.parse("ghcr.io/acme/web:2.0.1")]


def test_multi_source_applications_edit_each_source_after_the_other():
    files = {
        "base/kustomization.yaml": "images:\n- name: ghcr.io/acme/web\n  newTag: '1'\n",
        "plain/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: ghcr.io/acme/web:1}]}\n",
        "chart/values.yaml": "image: ghcr.io/acme/web:1\n",
        "env/prod.yaml": "image: ghcr.io/acme/web:1\n",
    }
    chart = Source(SourceKind.HELM, "chart", "chart", value_files=("$values/env/prod.yaml",), image_replace_paths=TEMPLATE)
    sources = [
        Source(SourceKind.KUSTOMIZE, "base", "kustomize"),
        Source(SourceKind.DIRECTORY, "plain", "plain"),
        chart,
        Source(SourceKind.DIRECTORY, None, "values", "values", referenced_by=(ValuesUser(chart.name, chart.value_files, chart.image_replace_paths),)),
    ]

    changed = {}
    for source in sources:
        result = update_images({**files, **changed}, source, WEB, "")
        assert len(result.changed) == len(result.records) == 1
        changed |= result.changed

    assert sorted(changed) == sorted(files)
    assert all("2.0.1" in text for text in changed.values())


@pytest.mark.parametrize(
    ("source", "repo_url", "reason"),
    [
        (
            Source(SourceKind.HELM, None, chart="nginx"),
            "https://charts.example",
            "nginx comes from a chart repository at 2.1.0. Only Git branches can be written.",
        ),
        (Source(SourceKind.HELM, ".", name="a"), "oci://r.example/x", "source a comes from an OCI registry. Only Git branches can be written."),
        (Source(SourceKind.DIRECTORY, None), "", "the source has no path. Give it one in the Application."),
        (Source(SourceKind.DIRECTORY, "a/../../b"), "", "the path a/../../b of the source leaves its repository."),
        (Source(SourceKind.PLUGIN, "a"), "", "the source is rendered by a plugin, and only the plugin knows where its images stand."),
        (Source(SourceKind.UNKNOWN, "a"), "", "Argo CD has not said what kind the source is. It does after its next comparison."),
        (Source(SourceKind.DIRECTORY, ""), "", ""),
        (Source(SourceKind.UNKNOWN, None, ref="values"), "", ""),
    ],
)
def test_multi_sources_that_cannot_be_written_say_why(source, repo_url, reason):
    assert why_not_tracked(source, repo_url, "2.1.0") == reason
    if reason and not repo_url:
        result = update_images({"a/x.yaml": "kind: Pod\n"}, source, WEB, "")
        assert [note.sentence for note in result.notes] == [f"Not tracked: {reason}"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "Directory"),
        ("Helm", "Helm"),
        ("helm", "Helm"),
        ("KUSTOMIZE", "Kustomize"),
        ("Plugin", "Plugin"),
        ("Jsonnet", "Unknown"),
        ("directory ", "Directory"),
    ],
)
def test_multi_source_kinds_are_read_whatever_their_case(text, kind):
    assert SourceKind.parse(text) is SourceKind(kind)
