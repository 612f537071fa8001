"""From a reported Application to what the manifests engine is given."""

import pytest

from deployments.manifests.sources import SourceKind, ValuesUser
from deployments.services import plan
from deployments.steps.sources import default_registry, manifest_source, obstacle_to_writing
from deployments.steps.update_manifests import obstacle_to_output, output_folder
from simulator.forge import make_repository
from tests.deployments.factories import make_release
from tests.factories import annotations_for, make_application, make_content, make_environment, make_gateway, make_instance, make_source

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
URL = "https://git.example.test/shop/deploy.git"
REPLACE = "argo.octopus.com/image-replace-paths"
CHART = {"repoURL": URL, "path": "charts/shop", "name": "chart", "helm": {"valueFiles": ["$values/prod.yaml", "values-eu.yaml"]}}
VALUES = {"repoURL": URL, "targetRevision": "main", "ref": "values", "name": "values"}


def application_of(*sources, annotations=None, instance=None, **values):
    content = make_content("shop", sources=list(sources), kind="Helm", annotations=annotations, **values)
    return make_application("shop", content=content, instance=instance or make_instance())


def test_a_helm_source_brings_its_value_files_and_its_own_annotation():
    application = application_of(CHART, VALUES, annotations={f"{REPLACE}.chart": "{{ .Values.image }}", REPLACE: "not this one"})
    source = manifest_source(make_source(application, name="chart", path="charts/shop", kind="Helm"))

    assert (source.kind, source.path, source.name) == (SourceKind.HELM, "charts/shop", "chart")
    assert source.value_files == ("$values/prod.yaml", "values-eu.yaml")
    assert source.image_replace_paths == "{{ .Values.image }}"
    assert source.referenced_by == ()


def test_a_ref_source_brings_every_helm_source_of_its_application():
    application = application_of(CHART, VALUES, annotations={f"{REPLACE}.chart": "{{ .Values.image }}"})
    source = manifest_source(make_source(application, position=1, name="values", path=None, ref="values", kind=""))

    assert (source.kind, source.ref) == (SourceKind.DIRECTORY, "values")
    assert ValuesUser("chart", ("$values/prod.yaml", "values-eu.yaml"), "{{ .Values.image }}") in source.referenced_by


def test_an_unnamed_source_reads_the_plain_annotation_only_when_it_is_alone():
    alone = application_of({"repoURL": URL, "path": "."}, annotations={REPLACE: "{{ .Values.image }}"})
    assert manifest_source(make_source(alone, path=".", kind="Helm")).image_replace_paths == "{{ .Values.image }}"

    unnamed = {key: value for key, value in CHART.items() if key != "name"}
    many = application_of(unnamed, VALUES, annotations={REPLACE: "{{ .Values.image }}"}, instance=make_instance())
    assert manifest_source(make_source(many, path="charts/shop", kind="Helm")).image_replace_paths is None


def test_the_default_registry_is_the_one_of_the_destination_s_cluster():
    server = "https://kubernetes.default.svc"
    source = make_source(application_of({"repoURL": URL, "path": "."}, instance=make_instance(default_registries={server: "registry.example.com"})))
    other = make_source(make_application("other"))

    assert default_registry(source) == "registry.example.com"
    assert default_registry(other) == "docker.io"


def test_a_source_that_argo_cd_hydrates_is_left_alone():
    application = make_application("shop", content={"spec": {"sourceHydrator": {"drySource": {}}}})

    assert obstacle_to_writing(make_source(application)) == "Not tracked: shop uses Argo CD’s source hydrator, which Octoargo does not write for."


KUSTOMIZATION = "resources: [../base]\nimages:\n- name: ghcr.io/acme/web\n  newTag: 1.4.1\n"
HELM_VALUES = "web:\n  image: ghcr.io/acme/web:1.4.1 # kept\n"


@pytest.mark.parametrize(
    ("sources", "row", "files", "changed"),
    [
        ([{"path": "k"}], {"path": "k", "kind": "Kustomize"}, {"k/kustomization.yaml": KUSTOMIZATION}, "k/kustomization.yaml"),
        ([{"path": "h"}], {"path": "h", "kind": "Helm"}, {"h/Chart.yaml": "name: h\n", "h/values.yaml": HELM_VALUES}, "h/values.yaml"),
        (
            [{**CHART, "helm": {"valueFiles": ["$values/prod.yaml"]}}, VALUES],
            {"path": None, "ref": "values", "name": "values", "position": 1, "kind": ""},
            {"prod.yaml": HELM_VALUES, "charts/shop/Chart.yaml": "name: shop\n"},
            "prod.yaml",
        ),
    ],
)
def test_every_kind_of_source_is_planned_by_the_same_code(tmp_path, sources, row, files, changed):
    repository = make_repository(tmp_path / "deploy.git", files)
    specs = [{**entry, "repoURL": repository.file_url, "targetRevision": "main"} for entry in sources]
    suffix = f".{CHART['name']}" if len(specs) > 1 else ""
    instance = make_instance()
    make_gateway(instance)
    application = application_of(*specs, annotations={**annotations_for(), f"{REPLACE}{suffix}": "{{ .Values.web.image }}"}, instance=instance)
    make_source(application, repo_url=repository.file_url, **row)
    [planned] = plan(release=make_release(), environment=make_environment()).repositories

    assert list(planned.after) == [changed], planned
    lines = [line for line in planned.diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert len(lines) == 2
    assert "1.4.2" in lines[1]


@pytest.mark.parametrize(
    ("specs", "name", "annotations", "folder"),
    [
        ([CHART], "", {"path": "envs/prod"}, "envs/prod"),
        ([CHART], "chart", {"path": "envs/prod"}, "charts/shop"),
        ([CHART], "chart", {"path.chart": "envs/prod", "path": "not this one"}, "envs/prod"),
        ([CHART, VALUES], "", {"path": "envs/prod"}, "charts/shop"),
        ([CHART, VALUES], "chart", {"path.chart": "envs/prod", "path.values": "not this one"}, "envs/prod"),
    ],
)
def test_a_source_reads_the_path_annotation_of_its_own_name_only(specs, name, annotations, folder):
    application = application_of(*specs, annotations={f"argo.octopus.com/{key}": value for key, value in annotations.items()})
    source = make_source(application, name=name, path="charts/shop")

    assert output_folder(source).path == folder


def test_a_chart_or_oci_source_gets_no_manifests_whatever_its_annotation():
    annotations = {"argo.octopus.com/path": "envs/prod"}
    chart = make_source(application_of(CHART, annotations=annotations), chart="shop", path=None)
    oci = make_source(application_of(CHART, annotations=annotations), repo_url="oci://registry.example.test/shop")

    assert obstacle_to_output(chart) == "Not tracked: shop: shop comes from a chart repository. Only Git branches can be written."
    assert obstacle_to_output(oci) == "Not tracked: shop: the source comes from an OCI registry. Only Git branches can be written."
