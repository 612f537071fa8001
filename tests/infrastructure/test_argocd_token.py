"""What a token says about itself, and that the answer never repeats it."""

from datetime import timedelta

import jwt
import pytest

from infrastructure.argocd_token import check_token
from tests.factories import NOW


def make_token(**claims):
    return jwt.encode({"iss": "argocd", "sub": "octoargo:apiKey", **claims}, "k" * 40, algorithm="HS256")


@pytest.mark.parametrize(
    ("claims", "is_usable", "label", "part"),
    [
        ({"exp": (NOW + timedelta(days=90)).timestamp()}, True, "Valid for 90 days", "account octoargo and expires on 19 February 2027 14:30"),
        ({"exp": (NOW + timedelta(days=6)).timestamp()}, True, "Expires soon", "expires in 6 days, on 27 November 14:30"),
        ({"exp": (NOW - timedelta(minutes=5)).timestamp()}, False, "Expired", "expired on 14:25"),
        ({"exp": NOW.timestamp()}, False, "Expired", "expired"),
        ({}, True, "Does not expire", "never expires"),
        ({"exp": 10**30}, True, "Does not expire", "never expires"),
        ({"sub": "admin:login", "exp": (NOW + timedelta(hours=24)).timestamp()}, True, "A login session", "login session of admin"),
    ],
)
def test_check_token_says_how_long_it_lives(claims, is_usable, label, part):
    token = make_token(**claims)

    check = check_token(token, now=NOW)

    assert (check.is_usable, check.label) == (is_usable, label)
    assert part in check.sentence
    assert token not in check.sentence


@pytest.mark.parametrize("text", ["abc", "a.b.c", "octo_7Kq2", "eyJ.eyJ.", "é" * 50, "\x00"])
def test_check_token_says_what_is_not_a_jwt(text):
    check = check_token(text, now=NOW)

    assert not check.is_usable
    assert check.sentence.startswith("This is not a JWT")
