"""The last day of a connection, drawn and said."""

from datetime import timedelta

import pytest

from infrastructure.connection import draw_connection
from tests.factories import NOW

HOUR = timedelta(hours=1)


def test_draw_connection_before_the_first_one_says_nothing():
    drawn = draw_connection(spans=[], first_connected_at=None, answers=[], now=NOW)

    assert drawn.share is None
    assert drawn.stretches == ()
    assert drawn.description == "Not connected yet."


def test_draw_connection_tells_the_gap_and_the_share():
    spans = [(NOW - 72 * HOUR, NOW - 12 * HOUR), (NOW - 11 * HOUR, None)]

    drawn = draw_connection(spans=spans, first_connected_at=NOW - 72 * HOUR, answers=[], now=NOW)

    assert drawn.share == pytest.approx(100 * 23 / 24)
    assert drawn.gaps == ("02:30 to 03:30, 1 h",)
    assert [stretch.is_online for stretch in drawn.stretches] == [True, False, True]
    assert sum(stretch.width for stretch in drawn.stretches) == pytest.approx(960)
    assert drawn.description == "Online for 23 h. Offline 02:30 to 03:30, 1 h."


def test_draw_connection_of_a_new_instance_counts_from_its_first_connection():
    drawn = draw_connection(spans=[(NOW - HOUR, None)], first_connected_at=NOW - HOUR, answers=[], now=NOW)

    assert drawn.share == pytest.approx(100)
    assert [(stretch.x, stretch.width) for stretch in drawn.stretches] == [(0, 960)]
    assert drawn.title == "Connection since 13:30"


def test_draw_connection_joins_streams_that_overlap():
    spans = [(NOW - 3 * HOUR, NOW - HOUR), (NOW - 2 * HOUR, None)]

    drawn = draw_connection(spans=spans, first_connected_at=NOW - 3 * HOUR, answers=[], now=NOW)

    assert drawn.share == pytest.approx(100)
    assert drawn.gaps == ()


def test_draw_connection_that_is_lost_now_says_so():
    drawn = draw_connection(spans=[(NOW - 3 * HOUR, NOW - HOUR)], first_connected_at=NOW - 3 * HOUR, answers=[], now=NOW)

    assert drawn.gaps == ("13:30 to now, 1 h",)


def test_draw_connection_draws_how_fast_argo_cd_answered():
    answers = [(NOW - 2 * HOUR, 4), (NOW - HOUR, 8)]

    drawn = draw_connection(spans=[(NOW - 3 * HOUR, None)], first_connected_at=NOW - 3 * HOUR, answers=answers, now=NOW)

    assert (drawn.fastest_ms, drawn.slowest_ms) == (4, 8)
    assert drawn.line == "320.0,46.5 640.0,22.5"
