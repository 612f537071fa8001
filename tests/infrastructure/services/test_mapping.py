"""Rules, previews, and mappings that follow every change of what decides them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from infrastructure.models import ApplicationSource, Event, MappingRule, Tenant
from infrastructure.reported import UNREADABLE
from infrastructure.services import RuleInvalid, ScopeInvalid, delete_rule, delete_scope, preview_rule, remap, save_rule, save_scope
from infrastructure.signals import applications_reported
from tests.factories import NOW, annotations_for, make_application, make_content, make_environment, make_instance, make_project, make_rule, make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def source():
    """One source that nothing maps."""
    make_environment()
    content = make_content("shop", labels={"team": "shop"})
    return make_source(make_application("shop", instance=make_instance("eu-west"), content=content), is_mapped=False, mapped_by="", mapping_reason="")


def unsaved_rule(**values):
    values = {"name": "shops", "project": make_project(), "environment": make_environment(), "label_selector": "team=shop", **values}
    return MappingRule(**values)


def test_saving_a_rule_maps_and_deleting_it_unmaps(source):
    heard = []

    def listen(*, application_ids, **_):
        heard.extend(application_ids)

    applications_reported.connect(listen)
    try:
        rule = save_rule(rule=unsaved_rule(), by=None, now=NOW)
        rule_id = rule.pk
        source.refresh_from_db()
        mapped = (source.is_mapped, source.rule_id, source.mapping_reason)
        delete_rule(rule=rule, by=None, now=NOW)
    finally:
        applications_reported.disconnect(listen)

    source.refresh_from_db()
    assert mapped == (True, rule_id, "Rule shops, which matches labels team=shop.")
    assert (source.is_mapped, source.project, source.rule) == (False, None, None)
    assert heard == [source.application_id] * 2
    assert list(Event.objects.order_by("pk").values_list("kind", flat=True)) == ["mapping_rule_added", "mapping_rule_deleted"]


def test_a_preview_saves_nothing(source):
    (preview,) = preview_rule(unsaved_rule())

    source.refresh_from_db()
    assert preview.source == source
    assert (preview.before.is_mapped, preview.after.is_mapped, preview.after.project) == (False, True, "shop")
    assert not source.is_mapped
    assert not MappingRule.objects.exists()


def test_a_preview_shows_the_conflict_with_another_rule(source):
    save_rule(rule=unsaved_rule(name="all", label_selector="", project=make_project("ledger")), by=None, now=NOW)

    (preview,) = preview_rule(unsaved_rule())

    assert preview.before.is_mapped
    assert preview.after.reason == "Not mapped: rules all and shops both match shop and disagree. Narrow one, or annotate it."


def test_a_preview_of_a_changed_rule_compares_with_the_saved_one(source):
    rule = save_rule(rule=unsaved_rule(), by=None, now=NOW)
    rule.label_selector = "team=other"

    (preview,) = preview_rule(rule)

    assert (preview.before.is_mapped, preview.after.is_mapped) == (True, False)


@pytest.mark.parametrize("values", [{"label_selector": "team in shop"}, {"name": ""}, {"path": "x" * 501}])
def test_a_rule_that_cannot_be_is_refused(source, values):
    with pytest.raises(RuleInvalid):
        save_rule(rule=unsaved_rule(**values), by=None, now=NOW)

    assert not MappingRule.objects.exists()


def test_a_disabled_rule_maps_nothing(source):
    save_rule(rule=unsaved_rule(is_enabled=False), by=None, now=NOW)

    assert not ApplicationSource.objects.filter(is_mapped=True).exists()


def test_a_tenant_that_is_created_later_maps_and_one_that_is_deleted_unmaps():
    make_project()
    content = make_content("shop", annotations=annotations_for(tenant="outlet"))
    source = make_source(make_application("shop", content=content), is_mapped=False)

    tenant = save_scope(row=Tenant(slug="outlet", name="Outlet"), by=None, now=NOW)
    source.refresh_from_db()
    is_mapped = source.is_mapped
    delete_scope(row=tenant, by=None, now=NOW)
    source.refresh_from_db()

    assert is_mapped
    assert not source.is_mapped


def test_a_slug_that_is_taken_is_refused():
    make_project("shop")

    with pytest.raises(ScopeInvalid, match="already exists"):
        save_scope(row=type(make_project())(slug="shop", name="Another"), by=None, now=NOW)


def test_remap_looks_only_at_the_given_instances(source):
    make_rule()

    assert remap(instances=[make_instance()], now=NOW) == 0
    assert remap(instances=[source.application.instance], now=NOW) == 1
    assert remap(now=NOW) == 0


def test_mapping_many_takes_few_statements():
    instance = make_instance()
    for number in range(60):
        make_source(make_application(f"app-{number}", instance=instance), is_mapped=False, mapped_by="", mapping_reason="")
    make_rule()

    with CaptureQueriesContext(connection) as queries:
        remap(now=NOW)

    assert ApplicationSource.objects.filter(is_mapped=True).count() == 60
    assert len(queries) <= 30, [query["sql"][:80] for query in queries]


def test_what_a_report_lacked_stays_told_when_mappings_change():
    application = make_application(content={}, problems=[UNREADABLE, "Not mapped: something of yesterday."])

    remap(now=NOW)

    application.refresh_from_db()
    assert application.problems == [UNREADABLE]
