"""Our own matcher gives what the standard engine gives, and the dialect is translated."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.templating.regexes import BadExpression, Expression, Steps, TooSlow
from deployments.templating.regexes.matcher import Matcher

PATTERNS = [
    r"a*",
    r"(a|b)*c",
    r"\bab?\b",
    r"^a|b$",
    r"(?i)A+",
    r"(a)(b)?",
    r"(ab|a)(bc|c)?",
    r"a{2,3}?",
    r"(?=ab)a",
    r"(?=(a))ab",
    r"(?!ab)a",
    r"(?<=a)b",
    r"(?<!a)b",
    r"(.)\1",
    r"(?i)(a)\1",
    r"[^a\n]+",
    r"(?m)^.$",
    r"(?s).+",
    r"\w+?b",
    r"(?:a|ab)+?c?",
    r"(?<n>a)(b)",
    r"(?>a+)b",
    r"\d+|a",
    r"a?b?c?$",
    r"(a+)+$",
    r"\W\B.",
    r"\Aa|c\z",
    r"b\Z",
    r"[a-c\d]{2}",
    r"[^\W\d]+",
    r"\s*\S",
]


@settings(max_examples=400, deadline=None)
@given(pattern=st.sampled_from(PATTERNS), text=st.text(alphabet="aabbcC1 \n", max_size=12))
def test_matcher_finds_what_the_standard_engine_finds(pattern, text):
    expression = Expression.of(pattern)
    expected = [tuple(at for span in found.regs for at in span) for found in re.finditer(expression.pattern, text)]

    assert list(Matcher(expression.program, text, Steps()).matches()) == expected


@pytest.mark.parametrize(
    ("pattern", "replacement", "text"),
    [
        (r"(?<x>b)(c)", "[$1${x}]", "a[cb]d"),
        (r"(?'x'b)\k<x>?", "${x}", "abcd"),
        (r"[[]|[a&&b]|[+--]", "_", "__cd"),
        (r"c", "$$1$&$0${0}$2${y}$", "ab$1ccc$2${y}$d"),
        (r"c", r"\1\\", r"ab\1\\d"),
        (r"(b)|(z)", "<$2>", "a<>cd"),
        (r"", "-", "-a-b-c-d-"),
    ],
)
def test_replace_in_the_users_dialect(pattern, replacement, text):
    assert Expression.of(pattern).replace("abcd", replacement, Steps(), 1000) == text


def test_replace_gives_up_beyond_its_room():
    assert Expression.of("a").replace("a" * 10, "b" * 10, Steps(), 50) is None


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "not valid"),
        ("[z-a]", "not valid"),
        (r"\p{Nope}", "not valid"),
        ("(?<=a+)b", "not supported"),
        ("a" * 1001, "longer than 1000"),
        ("(a{100}){100}", "too large"),
        ("a++", "not supported"),
        ("[]||", "no “]”"),
        ("a[b&&", "no “]”"),
        ("[a-z-[m]]", "one set off another"),
        (r"(a)?(?(1)b|c)", "not supported"),
    ],
)
def test_expressions_that_are_refused(pattern, words):
    with pytest.raises(BadExpression, match=words):
        Expression.of(pattern)


def test_a_long_text_with_a_plain_expression_is_fast_and_counts():
    steps = Steps(300_000)

    assert Expression.of("b").replace("a" * 500_000 + "b", "c", steps, 10**7) == "a" * 500_000 + "c"
    assert steps.left < 300_000


def test_steps_run_out():
    with pytest.raises(TooSlow):
        Expression.of("(a+)+b").is_found("a" * 5000, Steps(1000))
