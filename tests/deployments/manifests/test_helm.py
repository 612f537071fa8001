"""Helm values by annotation and by the step's paths."""

import pytest

from deployments.drift import Verdict, compare
from deployments.manifests.images import StepImage
from deployments.manifests.notes import NoteCode
from deployments.manifests.preview import find_images
from deployments.manifests.sources import Source, SourceKind
from deployments.manifests.update import files_needed, update_images

FILE = "chart/values.yaml"
ANNOTATION = "argo.octopus.com/image-replace-paths"


def _update(text, annotation, *images, registry="", **more):
    source = Source(SourceKind.HELM, "chart", image_replace_paths=annotation, value_files=tuple(more.get("value_files", ())))
    files = {FILE: text, **more.get("files", {})}
    return update_images(files, source, [StepImage.parse(image) for image in images or ("ghcr.io/acme/web:1.4.2",)], registry)


@pytest.mark.parametrize(
    ("annotation", "before", "after"),
    [
        ("{{ .Values.image }}", "image: ghcr.io/acme/web:1\n", "image: ghcr.io/acme/web:1.4.2\n"),
        ("{{.Values.image}}", "image: ghcr.io/acme/web\n", "image: ghcr.io/acme/web:1.4.2\n"),
        ("{{- .Values.a.b -}}", "a: {b: 'ghcr.io/acme/web:1'}\n", "a: {b: 'ghcr.io/acme/web:1.4.2'}\n"),
        ("{{ .Values.r }}:{{ .Values.t }}", "r: ghcr.io/acme/web\nt: 1\n", "r: ghcr.io/acme/web\nt: 1.4.2\n"),
        ("{{ .Values.h }}/{{ .Values.r }}", "h: ghcr.io\nr: acme/web:1\n", "h: ghcr.io\nr: acme/web:1.4.2\n"),
        ("ghcr.io/acme/{{ .Values.n }}:{{ .Values.t }}", "n: web\nt:\n", "n: web\nt: 1.4.2\n"),
        ("ghcr.io/acme/web:{{ .Values.t }}", "t: ~\n", "t: 1.4.2\n"),
        ("ghcr.io/acme/web:{{ .Values.t }}", 't: ""\n', 't: "1.4.2"\n'),
        ("ghcr.io/acme/web:1.{{ .Values.t }}", "t: 3.0\n", 't: "4.2"\n'),
        ("ghcr.io/acme/web:{{ .Values.t }}.2", "t: 1.3\n", 't: "1.4"\n'),
        ("ghcr.io/acme/web:v{{ .Values.t }}", "t: 1\n", "t: 1\n"),
        ("{{ .Values.Image }}", "image: ghcr.io/acme/web:1\n", "image: ghcr.io/acme/web:1\n"),
        ("{{ .Values.h }}/{{ .Values.r }}:{{ .Values.t }}", "h:\nr: ghcr.io/acme/web\nt: 1\n", "h:\nr: ghcr.io/acme/web\nt: 1.4.2\n"),
    ],
)
def test_the_annotation_finds_the_tag(annotation, before, after):
    assert _update(before, annotation).changed.get(FILE, before) == after


@pytest.mark.parametrize("tag", ["1.10", "0123", "1e3", "on", "2020-01-01", "123", "0x1F", "1_000", "true", "null", "12345e7"])
def test_a_plain_tag_that_would_read_as_something_else_is_quoted(tag):
    result = _update("t: a\n", "nginx:{{ .Values.t }}", f"nginx:{tag}")

    assert result.changed == {FILE: f't: "{tag}"\n'}
    assert result.records[FILE].places[0].expected == tag
    assert compare({FILE: f't: "{tag}"\n#'}, list(result.records.values())).verdict is Verdict.UNRELATED


@pytest.mark.parametrize("tag", ["1.4.2", "v1", "1.4.2-rc.1", "latest", "a1b2c3d", "1.2.3_4"])
def test_other_plain_tags_stay_plain(tag):
    assert _update("t: a\n", "nginx:{{ .Values.t }}", f"nginx:{tag}").changed == {FILE: f"t: {tag}\n"}


