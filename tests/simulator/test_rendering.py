"""Pure: from files to manifests: directories, Kustomize, Helm, templates; and real Git under it."""

import pytest

from simulator.rendering import Release, render, source_type
from simulator.repos import Repositories, SourceError
from simulator.templates import TemplateError, definitions
from simulator.templates import render as render_template
from tests.simulator.tools import CONFIG_MAP, Repository, deployment, job

RELEASE = Release("shop", "shop-prod")


def rendered(files, source=None, refs=None):
    tree = {name: content.encode() for name, content in files.items()}
    return render({"path": "app", **(source or {})}, tree, refs=refs or {}, release=RELEASE)


def names(result):
    return [manifest["metadata"]["name"] for manifest in result.manifests]


def images(result):
    return [m["spec"]["template"]["spec"]["containers"][0]["image"] for m in result.manifests if m["kind"] == "Deployment"]


def test_directory_is_not_recursive_unless_told():
    files = {"app/a.yaml": CONFIG_MAP, "app/deep/b.yaml": deployment("deep"), "other/c.yaml": deployment("other"), "app/notes.txt": CONFIG_MAP}

    assert names(rendered(files)) == ["shop-settings"]
    assert names(rendered(files, {"directory": {"recurse": True}})) == ["shop-settings", "deep"]
    assert names(rendered(files, {"directory": {"recurse": True, "exclude": "deep/*"}})) == ["shop-settings"]
    assert names(rendered(files, {"directory": {"recurse": True, "include": "*b.yaml"}})) == ["deep"]


def test_namespace_of_the_destination_is_filled_in_but_not_for_cluster_scoped_kinds():
    files = {"app/a.yaml": CONFIG_MAP + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: made, namespace: wrong}\n"}

    settings, namespace = rendered(files).manifests

    assert settings["metadata"]["namespace"] == "shop-prod"
    assert "namespace" not in namespace["metadata"]


def test_lists_are_unfolded_and_json_is_read():
    files = {
        "app/list.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}\n",
        "app/two.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two"}}',
    }

    assert names(rendered(files)) == ["one", "two"]


def test_dates_stay_text():
    assert rendered({"app/a.yaml": CONFIG_MAP.replace("blue", "2026-11-24")}).manifests[0]["data"] == {"colour": "2026-11-24"}


def test_missing_path_says_so():
    with pytest.raises(SourceError, match="app: app path does not exist"):
        rendered({"other/a.yaml": CONFIG_MAP})


@pytest.mark.parametrize(
    ("files", "source", "kind"),
    [
        ({"app/Chart.yaml": "name: x"}, {}, "Helm"),
        ({"app/kustomization.yaml": ""}, {}, "Kustomize"),
        ({"app/a.yaml": ""}, {}, "Directory"),
        ({"app/kustomization.yaml": ""}, {"directory": {"recurse": True}}, "Directory"),
    ],
)
def test_kind_of_a_source(files, source, kind):
    assert source_type(source, files, "app") == kind


def test_kustomize_images_patches_and_names():
    kustomization = """
resources: [../base, settings.yaml]
namespace: prod
namePrefix: live-
commonLabels: {team: shop}
images: [{name: ghcr.io/acme/shop, newName: registry.example.test/shop, newTag: "1.10"}]
patches:
- patch: '[{"op": "add", "path": "/spec/replicas", "value": 3}]'
  target: {kind: Deployment, name: shop}
- patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: shop-settings}
    data: {colour: null, size: large}
configMapGenerator: [{name: made, literals: [a=b=c]}]
"""
    files = {
        "app/kustomization.yaml": kustomization,
        "base/kustomization.yaml": "resources: [d.yaml]",
        "base/d.yaml": deployment(),
        "app/settings.yaml": CONFIG_MAP,
    }

    result = rendered(files)

    workload, settings, made = result.manifests
    assert images(result) == ["registry.example.test/shop:1.10"]
    assert (workload["spec"]["replicas"], workload["metadata"]["namespace"], workload["metadata"]["name"]) == (3, "prod", "live-shop")
    assert settings["data"] == {"size": "large"}
    assert settings["metadata"]["labels"] == {"team": "shop"}
    assert made["data"] == {"a": "b=c"}


@pytest.mark.parametrize(
    ("given", "image"),
    [
        ("ghcr.io/acme/shop:2.0", "ghcr.io/acme/shop:2.0"),
        ("ghcr.io/acme/shop=other.test/x:3", "other.test/x:3"),
        ("ghcr.io/acme/shop@sha256:ab", "ghcr.io/acme/shop@sha256:ab"),
    ],
)
def test_kustomize_images_of_the_application_win(given, image):
    files = {"app/kustomization.yaml": "resources: [d.yaml]\nimages: [{name: ghcr.io/acme/shop, newTag: '1.5'}]", "app/d.yaml": deployment()}

    assert images(rendered(files, {"kustomize": {"images": [given]}})) == [image]


def test_kustomize_without_its_resource_fails():
    with pytest.raises(SourceError, match="accumulating resources"):
        rendered({"app/kustomization.yaml": "resources: [gone.yaml]"})


