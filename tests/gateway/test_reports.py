"""The queue of reports: bounded, coalesced, in order, and never losing the last word."""

import pytest

from gateway.reports import Reports, is_newer
from tests.gateway.fake_argocd import make_application


@pytest.fixture
def reports():
    """Two applications, all acknowledged, one stream open."""
    made = Reports(window_s=1.0)
    made.seen(make_application("cart"))
    made.seen(make_application("shop"))
    made.complete()
    made.start_stream(send_snapshot=True)
    made.acknowledged(made.next_batch(now=0, max_batch=10).sequence)
    return made


def change(reports, name="shop", version="2", **values):
    return reports.seen(make_application(name, version=version, **values))


def test_nothing_is_sent_before_all_applications_are_known():
    reports = Reports(window_s=1.0)
    reports.seen(make_application("shop"))
    reports.start_stream(send_snapshot=True)

    assert reports.next_batch(now=0, max_batch=10) is None
    assert reports.checksum() == ""
    reports.complete()
    assert [report.name for report in reports.next_batch(now=0, max_batch=10).applications] == ["shop"]


def test_an_empty_snapshot_is_one_batch():
    reports = Reports(window_s=1.0)
    reports.complete()
    reports.start_stream(send_snapshot=True)

    batch = reports.next_batch(now=0, max_batch=10)

    assert (batch.is_snapshot, batch.is_snapshot_end, len(batch.applications)) == (True, True, 0)
    assert reports.next_batch(now=0, max_batch=10) is None


def test_a_snapshot_comes_in_batches_and_changes_meanwhile_come_after_it():
    reports = Reports(window_s=1.0)
    for n in range(5):
        reports.seen(make_application(f"app{n}"))
    reports.complete()
    reports.start_stream(send_snapshot=True)

    first = reports.next_batch(now=0, max_batch=2)
    change(reports, "app0", revision="b" * 40)
    reports.gone(("argocd", "app4"))
    rest = [reports.next_batch(now=2, max_batch=2) for _ in range(3)]

    assert [report.name for report in first.applications] == ["app0", "app1"]
    assert [[report.name for report in batch.applications] for batch in rest] == [["app2", "app3"], [], ["app0", "app4"]]
    assert [batch.is_snapshot_end for batch in rest] == [False, True, False]
    assert [batch.sequence for batch in (first, *rest)] == [1, 2, 3, 4]


def test_the_first_change_is_due_at_once_and_the_next_after_the_window(reports):
    change(reports)
    assert reports.next_batch(now=5.0, max_batch=10) is None  # nothing but the version has changed
    change(reports, version="3", revision="b" * 40)
    assert reports.next_batch(now=5.0, max_batch=10).applications[0].name == "shop"
    change(reports, version="4", revision="c" * 40)
    change(reports, version="5", revision="d" * 40)

    assert reports.next_batch(now=5.5, max_batch=10) is None
    assert reports.next_due_s(5.5) == pytest.approx(0.5)
    assert b"ddddd" in reports.next_batch(now=6.0, max_batch=10).applications[0].content


def test_only_some_batches_may_be_unacknowledged(reports):
    sent = []
    for n in range(30):
        change(reports, version=str(n + 2), revision=f"{n:040}")
        batch = reports.next_batch(now=10.0 + 2 * n, max_batch=10)
        if batch is not None:
            sent.append(batch.sequence)

    assert len(sent) == 8
    assert reports.next_due_s(100) is None
    reports.acknowledged(sent[0])
    assert b"00000000029" in reports.next_batch(now=100, max_batch=10).applications[0].content


def test_what_was_not_acknowledged_waits_again_with_its_newest_content(reports):
    change(reports, revision="b" * 40)
    reports.next_batch(now=5, max_batch=10)
    reports.gone(("argocd", "cart"))
    reports.next_batch(now=5, max_batch=10)
    change(reports, version="3", revision="c" * 40)

    reports.start_stream(send_snapshot=False)
    again = reports.next_batch(now=5.1, max_batch=10)

    assert again.sequence == 1
    assert {report.name: report.is_deleted for report in again.applications} == {"shop": False, "cart": True}
    assert b"ccccc" in next(report.content for report in again.applications if report.name == "shop")


def test_an_older_version_is_ignored_unless_it_is_a_fresh_answer(reports):
    change(reports, version="10", revision="b" * 40)

    assert not change(reports, version="9", revision="c" * 40)
    held = reports.get(("argocd", "shop"))
    assert reports.seen(make_application("shop", version="3", revision="c" * 40), expected=held)


def test_a_fresh_answer_that_was_overtaken_is_ignored(reports):
    held = reports.get(("argocd", "shop"))
    change(reports, version="10", revision="b" * 40)

    assert not reports.seen(make_application("shop", version="9", revision="c" * 40), expected=held)


def test_batches_stay_below_the_size_of_a_message():
    reports = Reports(window_s=1.0)
    for n in range(40):
        reports.seen(make_application(f"app{n}", conditions=[{"message": "x" * 200_000}]))
    reports.complete()
    reports.start_stream(send_snapshot=True)

    assert reports.next_batch(now=0, max_batch=100).ByteSize() < 3 * 1024 * 1024


def test_deletions_while_the_hub_is_away_do_not_pile_up():
    reports = Reports(window_s=1.0)
    for n in range(12_000):
        reports.seen(make_application(f"app{n}"))
        reports.gone(("argocd", f"app{n}"))

    assert len(reports._waiting) <= 10_001


def test_reconciled_times_are_told_once(reports):
    assert [entry.name for entry in reports.reconciled_times().entries] == ["cart", "shop"]
    change(reports, reconciledAt="2026-11-21T21:44:03Z")

    assert [(entry.name, entry.reconciled_at) for entry in reports.reconciled_times().entries] == [("shop", 1795297443)]
    assert len(reports.reconciled_times().entries) == 0


@pytest.mark.parametrize(("version", "than", "newer"), [("10", "9", True), ("9", "10", False), ("9", "9", False), ("a", "9", True), ("", "", True)])
def test_is_newer(version, than, newer):
    assert is_newer(version, than) is newer
