"""Section 1: questions about one variable, an expression or a template's names."""

import pytest

from deployments.templating import argument_names, get, get_flag, get_int, get_raw, indexes, is_truthy, names_used
from deployments.variables import Variables

VARIABLES = Variables(
    (
        ("A", "a"),
        ("Ref", "<#{A}>"),
        ("foo", "old"),
        ("Foo", "new"),
        ("J", '{"k":1}'),
        ("L", "x,#{A}"),
        ("I[p].T", "1"),
        ("I[q].T", "2"),
        ("Yes", " TRUE "),
        ("Off", "#{Not}"),
        ("Not", "false"),
        ("N", " -12 "),
        ("Big", "2147483648"),
        ("Circle", "#{Circle}"),
        ("Gap", "#{Gone}"),
        ("Secret", ""),
    ),
    frozenset({"Secret"}),
)


@pytest.mark.parametrize(
    ("name", "value"), [("A", "a"), ("ref", "<a>"), ("FOO", "new"), ("J.k", None), ("I[*].T", None), ("Gone", None), ("secret", None), ("Gap", "#{Gone}")]
)
def test_get_is_the_rendered_value_of_exactly_that_name(name, value):
    assert get(name, VARIABLES) == value


@pytest.mark.parametrize(("name", "value"), [("Ref", "<#{A}>"), ("foo", "new"), ("Secret", None), ("Gone", None)])
def test_get_raw_is_as_written(name, value):
    assert get_raw(name, VARIABLES) == value


@pytest.mark.parametrize(
    ("name", "default", "value"),
    [("Yes", False, True), ("Off", True, False), ("A", True, True), ("A", False, False), ("Gone", True, True), ("Secret", False, False)],
)
def test_get_flag(name, default, value):
    assert get_flag(name, VARIABLES, default=default) is value


@pytest.mark.parametrize(("name", "value"), [("N", -12), ("Big", None), ("A", None), ("Gone", None)])
def test_get_int(name, value):
    assert get_int(name, VARIABLES) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("#{A}", True),
        ("#{Not}", False),
        ("", False),
        ("#{Gone}", False),
        ("#{A}#{Gone}", False),
        ("#{A!}", False),
        ("#{ | null}", False),
        ("#{Circle}", False),
        ("#{Secret}", False),
        ('#{if A == "a"}yes#{/if}', True),
    ],
)
def test_is_truthy_needs_a_text_without_problems(expression, value):
    assert is_truthy(expression, VARIABLES) is value


@pytest.mark.parametrize(
    ("path", "values"),
    [("L", ("x", "a")), ("I", ("p", "q")), ("J", ("k",)), ("Gone", ()), ("A", ("a",)), ("Circle", ()), ("not!", ()), ("Secret", ()), ("J.k", ("1",))],
)
def test_indexes_are_what_a_loop_runs_over(path, values):
    assert indexes(path, VARIABLES) == values


EVERYWHERE = '#{A.b[x] | F #{O} "q"}#{if C == D}#{E}#{elseif G}#{else}#{H}#{/if}#{calc I + {J}}#{each i in K.l}#{i}#{M}#{/each}#{N[#{P.q}]}#{bad!}##{no}'


def test_names_used_are_all_that_are_mentioned():
    assert names_used(EVERYWHERE) == {"A.b[x]", "O", "C", "D", "E", "G", "H", "I", "J", "K.l", "i", "M", "N[#{P.q}]", "P.q"}


def test_argument_names_are_identifiers_and_leave_out_what_loops_repeat():
    assert argument_names(EVERYWHERE) == {"A", "b", "O", "C", "D", "E", "G", "H", "I", "J", "K", "l", "N", "P", "q"}


def test_names_of_a_text_without_tags():
    assert names_used("a") == argument_names("a") == frozenset()
