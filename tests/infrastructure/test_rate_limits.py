from datetime import timedelta

import pytest

from infrastructure.rate_limits import describe_rate
from tests.factories import NOW

NOTHING = {"limit": None, "remaining": None, "reset_at": None, "retry_at": None, "said": ""}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "The host has not said."),
        ({"limit": 5000, "remaining": 4812, "reset_at": NOW + timedelta(minutes=5)}, "4,812 of 5,000 calls left until 14:35."),
        ({"limit": 5000, "remaining": 4812}, "4,812 of 5,000 calls left."),
        ({"remaining": 0, "reset_at": NOW + timedelta(minutes=5)}, "0 calls left until 14:35."),
        ({"limit": 5000, "remaining": 0, "reset_at": NOW - timedelta(minutes=5)}, "5,000 calls since 14:25."),
        ({"retry_at": NOW + timedelta(minutes=5), "said": "the host asks to wait"}, "Backs off until 14:35: the host asks to wait."),
        ({"retry_at": NOW + timedelta(minutes=5), "said": "It asks us to slow down."}, "Backs off until 14:35: It asks us to slow down."),
        ({"retry_at": NOW + timedelta(minutes=5)}, "Backs off until 14:35."),
        ({"retry_at": NOW - timedelta(minutes=5), "said": "long ago"}, "The host has not said."),
    ],
)
def test_describe_rate_is_one_sentence(values, sentence):
    assert describe_rate(**NOTHING | values, now=NOW) == sentence