def test_a_literal_registry_port_works():
    result = _update("r: shop/web\nt: 1\n", "localhost:5000/{{ .Values.r }}:{{ .Values.t }}", "localhost:5000/shop/web:2.0.0")

    assert result.changed == {FILE: "r: shop/web\nt: 2.0.0\n"}


@pytest.mark.parametrize(
    ("annotation", "code", "sentence"),
    [
        (
            None,
            "not_tracked",
            "Not tracked: the annotation argo.octopus.com/image-replace-paths is missing, so nobody knows where the images stand in the values.",
        ),
        ("{{ .Values.t }},", "no_such_path", "No such path: a part of the annotation argo.octopus.com/image-replace-paths is empty. It is skipped."),
        (
            "{{ .Values.web.image.tag }}",
            "no_such_path",
            "No such path: the annotation names web.image.tag; chart/values.yaml has web.tag. Did you mean that?",
        ),
        ("{{ .Values.nothing }}", "no_such_path", "No such path: the annotation names nothing; chart/values.yaml does not have it."),
        (
            "{{ .Values.t | quote }}",
            "no_such_path",
            f"No such path: the annotation {ANNOTATION} holds {{{{ .Values.t | quote }}}}, which uses more than plain .Values paths. It is skipped.",
        ),
        (
            "ghcr.io/acme/web:1",
            "no_such_path",
            f"No such path: the annotation {ANNOTATION} holds ghcr.io/acme/web:1, which names no value, as {{{{ .Values.image.tag }}}} would. It is skipped.",
        ),
        (
            "mirror.example/acme/web:{{ .Values.t }}",
            "other_registry",
            "Left alone: chart/values.yaml, t, says mirror.example/acme/web, the release says ghcr.io/acme/web.",
        ),
        (
            "ghcr.io/acme/web@{{ .Values.t }}",
            "pinned",
            "Left alone: chart/values.yaml, t, pins ghcr.io/acme/web to a digest. Remove the digest to let tags through.",
        ),
    ],
)
def test_what_the_annotation_gets_wrong_is_told(annotation, code, sentence):
    notes = _update("t: 1\nweb: {tag: 1}\n", annotation).notes

    assert (code, sentence) in [(note.code, note.sentence) for note in notes]


def test_an_overlay_that_sets_the_tag_alone_is_told_of():
    result = _update(
        "image: {repository: ghcr.io/acme/web, tag: 1}\n",
        "{{ .Values.image.repository }}:{{ .Values.image.tag }}",
        value_files=["prod.yaml", "quiet.yaml"],
        files={"chart/prod.yaml": "image: {tag: 0}\n", "chart/quiet.yaml": "replicas: 2\n"},
    )

    assert list(result.changed) == [FILE]
    assert [note.file for note in result.notes if note.code is NoteCode.NO_SUCH_PATH] == ["chart/prod.yaml"]


@pytest.mark.parametrize(
    ("written", "path"),
    [("prod.yaml", "chart/prod.yaml"), ("./env/../prod.yaml", "chart/prod.yaml"), ("/env/prod.yaml", "env/prod.yaml"), ("../env/prod.yaml", "env/prod.yaml")],
)
def test_value_files_are_found_from_the_chart_or_from_the_root(written, path):
    source = Source(SourceKind.HELM, "chart", value_files=(written,))

    assert files_needed(source, ["chart/values.yaml", "chart/prod.yaml", "env/prod.yaml", "prod.yaml"]) == sorted(["chart/values.yaml", path])


@pytest.mark.parametrize(
    ("written", "code", "sentence"),
    [
        ("../../x.yaml", "not_editable", "Not editable: the values file ../../x.yaml is outside of the repository."),
        ("gone.yaml", "missing_file", "Skipped: the values file chart/gone.yaml is not in the repository or not a text."),
        ("https://h.example/x.yaml", "missing_file", "Skipped: the values file https://h.example/x.yaml does not come from this repository."),
    ],
)
def test_value_files_that_cannot_be_edited_are_told_and_the_others_edited(written, code, sentence):
    result = _update("t: 1\n", "ghcr.io/acme/web:{{ .Values.t }}", value_files=[written])

    assert result.changed == {FILE: "t: 1.4.2\n"}
    assert (code, sentence) in [(note.code, note.sentence) for note in result.notes]


