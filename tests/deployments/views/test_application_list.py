"""The list of applications: every filter, sorting, paging, and what each row says."""

import pytest

from deployments.status import LiveSync
from tests.deployments.views.pages import drift_row, live_row, many_sources, source_in, text_of
from tests.factories import NOW, make_application, make_environment, make_instance, make_project, make_source, make_tenant

pytestmark = pytest.mark.django_db


def names(response):
    return [source.application.name for source in response.context["page_obj"].object_list]


def make_three():
    """One in production for a tenant, one in staging that is ill, and one that is not mapped."""
    north, east = make_instance("eu-north"), make_instance("us-east")
    live_row(source_in(name="shop-web", instance=north, tenant=make_tenant("outlet")))
    ledger = {"name": "ledger", "instance": east, "health_status": "Degraded", "sync_status": "OutOfSync"}
    live_row(source_in("staging", project=make_project("ledger"), **ledger), "out_of_sync", version="3.0.0")
    reason = "Not mapped: argo.octopus.com/environment of lost is “prod”, and no environment has that slug."
    make_source(make_application("lost", instance=east), is_mapped=False, mapping_reason=reason, revision="c" * 40)


def test_list_needs_somebody_signed_in(client):
    assert client.get("/applications/")["Location"].startswith("/sign-in/")


def test_empty_list_says_how_applications_come(client, admin):
    assert "They come by themselves once an instance is connected." in text_of(client.get("/applications/"))


@pytest.mark.parametrize("word", LiveSync)
def test_row_shows_our_word_and_its_reason(client, admin, word):
    live_row(source_in(name="shop-web"), word, reason="This is why.")

    page = text_of(client.get("/applications/"))

    assert str(word.label) in page.partition("Changed")[2]
    assert ("This is why." in page) == (word != LiveSync.SYNCED)


def test_row_of_an_unmapped_source_tells_why(client, admin):
    make_three()

    page = text_of(client.get("/applications/?mapped=no"))

    assert "and no environment has that slug." in page
    assert "not mapped" in page


def test_application_of_several_sources_has_a_row_for_each(client, admin):
    application = make_application("shop-web")
    make_source(application, name="chart", is_mapped=False, mapping_reason="Not mapped.")
    live_row(make_source(application, name="values", position=1))

    page = text_of(client.get("/applications/"))

    assert "1 application on 1 instance." in page
    assert "shop-web source chart" in page
    assert "shop-web source values" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("project=ledger", ["ledger"]),
        ("environment=production", ["shop-web"]),
        ("tenant=outlet", ["shop-web"]),
        ("instance=us-east", ["ledger", "lost"]),
        ("health=degraded", ["ledger"]),
        ("sync=outofsync", ["ledger"]),
        ("live=out-of-sync", ["ledger"]),
        ("live=synced", ["shop-web"]),
        ("mapped=yes", ["ledger", "shop-web"]),
        ("mapped=no", ["lost"]),
        ("q=WEB", ["shop-web"]),
        ("q=shop+deploy", ["ledger", "lost", "shop-web"]),
        ("q=ccccccc", ["lost"]),
        ("q=nothing", []),
        ("instance=us-east&health=healthy", ["lost"]),
        ("sort=-name", ["shop-web", "lost", "ledger"]),
        ("sort=instance", ["shop-web", "ledger", "lost"]),
        ("sort=-version", ["ledger", "shop-web", "lost"]),
        ("sort=tenant", ["shop-web", "ledger", "lost"]),
    ],
)
def test_list_filters_and_sorts(client, admin, query, found):
    make_three()

    assert names(client.get(f"/applications/?{query}")) == found


@pytest.mark.parametrize("name", ["project", "environment", "tenant", "instance", "health", "sync", "live", "mapped"])
def test_list_names_and_ignores_an_unknown_value(client, admin, name):
    make_three()

    response = client.get("/applications/", {name: "nobody's <b>"})

    assert f"There is no {name} “nobody's <b>”; that filter was ignored." in text_of(response)
    assert len(names(response)) == 3


@pytest.mark.parametrize("query", ["sort=colour", "page=99999", "page=x", "sort=-", "q=%25_", "page=-1"])
def test_list_survives_odd_addresses(client, admin, query):
    make_three()

    assert client.get(f"/applications/?{query}").status_code == 200


def test_list_says_that_nothing_matches(client, admin):
    make_three()

    page = text_of(client.get("/applications/?q=nothing"))

    assert "No application matches these filters. Clear them" in page


def test_list_pages_and_keeps_its_filters(client, admin):
    projects = [make_project()]
    many_sources(120, instance=make_instance("eu-west"), projects=projects, environments=[make_environment()])

    first, last = client.get("/applications/?project=shop&sort=-name"), client.get("/applications/?project=shop&sort=-name&page=3")

    assert "1 to 50 of 120" in text_of(first)
    assert b'rel="next" href="?project=shop&amp;sort=-name&amp;page=2"' in first.content
    assert names(last)[-1] == "app-00000"
    assert len(names(last)) == 20


def test_list_leaves_out_what_is_gone(client, admin):
    source_in(name="gone", gone_at=NOW)
    make_source(make_application("kept"), position=1, removed_at=NOW)
    source_in(name="there")

    assert names(client.get("/applications/")) == ["there"]


def test_list_shows_the_drift_of_a_row(client, admin):
    drift_row(source_in(name="shop-web"))

    response = client.get("/applications/")

    assert "envs/production/web.yaml has 1.4.1, we wrote 1.4.2." in text_of(response)
    assert b'<tr role="row" data-tone="warn">' in response.content


def test_list_answers_htmx_with_its_rows(client, admin):
    source_in(name="shop-web")

    page = client.get("/applications/", headers={"HX-Request": "true"}).content.decode()

    assert page.strip().startswith("<section")
    assert "shop-web" in page


@pytest.mark.parametrize("number", [10, 600])
def test_list_asks_a_fixed_number_of_queries(client, admin, django_assert_max_num_queries, number):
    many_sources(number, instance=make_instance(), projects=[make_project()], environments=[make_environment()], tenants=[None, make_tenant()])

    with django_assert_max_num_queries(12):
        response = client.get("/applications/?mapped=yes&sort=changed")

    assert response.status_code == 200