CHART = {
    "app/Chart.yaml": "name: shop\nversion: 1.2.3\nappVersion: 9.9.9\n",
    "app/values.yaml": "image: {repository: ghcr.io/acme/shop}\nreplicas: 2\n",
    "app/templates/d.yaml": deployment(image="{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"),
    "app/templates/NOTES.txt": "{{ fail }}",
}


@pytest.mark.parametrize(
    ("options", "tag"),
    [
        ({}, "9.9.9"),
        ({"valueFiles": ["live.yaml"]}, "1.0"),
        ({"valueFiles": ["live.yaml", "$other/values.yaml"]}, "2.0"),
        ({"valueFiles": ["live.yaml"], "values": "image: {tag: 3.0.0}"}, "3.0.0"),
        ({"values": "image: {tag: 3.0.0}", "valuesObject": {"image": {"tag": "4.0"}}}, "4.0"),
        ({"valuesObject": {"image": {"tag": "4.0"}}, "parameters": [{"name": "image.tag", "value": "5.0", "forceString": True}]}, "5.0"),
        ({"valueFiles": ["gone.yaml"], "ignoreMissingValueFiles": True}, "9.9.9"),
    ],
)
def test_helm_values_win_in_helms_order(options, tag):
    files = {**CHART, "app/live.yaml": 'image: {tag: "1.0"}\n'}
    refs = {"other": {"values.yaml": b'image: {tag: "2.0"}\n'}}

    assert images(rendered(files, {"helm": options}, refs)) == [f"ghcr.io/acme/shop:{tag}"]


def test_helm_with_a_missing_value_file_fails():
    with pytest.raises(SourceError, match=r"open gone\.yaml: no such file or directory"):
        rendered(CHART, {"helm": {"valueFiles": ["gone.yaml"]}})


SCOPE = {"Values": {"name": "x", "on": True, "list": ["a", "b"], "map": {"k": "v"}, "none": None}, "Release": {"Name": "shop"}}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ .Values.name }}", "x"),
        ("{{ .Values.missing.deeper }}", ""),
        ("{{ .Values.name | upper | quote }}", '"X"'),
        ("a {{- if .Values.on }} yes{{ else }} no{{ end }}", "a yes"),
        ("{{ if not .Values.on }}1{{ else if eq .Values.name `x` }}2{{ end }}", "2"),
        ("{{ range .Values.list }}<{{ . }}>{{ end }}", "<a><b>"),
        ("{{ range $k, $v := .Values.map }}{{ $k }}={{ $v }}{{ end }}", "k=v"),
        ("{{ range .Values.none }}x{{ else }}empty{{ end }}", "empty"),
        ("{{ with .Values.map }}{{ .k }}{{ $.Release.Name }}{{ end }}", "vshop"),
        ("{{ $n := .Values.name }}{{ $n }}", "x"),
        ('{{ define "n" }}[{{ .Release.Name }}]{{ end }}{{ include "n" . }}', "[shop]"),
        ("{{ toYaml .Values.map | nindent 2 }}", "\n  k: v"),
        ('{{ printf "%s-%s" .Release.Name (.Values.name | upper) }}', "shop-X"),
        ("{{/* a comment */}}{{ .Values.on }}", "true"),
    ],
)
def test_templates(template, text):
    assert render_template(template, SCOPE, definitions([template])) == text


@pytest.mark.parametrize("template", ["{{ nonsense 1 }}", "{{ if .Values.on }}", "{{ end }}", '{{ include "gone" . }}', '{{ required "say it" .Values.none }}'])
def test_templates_that_cannot_be_rendered(template):
    with pytest.raises(TemplateError):
        render_template(template, SCOPE, {})


@pytest.fixture
def repositories(tmp_path):
    return Repositories(tmp_path / "mirrors", [], timeout_s=20)


def test_revisions_resolve_as_git_names_them(tmp_path, repositories):
    repository = Repository(tmp_path, {"a.yaml": CONFIG_MAP})
    repository.tag("v1")
    second = repository.commit({"a.yaml": job()})

    resolved = {name: repositories.resolve(repository.url, name) for name in ("", "HEAD", "main", "refs/heads/main", "v1", repository.first[:8])}

    assert resolved == {
        "": second,
        "HEAD": second,
        "main": second,
        "refs/heads/main": second,
        "v1": repository.first,
        repository.first[:8]: repository.first,
    }
    assert repositories.tree(repository.url, repository.first) == {"a.yaml": CONFIG_MAP.encode()}
    with pytest.raises(SourceError, match="unable to resolve 'gone' to a commit SHA"):
        repositories.resolve(repository.url, "gone")


def test_unreachable_repository_is_a_source_error(tmp_path, repositories):
    with pytest.raises(SourceError, match="failed to list refs"):
        repositories.resolve(f"file://{tmp_path}/nothing.git", "main")


def test_secret_goes_into_the_environment_only(tmp_path):
    repositories = Repositories(tmp_path, [{"url": "https://git.example.test/x.git", "username": "u", "password": "p"}], timeout_s=5)

    mine, other = (repositories.environment(f"https://git.example.test/{name}") for name in ("X", "y.git"))

    assert "Authorization: Basic dTpw" in mine.values()
    assert "Authorization: Basic dTpw" not in other.values()
