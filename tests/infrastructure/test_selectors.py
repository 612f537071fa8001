"""Kubernetes label selectors, as kubectl reads them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.selectors import SelectorInvalid, parse_selector, selects

LABELS = {"team": "shop", "tier": "web", "app.kubernetes.io/part-of": "shop", "empty": ""}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("team=shop", True),
        ("team==shop", True),
        ("team = shop", True),
        ("team=other", False),
        ("team!=other", True),
        ("team!=shop", False),
        ("absent!=anything", True),
        ("tier in (web, api)", True),
        ("tier in (api)", False),
        ("tier notin (api,worker)", True),
        ("tier notin (web)", False),
        ("absent notin (web)", True),
        ("absent in (web)", False),
        ("team", True),
        ("absent", False),
        ("!absent", True),
        ("!team", False),
        ("empty=", True),
        ("app.kubernetes.io/part-of=shop", True),
        ("team=shop,tier in (web, api),!absent", True),
        ("team=shop,tier in (api),!absent", False),
    ],
)
def test_selects_reads_every_form(selector, matches):
    assert selects(selector, LABELS) is matches


@pytest.mark.parametrize("selector", ["team=shop,", "=shop", "team=a b", "tier in web", "tier in (a", "UPPER CASE", "a/b/c=d", "-x", "team=-bad", "x" * 64])
def test_parse_selector_refuses_with_a_sentence_that_names_the_part(selector):
    with pytest.raises(SelectorInvalid, match=r"label"):
        parse_selector(selector)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_parse_selector_survives_any_text(text):
    try:
        requirements = parse_selector(text)
    except SelectorInvalid:
        return
    assert isinstance(requirements, tuple)
