"""The list and the page of an instance: filters, order, pages, a fixed number of queries, and what may be done."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from infrastructure import dashboard
from infrastructure.models import ArgoInstance, ConnectionSpan, Event, Gateway, HealthCheck
from infrastructure.services import InfrastructureError
from infrastructure.signals import instance_removing
from infrastructure.status import HealthStatus, MappedBy, SyncStatus
from tests.factories import make_application, make_environment, make_gateway, make_instance, make_source
from tests.infrastructure.views.conftest import permit

pytestmark = pytest.mark.django_db
LIST = "/instances/"


def text_of(response):
    return response.content.decode()


def make_fleet(now):
    """One online, one offline, one revoked, one enrolled and one only registered."""
    production, staging = make_environment("production"), make_environment("staging")
    make_gateway(make_instance("online", environments=[production]), last_seen_at=now, argocd_version="v3.4.2")
    silent = {"relay_url": "", "last_seen_at": now - timedelta(minutes=7), "last_error": "connection reset by peer"}
    make_gateway(make_instance("silent", environments=[staging]), **silent)
    make_gateway(make_instance("revoked", environments=[staging]), last_seen_at=now, revoked_at=now)
    make_gateway(make_instance("enrolled", environments=[staging]), last_seen_at=None, relay_url="", epoch=0)
    make_instance("registered", environments=[staging], created_at=now - timedelta(minutes=19))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["enrolled", "online", "registered", "revoked", "silent"]),
        ("?state=online", ["online"]),
        ("?state=offline", ["revoked", "silent"]),
        ("?state=waiting", ["enrolled", "registered"]),
        ("?environment=production", ["online"]),
        ("?q=ER", ["registered"]),
        ("?state=offline&environment=staging&q=sil", ["silent"]),
        ("?sort=-instance", ["silent", "revoked", "registered", "online", "enrolled"]),
        ("?state=odd&environment=nowhere&sort=-", ["enrolled", "online", "registered", "revoked", "silent"]),
        ("?q=nothing", []),
    ],
)
def test_index_filters_and_sorts(client, reader, query, names):
    make_fleet(timezone.now())

    response = client.get(f"{LIST}{query}")

    assert [row.name for row in response.context["rows"]] == names


@pytest.mark.parametrize("state", sorted(dashboard.STATES))
def test_index_filters_by_the_same_decision_as_the_gateway_itself(reader, state):
    now = timezone.now()
    make_fleet(now)

    found = dashboard.find_instances(reader, q="", state=state, environment=None, sort="instance", now=now)

    labels = {dashboard.status_of(instance, now).label for instance in found}
    assert labels == {dashboard.STATES[state]}


def test_index_says_why_and_ignores_unknown_filters_aloud(client, reader):
    make_fleet(timezone.now())

    page = text_of(client.get(f"{LIST}?state=odd&environment=nowhere&sort=x"))

    assert "There is no gateway state “odd”, so it is ignored." in page
    assert "There is no environment “nowhere”, so it is ignored." in page
    assert "5 Argo CD instances, 0 applications. 2 are offline, 2 are waiting for the first connection." in page
    assert "Last error: connection reset by peer." in page
    assert "Add instance" not in page


def test_index_counts_problems_and_calls_a_silent_instances_words_unknown(client, reader):
    now = timezone.now()
    make_fleet(now)
    online, silent = ArgoInstance.objects.get(name="online"), ArgoInstance.objects.get(name="silent")
    make_application(instance=online, health_status=HealthStatus.DEGRADED)
    make_application(instance=online, sync_status=SyncStatus.OUT_OF_SYNC)
    make_application(instance=online, health_status=HealthStatus.DEGRADED, gone_at=now)
    make_application(instance=silent, health_status=HealthStatus.DEGRADED)

    rows = {row.name: row for row in client.get(LIST).context["rows"]}

    assert [(problem.number, problem.word) for problem in rows["online"].problems] == [(1, "Degraded"), (1, "Out of sync")]
    assert [(problem.number, problem.word) for problem in rows["silent"].problems] == [(1, "Unknown")]
    assert "Its 1 application shows the last known words." in rows["silent"].remark
    assert rows["online"].applications == 2


@pytest.mark.parametrize("sort", sorted(dashboard.SORTS))
def test_index_asks_a_fixed_number_of_queries_for_200_rows(client, reader, django_assert_num_queries, sort):
    environment = make_environment("production")
    now = timezone.now()
    instances = ArgoInstance.objects.bulk_create([ArgoInstance(name=f"i-{number:03}", created_at=now) for number in range(200)])
    for instance in instances:
        instance.environments.add(environment)
    gateways = [
        Gateway(instance=instance, public_key="", key_id=f"{instance.pk}", enrolled_at=now, relay_url="127.0.0.1:1", last_seen_at=now)
        for instance in instances[:150]
    ]
    Gateway.objects.bulk_create(gateways)

    with django_assert_num_queries(12):  # session, person and two of permissions among them
        response = client.get(f"{LIST}?sort={sort}")

    assert len(response.context["rows"]) == 50
    assert "1 to 50 of 200" in text_of(response)


def test_index_answers_htmx_with_the_rows_alone(client, reader):
    make_fleet(timezone.now())

    part = text_of(client.get(f"{LIST}?state=online", headers={"HX-Request": "true"}))

    assert "<html" not in part
    assert "silent" not in part
    assert 'id="instance-rows"' in part


def test_index_without_instances_points_to_the_wizard(client, reader):
    assert "No instance yet." in text_of(client.get(LIST))
    assert "No instance matches these filters." in text_of(client.get(f"{LIST}?q=x"))


def test_detail_shows_connection_checks_mapping_and_properties(client, admin):
    now = timezone.now()
    instance = make_instance("eu-west", default_registries={"in-cluster": "registry.example.test"}, may_sync=False)
    make_gateway(instance, last_seen_at=now, argocd_version="v3.4.2", connected_at=now)
    ConnectionSpan.objects.create(instance=instance, started_at=now - timedelta(hours=2))
    failed = [{"leg": "token", "status": "failed", "evidence": "Argo CD refuses the token.", "advice": "Make a new one."}]
    HealthCheck.objects.create(instance=instance, checked_at=now - timedelta(minutes=20), is_passed=False, legs=failed)
    HealthCheck.objects.create(instance=instance, checked_at=now, is_passed=True, legs=[{"leg": "token", "status": "passed", "evidence": "Valid."}])
    make_source(make_application("shop", instance=instance))
    lost = make_application("ledger", instance=instance, problems=["x"])
    make_source(lost, is_mapped=False, mapped_by=MappedBy.NOTHING, mapping_reason="Not mapped: no environment has that slug.")

    response = client.get(reverse("instance", args=["eu-west"]))

    page = text_of(response)
    assert [source.application.name for source in response.context["sources"]] == ["ledger", "shop"]
    for words in ["100.0 % of the time", "Argo CD refuses the token.", "1 of 2 mapped", "Not mapped: no environment has that slug.", "registry.example.test"]:
        assert words in page
    assert "helm uninstall octoargo-eu-west" in page
    assert "read, refresh</dd>" in page


def test_detail_asks_a_fixed_number_of_queries_for_200_sources(client, reader):
    instance = make_instance("eu-west")
    make_gateway(instance, last_seen_at=timezone.now())
    counts = []
    for rows in (5, 195):
        for _ in range(rows):
            make_source(make_application(instance=instance))
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("instance", args=["eu-west"]))
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert counts[0] <= 20


@pytest.mark.parametrize("part", ["connection", "health", "mapping"])
def test_detail_answers_htmx_with_one_panel(client, reader, part):
    make_gateway(make_instance("eu-west"), last_seen_at=timezone.now())

    panel = text_of(client.get(reverse("instance", args=["eu-west"]), {"part": part}, headers={"HX-Request": "true"}))

    assert f'id="{part}-panel"' in panel
    assert "<html" not in panel


def test_edit_changes_the_permitted_environments_and_makes_new_ones(client, admin):
    instance = make_instance("eu-west")
    make_environment("staging")

    response = client.post(
        reverse("instance-edit", args=["eu-west"]), {"environments": ["staging"], "new_environments": "Canary", "web_ui_url": "https://argocd.example.test/"}
    )

    instance.refresh_from_db()
    assert response.status_code == 302
    assert {environment.slug for environment in instance.environments.all()} == {"staging", "canary"}
    assert instance.web_ui_url == "https://argocd.example.test"
    assert Event.objects.filter(kind="instance_changed", by=admin).exists()


def test_edit_refuses_to_leave_no_environment(client, admin):
    make_instance("eu-west")

    response = client.post(reverse("instance-edit", args=["eu-west"]), {"web_ui_url": ""})

    assert response.status_code == 422
    assert "Choose at least one environment" in text_of(response)


def test_edit_without_the_permission_to_add_environments_has_no_such_field(client, reader):
    permit(reader, "change_argoinstance", "view_argoinstance")
    make_instance("eu-west")

    client.post(reverse("instance-edit", args=["eu-west"]), {"environments": ["production"], "new_environments": "Canary", "web_ui_url": ""})

    assert not ArgoInstance.objects.filter(environments__slug="canary").exists()
    assert "new_environments" not in text_of(client.get(reverse("instance-edit", args=["eu-west"])))


def test_remove_confirms_with_the_helm_command_then_removes(client, admin):
    make_source(make_application(instance=make_instance("eu-west")))
    address = reverse("instance-remove", args=["eu-west"])

    asked = text_of(client.get(address))
    response = client.post(address, follow=True)

    assert "helm uninstall octoargo-eu-west" in asked
    assert "1 mapping goes" in asked
    assert not ArgoInstance.objects.exists()
    assert "eu-west was removed." in text_of(response)


def test_remove_says_what_still_needs_the_instance(client, admin):
    def refuse(**_):
        raise InfrastructureError("Not removed: deployment 421 still waits for eu-west. Cancel it first.")

    make_instance("eu-west")
    instance_removing.connect(refuse)
    try:
        response = client.post(reverse("instance-remove", args=["eu-west"]))
    finally:
        instance_removing.disconnect(refuse)

    assert response.status_code == 422
    assert "deployment 421 still waits for eu-west" in text_of(response)
    assert ArgoInstance.objects.exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("instance-check", "Not checked:"), ("instance-rotate-key", "The key was not rotated:"), ("instance-revoke-key", "Nothing was revoked:")],
)
def test_buttons_say_why_a_gateway_that_is_away_did_nothing(client, admin, name, sentence):
    make_instance("eu-west")

    response = client.post(reverse(name, args=["eu-west"]), follow=True)

    assert sentence in text_of(response)
    assert response.redirect_chain[-1][0] == "/instances/eu-west/"


def test_revoke_asks_first_and_then_shuts_the_gateway_out(client, admin):
    gateway = make_gateway(make_instance("eu-west"), relay_url="")
    address = reverse("instance-revoke-key", args=["eu-west"])

    asked = text_of(client.get(address))
    page = text_of(client.post(address, follow=True))

    gateway.refresh_from_db()
    assert "Revoke the key of eu-west?" in asked
    assert gateway.revoked_at is not None
    assert "The key of eu-west was revoked." in page


def test_annotations_write_the_command_and_the_yaml(client, reader):
    instance = make_instance("eu-west")
    source = make_source(make_application("ledger", instance=instance), name="values", is_mapped=False)
    make_source(make_application("shop", instance=instance))  # makes the project
    address = reverse("annotations", args=["eu-west"])
    choice = {"application": source.application_id, "project": "shop", "environment": "production"}

    asked = text_of(client.get(address))
    page = text_of(client.get(address, choice))
    part = text_of(client.get(address, choice, headers={"HX-Request": "true"}))

    assert "ledger in argocd" in asked
    assert "argo.octopus.com/project.values=shop" in page
    assert "argo.octopus.com/environment.values: production" in page
    assert "<html" not in part


@pytest.mark.parametrize("application", ["999999", "x", "-1", "9" * 30])
def test_annotations_of_an_unknown_application_are_not_found(client, reader, application):
    make_instance("eu-west")

    assert client.get(reverse("annotations", args=["eu-west"]), {"application": application}).status_code == 404


def test_annotations_refuse_a_scope_that_the_instance_does_not_serve(client, reader):
    make_environment("staging")
    source = make_source(make_application("shop", instance=make_instance("eu-west")))

    page = text_of(client.get(reverse("annotations", args=["eu-west"]), {"application": source.application_id, "project": "shop", "environment": "staging"}))

    assert "There is no such environment here." in page
    assert "kubectl" not in page
