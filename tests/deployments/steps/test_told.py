"""What is wrong with annotations and sources is told: on the application's page, in the step's log, and in the dry run."""

import pytest

from deployments.models import LogEntry
from deployments.services import NoMappedApplications, create_deployment, plan
from infrastructure.services.mapping import remap
from tests.deployments.factories import make_release, make_world, manifest, targets_of
from tests.deployments.views.pages import text_of
from tests.factories import NOW, annotations_for, make_application, make_content, make_environment, make_source, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
VALUES = "web:\n  image: ghcr.io/acme/web:1.4.1\n"


@pytest.fixture
def admin(client):
    user = make_user(is_superuser=True, is_staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path)


def add_sources(world, name, annotations, *sources, kinds=None):
    """A reported application with these entries of spec.sources (or the only one of spec.source), mapped as a report would."""
    url = world.repository.file_url
    specs = [{"repoURL": url, "targetRevision": "main", **source} for source in sources]
    content = make_content(name, sources=specs, annotations=annotations, uid=f"uid-{name}")
    application = make_application(name, instance=world.instance, content=content)
    for position, spec in enumerate(specs):
        values = {"repo_url": spec["repoURL"], "path": spec.get("path"), "target_revision": spec["targetRevision"], "ref": spec.get("ref", "")}
        values |= {"name": spec.get("name", ""), "chart": spec.get("chart", ""), "kind": kinds[position] if kinds else "Directory"}
        make_source(application, position=position, is_mapped=False, mapped_by="", mapping_reason="", **values)
    web = world.applications[0]
    web.content["metadata"]["annotations"] = annotations_for()
    web.save()
    remap(now=NOW)
    application.refresh_from_db()
    return application


def said_everywhere(client, world, application):
    """What the application's page, the step's log and the dry run say."""
    release = make_release()
    planned = plan(release=release, environment=make_environment())
    deployment = world.deploy(release)
    world.advance(deployment)
    page = text_of(client.get(f"/applications/{application.pk}/"))
    return page, "\n".join(LogEntry.objects.values_list("text", flat=True)), "\n".join(note["sentence"] for note in planned.notes), deployment


@pytest.mark.parametrize(
    ("annotations", "sources", "sentence"),
    [
        (
            annotations_for(),
            [{"path": "a"}, {"path": "b", "name": "values"}],
            "orders has 2 sources, so argo.octopus.com/project and argo.octopus.com/environment are not read. "
            "Add the source's name, for example argo.octopus.com/project.values.",
        ),
        (
            annotations_for(source="web"),
            [{"path": "a", "name": "web"}, {"path": "b", "name": "web"}],
            "Two sources of orders are named web. Give each source its own name.",
        ),
        (
            annotations_for(environment="prod"),
            [{"path": "a"}],
            "Not mapped: argo.octopus.com/environment of orders is “prod”, and no environment has that slug. Did you mean production?",
        ),
    ],
    ids=["unqualified annotations in a multi-source application", "duplicate names", "unknown environment"],
)
def test_annotations_that_map_nothing_are_told_everywhere(client, admin, world, annotations, sources, sentence):
    application = add_sources(world, "orders", annotations, *sources)
    page, log, dry_run, deployment = said_everywhere(client, world, application)

    assert sentence in page
    assert f"orders: {sentence}" in log
    assert sentence in dry_run
    assert [target.application_name for target in targets_of(deployment)] == ["shop-web"], "the others go on"


def test_annotations_beside_right_ones_are_told_too(client, admin, world):
    annotations = annotations_for() | annotations_for(source="web")
    application = add_sources(world, "orders", annotations, {"path": "a", "name": "web"}, {"path": "b", "name": "values"})
    page, log, _, _ = said_everywhere(client, world, application)

    assert "orders has 2 sources, so argo.octopus.com/project" in page
    assert "orders: orders has 2 sources" in log


def test_annotations_of_other_projects_and_environments_are_not_told(world):
    make_environment("staging")
    for name, annotations in (("ledger", annotations_for("ledger", "prod")), ("staged", annotations_for("shop", "staging"))):
        add_sources(world, name, annotations, {"path": "a"})
    world.advance(world.deploy())

    log = "\n".join(LogEntry.objects.values_list("text", flat=True))
    assert "ledger" not in log
    assert "staged" not in log


def test_a_chart_source_in_scope_is_told_everywhere_and_stops_nobody(client, admin, world):
    application = add_sources(world, "orders", annotations_for(), {"chart": "orders", "targetRevision": "2.1.0"}, kinds=["Helm"])
    page, log, dry_run, deployment = said_everywhere(client, world, application)

    sentence = "Not tracked: orders: orders comes from a chart repository at 2.1.0. Only Git branches can be written."
    assert sentence in page
    assert sentence in log
    assert sentence in dry_run
    assert {target.application_name: str(target.outcome) for target in targets_of(deployment)} == {"orders": "skipped", "shop-web": "updated"}


def test_a_source_with_ref_and_path_is_updated_in_both_roles_and_told(client, admin, world):
    world.repository.commit({"orders/web.yaml": manifest(), "prod.yaml": VALUES, "charts/orders/Chart.yaml": "name: orders\n"})
    annotations = annotations_for(source="values") | {"argo.octopus.com/image-replace-paths.chart": "{{ .Values.web.image }}"}
    chart = {"path": "charts/orders", "name": "chart", "helm": {"valueFiles": ["$values/prod.yaml"]}}
    application = add_sources(world, "orders", annotations, chart, {"path": "orders", "name": "values", "ref": "values"}, kinds=["Helm", "Directory"])
    page, log, _, _ = said_everywhere(client, world, application)

    sentence = "Source values of orders has both a ref and a path."
    assert sentence in page
    assert sentence in log
    assert b"web:1.4.2" in world.repository.read("orders/web.yaml")
    assert b"web:1.4.2" in world.repository.read("prod.yaml")


def test_nothing_is_mapped_and_the_annotation_that_is_wrong_is_named(world):
    add_sources(world, "orders", annotations_for(environment="prod"), {"path": "a"})
    world.applications[0].delete()
    release = make_release()
    for refused in (plan, lambda **values: create_deployment(**values, by=None, now=NOW)):
        with pytest.raises(NoMappedApplications, match=r"orders: Not mapped: argo\.octopus\.com/environment of orders is “prod”"):
            refused(release=release, environment=make_environment())
