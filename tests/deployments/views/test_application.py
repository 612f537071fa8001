"""The page of one application: Argo CD's words and ours, the drift, the sources, and what a person may do."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from deployments.models import Deployment, LiveState
from deployments.status import LiveSync
from infrastructure.models import Application, Reconciliation
from tests.deployments.views.pages import deployment_row, drift_row, live_row, release_row, source_in, text_of
from tests.factories import NOW, SHA, make_application, make_content, make_gateway, make_instance, make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def instance():
    """An instance that is heard now."""
    instance = make_instance("eu-west")
    make_gateway(instance, last_seen_at=timezone.now() + timedelta(hours=1))
    return instance


def page_of(client, source, tab=""):
    return client.get(f"/applications/{source.application_id}/", {"tab": tab} if tab else {})


def half(response, name):
    """What one half of the verdict says."""
    body = response.content.decode().partition(f'id="{name}"')[2].partition("</div>")[0]
    return text_of(type("Part", (), {"content": f"<p {body}".encode()}))


def permit(user, *names):
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


@pytest.mark.parametrize("word", LiveSync)
def test_page_shows_both_words_and_our_reason(client, admin, instance, word):
    source = source_in(instance=instance, sync_status="OutOfSync", health_status="Progressing")
    live_row(source, word, reason="This is why.")

    response = page_of(client, source)

    assert half(response, "argocd-says").startswith("Argo CD says Out of sync Progressing It looks at 8e1f0c0 .")
    assert half(response, "octoargo-says") == f"Octoargo says {word.label} This is why."


def test_page_dates_argo_cds_words(client, admin, instance):
    source = source_in(instance=instance)
    Reconciliation.objects.create(application=source.application, reconciled_at=timezone.now() - timedelta(seconds=40))

    assert "Compared 40 s ago" in half(page_of(client, source), "argocd-says")


def test_page_of_a_silent_instance_shows_last_known_words(client, admin):
    silent = make_instance("us-east")
    make_gateway(silent, last_seen_at=timezone.now() - timedelta(minutes=7), relay_url="")
    source = source_in(instance=silent)

    response = page_of(client, source)

    assert "us-east is offline: last heard 7 min ago" in text_of(response)
    assert "Last known words." in half(response, "argocd-says")


def test_page_of_a_drift_tells_who_changed_what_and_offers_two_ways(client, admin, instance):
    source = source_in(name="shop-web", instance=instance)
    deployment = deployment_row(sources=[source], target={"commit_sha": "a" * 40})
    drift_row(source, target=deployment.step_runs.get().targets.get(), deployment=deployment)

    page = text_of(page_of(client, source))

    for said in (
        "Drift 1",
        "envs/production/web.yaml Deployment/web, container web",
        "ghcr.io/acme/web:1.4.2 1.4.2, aaaaaaa",
        "Kestrel in bbbbbbb",
        "Deploy 1.4.2 again",
        "Accept ghcr.io/acme/web:1.4.1",
        "bbbbbbb Kestrel",
        "Overwrote our value.",
        f"Our change: Shop 1.4.2, deployment {deployment.pk}, succeeded.",
    ):
        assert said in page


def test_page_of_an_unmapped_application_says_how_to_map_it(client, admin, instance):
    source = make_source(make_application("lost", instance=instance), is_mapped=False, mapping_reason="Not mapped: no annotation.")

    response = page_of(client, source)

    assert half(response, "octoargo-says") == "Octoargo says Not mapped: no annotation."
    assert "Write its annotations Add a rule" in text_of(response)


def test_page_of_what_was_never_deployed_leads_to_releases(client, admin, instance):
    source = source_in(instance=instance)

    response = page_of(client, source)

    assert half(response, "octoargo-says") == "Octoargo says Unknown It was not compared yet."
    assert b'href="/releases/?project=shop"' in response.content


def test_page_of_several_sources_shows_the_worst_of_the_mapped_ones(client, admin, instance):
    application = make_application("shop-web", instance=instance)
    make_source(application, name="chart", is_mapped=False, mapping_reason="Not mapped: no annotation.")
    live_row(make_source(application, name="values", position=1), "synced")
    worst = make_source(application, name="edge", position=2)
    live_row(worst, "git_drift", reason="Edge has drifted.")

    page, sources = page_of(client, worst), text_of(page_of(client, worst, "sources"))

    assert half(page, "octoargo-says") == "Octoargo says Git drift Edge has drifted."
    assert "Source edge" in text_of(page)
    assert all(f"Source {name}" in sources for name in ("chart", "values", "edge"))
    assert "Not mapped: no annotation." in sources


def test_page_of_an_application_without_sources_opens(client, admin, instance):
    application = make_application("empty", instance=instance)

    assert "Argo CD reports no source for empty" in text_of(client.get(f"/applications/{application.pk}/"))


def test_page_of_an_application_that_is_gone_says_so(client, admin, instance):
    assert "It is gone." in text_of(page_of(client, source_in(instance=instance, gone_at=NOW)))


def test_page_of_a_failed_deployment_offers_its_release_again(client, admin, instance):
    source = source_in(instance=instance)
    failed = deployment_row("failed", release=release_row("1.5.0"), sources=[source], reason="Failed: the sync failed.")
    live_row(source, "unavailable", version="1.4.2", deployment=failed)

    page = text_of(page_of(client, source))
    response = client.post(f"/applications/{source.application_id}/act/", {"do": "deploy-again", "source": source.pk})

    assert "Failed: the sync failed." in page
    assert "Deploy 1.5.0 again" in page
    deployment = Deployment.objects.exclude(pk=failed.pk).get()
    assert response["Location"] == f"/deployments/{deployment.pk}/"
    assert (deployment.release.version, deployment.created_by) == ("1.5.0", admin)


@pytest.mark.parametrize("tab", ["summary", "sources", "deployments", "argocd", "nonsense", ""])
def test_every_tab_opens(client, admin, instance, tab):
    source = source_in(instance=instance)
    deployment_row(sources=[source])

    assert page_of(client, source, tab).status_code == 200


def test_argocd_tab_tells_operation_and_objects(client, admin, instance):
    content = make_content("shop-web", sync="OutOfSync")
    content["status"]["operationState"] = {"phase": "Failed", "message": "admission webhook denied", "operation": {"initiatedBy": {"username": "ada"}}}
    content["status"]["resources"] = [{"kind": "Deployment", "name": "web", "status": "OutOfSync"}]
    source = source_in(name="shop-web", instance=instance, content=content, sync_status="OutOfSync")

    page = text_of(page_of(client, source, "argocd"))

    assert "Failed: the sync by ada, admission webhook denied." in page
    assert "Deployment/web" in page


def test_deployments_tab_lists_targets(client, admin, instance):
    source = source_in(instance=instance)
    deployment_row(sources=[source], target={"reason": "Synced at 8e1f0c0, and healthy."})

    page = text_of(page_of(client, source, "deployments"))

    assert "Shop 1.4.2 to Production" in page
    assert "Synced at 8e1f0c0, and healthy." in page


@pytest.mark.parametrize("path", ["/applications/99999/", "/applications/99999/?tab=sources"])
def test_unknown_application_is_a_404_with_a_page(client, admin, path):
    response = client.get(path)

    assert response.status_code == 404
    assert b"<h1" in response.content


@pytest.mark.parametrize(("do", "permission"), [("refresh", "change_application"), ("accept", "change_livestate"), ("deploy-again", "add_deployment")])
def test_actions_need_a_permission(client, reader, instance, do, permission):
    source = source_in(instance=instance)
    drift_row(source)
    address = f"/applications/{source.application_id}/act/"

    refused = client.post(address, {"do": do, "source": source.pk})
    permit(reader, permission)
    allowed = client.post(address, {"do": do, "source": source.pk})

    assert refused.status_code == 403
    assert permission in text_of(refused)
    assert allowed.status_code == 302


def test_accepting_keeps_the_difference_in_mind(client, admin, instance):
    source = source_in(instance=instance)
    drift_row(source)

    client.post(f"/applications/{source.application_id}/act/", {"do": "accept", "source": source.pk})

    state = LiveState.objects.get()
    assert state.detail["accepted"]["by"] == admin.username
    assert state.accepted_at is not None


@pytest.mark.parametrize("source", ["", "x", "99999", "9" * 40, "-1"])
def test_action_on_a_strange_source_is_a_404(client, admin, instance, source):
    there = source_in(instance=instance)

    assert client.post(f"/applications/{there.application_id}/act/", {"do": "accept", "source": source}).status_code == 404


def test_action_on_another_applications_source_is_a_404(client, admin, instance):
    one, other = source_in(instance=instance), source_in(instance=instance)
    drift_row(other)

    assert client.post(f"/applications/{one.application_id}/act/", {"do": "accept", "source": other.pk}).status_code == 404


def test_unknown_action_says_that_nothing_was_done(client, admin, instance):
    source = source_in(instance=instance)

    response = client.post(f"/applications/{source.application_id}/act/", {"do": "explode"}, follow=True)

    assert "this page knows no action “explode”" in text_of(response)


def test_deploying_again_what_was_never_deployed_says_so(client, admin, instance):
    source = source_in(instance=instance)
    live_row(source, "unknown", version="")

    response = client.post(f"/applications/{source.application_id}/act/", {"do": "deploy-again", "source": source.pk}, follow=True)

    assert "no release is known for" in text_of(response)


def test_refresh_of_a_silent_instance_says_why_not(client, admin):
    silent = make_instance("us-east")
    make_gateway(silent, last_seen_at=timezone.now() - timedelta(minutes=7), relay_url="")
    source = source_in(instance=silent)

    response = client.post(f"/applications/{source.application_id}/act/", {"do": "refresh"}, follow=True)

    assert "Not refreshed: " in text_of(response)


def test_actions_are_posts(client, admin, instance):
    assert client.get(f"/applications/{source_in(instance=instance).application_id}/act/").status_code == 405


def test_page_asks_a_fixed_number_of_queries(client, admin, instance, django_assert_max_num_queries):
    application = make_application("shop-web", instance=instance)
    sources = [make_source(application, name=f"source-{index}", position=index) for index in range(12)]
    for _ in range(30):
        deployment = deployment_row(sources=sources)
    for source in sources:
        live_row(source, target=deployment.step_runs.get().targets.get(source=source), deployment=deployment)

    with django_assert_max_num_queries(12):
        response = client.get(f"/applications/{application.pk}/")

    assert response.status_code == 200


def test_page_links_commits_where_the_host_is_known(client, admin, instance):
    source = make_source(make_application(instance=instance), repo_url="https://github.com/acme/shop-config.git")

    assert f'href="https://github.com/acme/shop-config/commit/{SHA}"' in page_of(client, source).content.decode()


def test_page_links_to_argo_cd(client, admin, instance):
    instance.web_ui_url = "https://argocd.example.test/"
    instance.save()
    source = source_in(name="shop-web", instance=instance)

    assert 'href="https://argocd.example.test/applications/argocd/shop-web"' in page_of(client, source).content.decode()
    assert Application.objects.count() == 1
