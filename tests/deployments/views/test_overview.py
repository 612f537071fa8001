"""The overview and the first-start page."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.dashboard.cells import Group, make_cell
from deployments.status import DeploymentStatus, LiveSync
from tests.deployments.views.pages import deployment_row, live_row, many_sources, release_row, source_in, text_of
from tests.factories import NOW, make_environment, make_gateway, make_instance, make_project, make_source, make_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def instance():
    """An instance that is heard now."""
    instance = make_instance("eu-west")
    make_gateway(instance, last_seen_at=timezone.now() + timedelta(hours=1))
    return instance


def group(version="1.4.2", health="Healthy", live_sync=LiveSync.SYNCED, sources=1, **values):
    values = {"scope": (1, 1, None), "application": 1, "deployed_at": NOW, "first_state": 1, **values}
    return Group(version=version, health=health, live_sync=live_sync, sources=sources, **values)


def cell(*groups):
    return make_cell(list(groups), {1: "Why.", 2: "Because."}, address={"project": "shop"})


def test_cell_of_one_source_leads_to_its_application():
    assert cell(group()).url.endswith("/applications/1/")
    assert cell(group(sources=2)).url.endswith("/applications/?project=shop")


def test_cell_leaves_what_was_never_deployed_out_of_our_word():
    seen = cell(group(sources=3), group("", live_sync=LiveSync.UNKNOWN, sources=2, first_state=2))

    assert (seen.live_word, seen.tone, seen.version) == ("Synced", "", "1.4.2")
    assert seen.why == "3 of 5 on 1.4.2, 2 not deployed yet."


def test_cell_says_the_worst_of_what_was_deployed():
    seen = cell(group(sources=3), group("1.4.1", live_sync=LiveSync.GIT_DRIFT, first_state=2))

    assert (seen.live_word, seen.tone, seen.version) == ("Git drift", "warn", "1.4.2")
    assert seen.why == "3 of 4 on 1.4.2. Because."


def test_cell_of_a_first_deployment_that_failed_is_no_undeployed_one():
    seen = cell(group("", live_sync=LiveSync.UNAVAILABLE))

    assert (seen.is_deployed, seen.live_word, seen.why) == (True, "Unavailable", "Why.")


@pytest.mark.parametrize(
    ("healths", "word", "tone"),
    [
        (["Healthy", "Degraded", "Missing"], "Degraded", "bad"),
        (["Healthy", "Missing", "Progressing"], "Missing", "warn"),
        (["Progressing", "Unknown", "Suspended"], "Progressing", "busy"),
        (["Unknown", "Suspended", "Healthy"], "Unknown", ""),
        (["Suspended", "Healthy"], "Suspended", ""),
        (["Healthy"], "Healthy", ""),
    ],
)
def test_cell_shows_the_worst_health(healths, word, tone):
    seen = cell(*(group(health=health) for health in healths))

    assert (seen.health, seen.tone) == (word, tone)


def test_cell_counts_the_ailing():
    assert cell(group(sources=4), group(health="Degraded")).why == "1 of 5 is Degraded."


def test_overview_needs_somebody_signed_in(client):
    assert client.get("/")["Location"].startswith("/sign-in/")


def test_welcome_ticks_off_each_step(client, admin):
    seen = [text_of(client.get("/"))]
    make_instance("eu-west")
    seen.append(text_of(client.get("/")))
    make_gateway(make_instance("us-east"))
    seen.append(text_of(client.get("/", headers={"HX-Request": "true"})))
    make_source()
    seen.append(text_of(client.get("/")))

    assert "Welcome aboard" in seen[0]
    assert "add one first" in seen[0]
    assert "add one first" not in seen[1]
    assert [page.count("Passed") for page in seen] == [0, 0, 1, 0]
    assert "Welcome aboard" not in seen[2]  # the part alone
    assert "May it go on?" in seen[3]


@pytest.mark.parametrize("word", LiveSync)
def test_overview_shows_each_live_sync_with_its_reason(client, admin, instance, word):
    live_row(source_in(instance=instance), word, reason="This is why.")

    page = text_of(client.get("/"))

    assert "1.4.2" in page
    assert str(word.label) in page
    assert ("This is why." in page) == (word != LiveSync.SYNCED)


def test_overview_says_what_was_never_deployed_and_offers_the_newest_release(client, admin, instance):
    source = source_in(instance=instance)
    live_row(source, "unknown", version="", reason="Not deployed by Octoargo yet.")
    release_row("1.4.1")
    newest = release_row("1.4.2", created_at=NOW + timedelta(hours=1))

    response = client.get("/")

    assert "1 application of Shop in Production , not deployed. Deploy 1.4.2" in text_of(response)
    assert f"/releases/{newest.pk}/deploy/?environment=production".encode() in response.content


def test_overview_offers_no_deployment_to_a_scope_without_applications(client, admin, instance):
    live_row(source_in(instance=instance, tenant=make_tenant("outlet")), "unknown", version="")
    newest = release_row()

    body = client.get("/").content.decode()

    assert body.count(", not deployed.") == 2
    assert re.findall(rf"/releases/{newest.pk}/deploy/([^\"]*)", body) == ["?tenant=outlet&amp;environment=production"]


def test_overview_live_status_puts_the_words_first(client, admin, instance):
    live_row(source_in(instance=instance))

    versions, words = (client.get(address).content.decode().partition("<tbody")[2] for address in ("/", "/?show=live"))

    assert versions.index("1.4.2") < versions.index("Healthy")
    assert words.index("Healthy") < words.index("1.4.2")


def test_overview_tiles_count_and_lead_to_what_they_count(client, admin, instance):
    for word in ("synced", "git_drift", "git_drift", "out_of_sync", "unavailable", "unknown"):
        live_row(source_in(instance=instance), word)
    live_row(source_in(instance=instance, health_status="Degraded"))
    source_in(instance=instance)  # not judged yet
    deployment_row(DeploymentStatus.WAITING)

    tiles = [tile for _, row in client.get("/").context["overview"].tiles for tile in row]

    assert {tile.label: tile.number for tile in tiles} == {
        "Degraded": 1, "Git drift": 2, "Out of sync": 1, "Unavailable": 1, "Unknown": 2, "Offline": 0,
        "Queued": 0, "Awaiting merge": 0, "Verifying": 1, "Progressing": 0, "Synced, healthy": 1, "All": 8,
    }  # fmt: skip
    for tile in tiles:
        answer = client.get(tile.url)
        assert answer.context["page_obj"].paginator.count == tile.number if "page_obj" in answer.context else answer.status_code == 200, tile.label


def test_overview_names_offline_instances(client, admin, instance):
    silent = make_instance("us-east")
    make_gateway(silent, last_seen_at=timezone.now() - timedelta(minutes=7), relay_url="")
    live_row(source_in(instance=silent))

    page = text_of(client.get("/"))

    assert "us-east is offline: last heard 7 min ago . Its 1 application shows the last known words." in page


def test_overview_names_a_few_of_many_offline_instances(client, admin, instance):
    source_in(instance=instance)
    for _ in range(6):
        make_gateway(make_instance(), last_seen_at=timezone.now() - timedelta(minutes=7))

    assert "And 2 more instances offline." in text_of(client.get("/"))


def test_overview_lists_what_is_under_way(client, admin, instance):
    source_in(instance=instance)
    deployment_row(DeploymentStatus.WAITING, reason="Waiting for shop-web: Progressing.")
    deployment_row(DeploymentStatus.SUCCEEDED, reason="It is over.")
    for _ in range(11):
        deployment_row(DeploymentStatus.QUEUED)

    page = text_of(client.get("/"))

    assert "Waiting for shop-web: Progressing." in page
    assert "It is over." not in page
    assert "And 2 more." in page


def test_overview_filters_by_project_tenant_and_environment(client, admin, instance):
    for slug in ("shop", "catalog"):
        live_row(source_in(instance=instance, project=make_project(slug)))
    live_row(source_in("staging", instance=instance, project=make_project("ledger"), tenant=make_tenant("outlet")))

    def rows(address):
        return [row.name for row in client.get(address).context["matrix"].rows]

    assert rows("/") == ["Catalog", "Ledger", "Outlet", "Shop"]
    assert rows("/?q=SHO") == ["Shop"]
    assert rows("/?q=outl") == ["Ledger", "Outlet"]
    assert rows("/?q=nothing") == []
    assert "No project and no tenant matches “nothing”." in text_of(client.get("/?q=nothing"))
    assert [each.slug for each in client.get("/?environment=staging").context["matrix"].environments] == ["staging"]


def test_overview_names_and_ignores_an_unknown_environment(client, admin, instance):
    source_in(instance=instance)

    page = text_of(client.get("/?environment=prod<b>"))

    assert "There is no environment “prod<b>”; that filter was ignored." in page
    assert "Production" in page


def test_overview_folds_many_tenants(client, admin, instance):
    for index in range(8):
        live_row(source_in(instance=instance, tenant=make_tenant(f"tenant-{index}")))

    folded, unfolded, wanted = (client.get(address).context["matrix"].rows for address in ("/", "/?unfold=shop", "/?q=tenant-3"))

    assert [(row.name, row.sub) for row in folded] == [("Shop", "8 tenants, folded")]
    assert (len(unfolded), unfolded[0].sub) == (9, "8 tenants")
    assert [row.name for row in wanted] == ["Shop", "Tenant-3"]
    assert b'href="?unfold=shop"' in client.get("/").content


def test_overview_scrolls_many_environments_sideways(client, admin, instance):
    for index in range(8):
        live_row(source_in(f"stage-{index}", instance=instance))

    response = client.get("/")

    assert len(response.context["matrix"].environments) == 9  # and production, which the instance serves
    assert b"matrix cards many" in response.content


def test_overview_pages_its_projects(client, admin, instance):
    projects = [make_project(f"project-{index:02}") for index in range(60)]
    many_sources(60, instance=instance, projects=projects, environments=[make_environment()])

    first, third = client.get("/"), client.get("/?page=3&q=project")

    assert [row.name for row in first.context["matrix"].rows][:2] == ["Project-00", "Project-01"]
    assert len(first.context["matrix"].rows) == 25
    assert [row.name for row in third.context["matrix"].rows][-1] == "Project-59"
    assert "26 to 50 of 60" in text_of(client.get("/?page=2"))
    assert b"?q=project&amp;page=2" in third.content or b"?page=2&amp;q=project" in third.content


def test_overview_leaves_out_what_is_gone_or_not_mapped(client, admin, instance):
    source_in(instance=instance, project=make_project("catalog"))
    source_in(instance=instance, project=make_project("shop"), gone_at=NOW)
    make_source(project=make_project("ledger"), is_mapped=False)

    cells = {row.name: row.cells[0][1] for row in client.get("/").context["matrix"].rows}

    assert cells["Catalog"] is not None
    assert (cells["Shop"], cells["Ledger"]) == (None, None)


@pytest.mark.parametrize("number", [40, 800])
def test_overview_asks_a_fixed_number_of_queries(client, admin, instance, django_assert_max_num_queries, number):
    projects, environments = [make_project(f"p-{index}") for index in range(20)], [make_environment(name) for name in ("staging", "production")]
    many_sources(number, instance=instance, projects=projects, environments=environments, tenants=[None, make_tenant(), make_tenant("south")])

    with django_assert_max_num_queries(22):
        response = client.get("/")

    assert response.status_code == 200


def test_overview_answers_htmx_with_its_part(client, admin, instance):
    source_in(instance=instance)

    page = client.get("/", headers={"HX-Request": "true"}).content.decode()

    assert page.strip().startswith('<div id="overview-live"')
    assert "<html" not in page