@pytest.mark.parametrize("name", ["values.yaml", "values.yml", "Values.yaml", "Values.yml"])
def test_the_chart_s_own_values_are_found_under_four_names(name):
    assert files_needed(Source(SourceKind.HELM, ""), [name, "x.yaml"]) == [name]


def _by_path(text, *images, annotation=None):
    source = Source(SourceKind.HELM, "chart", image_replace_paths=annotation)
    return update_images({FILE: text}, source, [StepImage.parse(*image) for image in images], "")


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ("a: {t: 1.9}\n", 'a: {t: "1.10"}\n', ["updated"]),
        ("a: {t: }\n", 'a: {t: "1.10"}\n', ["updated"]),
        ("a: {t: '1.10'}\n", "a: {t: '1.10'}\n", ["already_there"]),
        ("a: {t: 'docker.io/nginx:1'}\n", "a: {t: 'docker.io/nginx:1.10'}\n", ["updated"]),
        ("a: {t: 'library/nginx'}\n", "a: {t: 'library/nginx:1.10'}\n", ["updated"]),
        ("a: {t: 'envoy:1'}\n", "a: {t: 'envoy:1'}\n", ["not_editable"]),
        ("a: {t: 'quay.io/nginx:1'}\n", "a: {t: 'quay.io/nginx:1'}\n", ["other_registry"]),
        ("a: {t: 'nginx:1@sha256:abc'}\n", "a: {t: 'nginx:1@sha256:abc'}\n", ["pinned"]),
        ("a: {T: 1}\n", "a: {T: 1}\n", ["no_such_path"]),
        ("a: {t: [1]}\n", "a: {t: [1]}\n", ["no_such_path"]),
    ],
)
def test_the_step_s_path_finds_a_tag_or_a_reference(before, after, codes):
    result = _by_path(before, ("nginx:1.10", "a.t"))

    assert result.changed.get(FILE, before) == after
    assert [note.code for note in result.notes] == codes


def test_step_paths_supersede_the_annotation_for_all_images():
    result = _by_path("t: 1\nu: 1\n", ("nginx:2", "t"), ("envoy:2",), annotation="envoy:{{ .Values.u }}")

    assert result.changed == {FILE: 't: "2"\nu: 1\n'}
    assert [note.sentence for note in result.notes if note.code is NoteCode.NOT_TRACKED] == [
        "Not tracked: the annotation argo.octopus.com/image-replace-paths is not used, because the step names paths itself.",
        "Not tracked: the step names a Helm path for other images and none for envoy.",
    ]


def test_two_wishes_for_one_value_are_told():
    result = _by_path("t: 1\n", ("nginx:2", "t"), ("envoy:3", "t"))

    assert result.changed == {FILE: 't: "2"\n'}
    assert result.notes[-1].sentence == "Not editable: two paths want different values at t of chart/values.yaml. The first was taken."


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("image: {pull: x, tag: 1.4.2}\n", Verdict.UNRELATED),
        ("image:\n  tag: '1.4.2'\n", Verdict.UNRELATED),
        ("image: {tag: 1.4.1}\n", Verdict.OVERWRITTEN),
        ("image: {tags: 1.4.2}\n", Verdict.RESTRUCTURED),
        ("tag: 1.4.2\n", Verdict.RESTRUCTURED),
    ],
)
def test_drift_of_a_value_is_judged_by_its_path(text, verdict):
    records = list(_update("image: {tag: 1}\n", "ghcr.io/acme/web:{{ .Values.image.tag }}").records.values())

    comparison = compare({FILE: text}, records)

    assert (comparison.verdict, comparison.place) == (verdict, "" if comparison.is_present else "image.tag")


def test_find_images_reads_the_templates():
    source = Source(SourceKind.HELM, "chart", image_replace_paths="{{ .Values.r }}:{{ .Values.t }}, {{ .Values.gone }}, {{ bad }}")

    found = find_images({FILE: "r: nginx\nt: 1.10\n"}, source, "")

    assert [(str(each.image), str(each.place)) for each in found] == [("nginx:1.10", "t")]
