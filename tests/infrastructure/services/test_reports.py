"""Batches of reports: written once, mapped, in few queries; nothing a gateway sends can break them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from infrastructure.models import Application, Reconciliation
from infrastructure.services import StaleEpoch
from infrastructure.services.reports import Batch, Report, checksum_of, record_batch, record_reconciled
from infrastructure.signals import applications_reported
from tests.factories import NOW, annotations_for, make_content, make_environment, make_gateway, make_instance, make_project

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def gateway():
    make_project("shop")
    return make_gateway(make_instance("eu-west"), epoch=1)


@pytest.fixture
def told():
    heard = []

    def listen(*, application_ids, **_):
        heard.append(sorted(Application.objects.filter(pk__in=application_ids).values_list("name", flat=True)))

    applications_reported.connect(listen)
    yield heard
    applications_reported.disconnect(listen)


def report(name="shop", *, reconciled_at=0, **values):
    content = make_content(name, **{"uid": f"uid-{name}", "annotations": annotations_for(), **values})
    encoded = json.dumps(content, sort_keys=True).encode()
    return Report("argocd", name, content["metadata"]["uid"], False, encoded, hashlib.sha256(encoded).hexdigest(), reconciled_at)


def record(gateway, *reports, now=NOW, seen=None, epoch=1, **values):
    return record_batch(gateway=gateway, epoch=epoch, batch=Batch(1, reports, **values), now=now, seen=seen)


def test_a_new_application_is_written_with_its_mapped_source(gateway, told):
    record(gateway, report(sync="OutOfSync", health="Progressing", reconciled_at=1795290000))

    application = Application.objects.get()
    source = application.sources.get()
    assert (application.sync_status, application.health_status, application.first_reported_at) == ("OutOfSync", "Progressing", NOW)
    assert application.reconciliation.reconciled_at == datetime.fromtimestamp(1795290000, UTC)
    assert (source.is_mapped, source.project.slug, source.environment.slug, source.mapping_reason) == (True, "shop", "production", "As its annotations say.")
    assert told == [["shop"]]


def test_what_is_the_same_is_not_touched(gateway, told):
    record(gateway, report())

    record(gateway, report(), now=LATER)

    assert Application.objects.get().reported_at == NOW
    assert len(told) == 1


def test_a_change_keeps_the_row_and_its_sources(gateway, told):
    record(gateway, report())
    before = Application.objects.get()
    source = before.sources.get()

    record(gateway, report(health="Degraded", revision="f" * 40), now=LATER)

    after = Application.objects.get()
    assert (after.pk, after.health_status, after.first_reported_at, after.reported_at) == (before.pk, "Degraded", NOW, LATER)
    assert after.sources.get().pk == source.pk
    assert after.sources.get().revision == "f" * 40
    assert told == [["shop"], ["shop"]]


def test_another_uid_under_the_name_is_a_new_application_in_the_same_row(gateway):
    record(gateway, report())

    record(gateway, report(uid="uid-other"), now=LATER)

    application = Application.objects.get()
    assert (application.uid, application.first_reported_at) == ("uid-other", LATER)


def test_a_source_that_leaves_the_spec_is_marked_and_comes_back(gateway):
    two = [{"repoURL": "https://a/b", "path": "x", "name": "one"}, {"repoURL": "https://a/b", "path": "y", "name": "two"}]
    record(gateway, report(sources=two))

    record(gateway, report(), now=LATER)
    gone = Application.objects.get().sources.get(position=1)
    record(gateway, report(sources=two), now=LATER)

    assert gone.removed_at == LATER
    assert Application.objects.get().sources.get(position=1).removed_at is None
    assert Application.objects.get().sources.count() == 2


def test_problems_of_annotations_are_kept_and_cleared(gateway):
    record(gateway, report(annotations=annotations_for(environment="prod")))
    told = Application.objects.get().problems

    record(gateway, report(), now=LATER)

    assert told == ["Not mapped: argo.octopus.com/environment of shop is “prod”, and no environment has that slug. Did you mean production?"]
    assert Application.objects.get().problems == []


def test_an_environment_that_the_instance_does_not_serve_is_refused(gateway):
    make_environment("staging")

    record(gateway, report(annotations=annotations_for(environment="staging")))

    source = Application.objects.get().sources.get()
    assert not source.is_mapped
    assert source.mapping_reason == ("Not mapped: instance eu-west does not serve Staging. Permit Staging on the instance's page, or correct the mapping.")


def test_deleted_applications_are_gone_and_not_deleted_and_come_back(gateway, told):
    record(gateway, report())

    record(gateway, Report("argocd", "shop", "uid-shop", is_deleted=True), now=LATER)
    gone_at = Application.objects.get().gone_at
    record(gateway, report(), now=LATER)

    assert gone_at == LATER
    assert Application.objects.get().gone_at is None
    assert told == [["shop"], ["shop"], ["shop"]]


def test_the_end_of_a_snapshot_marks_what_was_not_in_it(gateway):
    record(gateway, report("one"), report("two"), report("three"))

    record(gateway, report("one"), is_snapshot=True, is_snapshot_end=True, seen={("argocd", "one"), ("argocd", "two")}, now=LATER)

    assert list(Application.objects.filter(gone_at=LATER).values_list("name", flat=True)) == ["three"]


def test_a_stale_epoch_is_refused(gateway):
    with pytest.raises(StaleEpoch):
        record(gateway, report(), epoch=2)
    with pytest.raises(StaleEpoch):
        record_reconciled(gateway=gateway, epoch=0, times=[], now=NOW)
    assert not Application.objects.exists()


def test_reconciled_times_touch_only_the_narrow_table(gateway, told):
    record(gateway, report(reconciled_at=1795290000))

    times = [("argocd", "shop", 1795290060), ("argocd", "unknown", 1795290060), ("argocd", "shop2", -5)]
    record_reconciled(gateway=gateway, epoch=1, times=times, now=LATER)

    assert Reconciliation.objects.get().reconciled_at == datetime.fromtimestamp(1795290060, UTC)
    assert len(told) == 1


def test_the_checksum_is_over_what_is_not_gone(gateway):
    one, two = report("one"), report("two")
    record(gateway, two, one)
    lines = sorted(f"{found.uid} {found.digest}\n" for found in (one, two))

    both = checksum_of(gateway.instance)
    record(gateway, Report("argocd", "two", is_deleted=True))

    assert both == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert checksum_of(gateway.instance) == hashlib.sha256(f"{one.uid} {one.digest}\n".encode()).hexdigest()


def test_one_bad_report_does_not_hold_the_others(gateway):
    bad = [
        Report("argocd", "", "u", content=b"{}", digest="d"),
        Report("argocd", "n\x00ul", "u", content=b"{}", digest="d"),
        Report("argocd", "x" * 300, "u", content=b"{}", digest="d"),
        Report("argocd", "broken", "u\x00" * 100, content=b'{"a": "\\u0000\\ud800"', digest="d" * 100, reconciled_at=10**17),
        Report("argocd", "odd", "u", content=b'{"spec": {"source": {"repoURL": "' + b"r" * 3000 + b'"}, "project": "a\\u0000b"}}', digest="d"),
    ]

    recorded = record(gateway, *bad, report())

    assert len(recorded.refused) == 3
    assert sorted(Application.objects.values_list("name", flat=True)) == ["broken", "odd", "shop"]
    assert Application.objects.get(name="broken").problems == [
        "The gateway reported this application in a form that cannot be read. Update the gateway; what you see is empty."
    ]
    assert Application.objects.get(name="odd").argo_project == "ab"


def test_the_last_of_two_reports_of_one_application_counts(gateway):
    record(gateway, report(health="Degraded"), report(health="Healthy"))

    assert Application.objects.get().health_status == "Healthy"


def test_a_batch_of_200_takes_few_statements_and_an_equal_one_fewer(gateway):
    reports = [report(f"app-{number}", reconciled_at=1795290000) for number in range(200)]

    with CaptureQueriesContext(
        connection,
    ) as first:
        record(gateway, *reports)
    with CaptureQueriesContext(connection) as second:
        record(gateway, *reports)

    assert len(first) <= 40, [query["sql"][:80] for query in first]
    assert len(second) <= 8, [query["sql"][:80] for query in second]
