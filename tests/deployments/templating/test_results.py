"""Sections 13 and 14: no output at all, errors, and the two ways to parse."""

import pytest

from deployments.templating import Mode, render
from deployments.variables import Variables
from tests.deployments.templating.language import check, of, table

VALUES = of({"A": "a", "B": "b", "E": "", "V": "x#{ | null}y", "L": "1,2", "Gap": "#{Gone}"})


@pytest.mark.parametrize(
    "template", [pytest.param(t, id=f"13 the filter null | {t}") for t in ("#{ | null}", "a #{A | ToUpper | null} b", "#{if A}#{ | null x}#{/if}")]
)
def test_the_filter_null_unsets_the_whole_output(template):
    rendered = render(template, VALUES)

    assert (rendered.text, rendered.errors) == (None, ())


@table(
    ("13 null in a branch not taken", "#{if E}#{ | null}#{/if}a", "a"),
    ("13 null inside a value", "#{V}", "x#{ | null}y"),
    ("13 null not at the end", "#{A | null | Append x}", "x"),
    ("13 null in another case", "#{A | Null}", "#{A | Null}", ("#{A | Null}",)),
)
def test_where_null_unsets_nothing(template, text, expressions):
    check(render(template, VALUES), text, expressions)


@pytest.mark.parametrize(
    ("template", "place"),
    [
        pytest.param("#{A} #{A!}", "Line 1, Column 6", id="14.1 the start of the tag | after a good one"),
        pytest.param("a\n\n  #{if A}\n#{B!}#{/if}", "Line 4, Column 1", id="14.1 the start of the tag | in a block whose start is a name"),
        pytest.param('a\r\n #{if A == "a"}\n#{B!}#{/if}', "Line 2, Column 2", id="14.1 the start of the tag | of the block"),
    ],
)
def test_halting_mode_leaves_everything_and_says_where(template, place):
    rendered = render(template, VALUES)

    assert rendered.text == template
    [error] = rendered.errors
    assert place in error.sentence
    assert f"Line {error.line}, Column {error.column}" == place


@table(
    ("14.2 copied up to the failure", "#{A!#{B}}", "#{A!b}"),
    ("14.2 copied up to the failure", "#{#{B}}", "#{b}"),
    ("14.2 escapes afterwards", "#{A! ##{B} #{B}", "#{A! #{B} b"),
    ("14.2 stray end", "#{/if} #{/x}#{A}", "#{/if} #{/x}a"),
    ("14.2 only an opening", "a #{", "a #{"),
    ("14.2 never closed", "#{A", "#{A"),
    ("14.2 never closed", "#{A #{B}", "#{A b"),
    ("14.2 shell and scripts", "${#array[@]} `#{x+1}` #{'a': 1} #{}", "${#array[@]} `#{x+1}` #{'a': 1} #{}"),
    ("14.2 a literal that is never closed", '#{A | Append "x #{B}', '#{A | Append "x b'),
    ("14.2 broken tag in a block", "#{if A}#{bad!}#{/if}", "#{if A}#{bad!}#{/if}", ("#{if A}",)),
    ("14.2 broken tag in a comparison's block", '#{if A == "a"}#{B}#{bad!}#{/if}', '#{if A == "a"}#{B}#{bad!}#{/if}'),
    ("14.2 broken tag in a loop", "#{each x in L}#{B}#{bad!}#{B}#{/each}", "#{each x in L}#{B}#{bad!}b#{/each}"),
    ("14.2 missing tokens", "#{A!}#{Gone}", "#{A!}#{Gone}", ("#{Gone}",)),
    ("14.2 good blocks", "#{A!}#{if A}#{each x in L}#{x}#{/each}#{/if}", "#{A!}12"),
)
def test_continuing_mode_copies_what_does_not_parse(template, text, expressions):
    check(render(template, VALUES, mode=Mode.CONTINUING), text, expressions)


@table(
    ("14.3 every unresolved token", "#{X}\n#{Y | ToUpper}#{A}", "#{X}\n#{Y | ToUpper}a", ("#{X}", "#{Y | ToUpper}")),
    ("14.3 through a value", "#{Gap}", "#{Gone}", ("#{Gone}",)),
    ("14.3 once in a loop", "#{each x in L}#{Y}#{/each}", "#{Y}#{Y}", ("#{Y}",)),
)
def test_missing_tokens(template, text, expressions):
    check(render(template, VALUES), text, expressions)


def test_each_missing_token_has_its_own_place():
    rendered = render("#{X}\r\n é#{if A}\n  #{Gap}#{X}#{/if}", VALUES)

    assert [(error.line, error.column, error.variable, error.is_sensitive) for error in rendered.errors] == [
        (1, 1, "X", False),
        (3, 3, "Gone", False),
        (3, 9, "X", False),
    ]
    assert "“#{X}” has no value" in rendered.errors[0].sentence


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("#{Gone}", "“#{Gone}” has no value: the variable is not defined."),
        ("#{A | Nope}", "“#{A | Nope}” has no value: there is no filter “Nope”."),
        ("#{A | Trim x}", '“#{A | Trim "x"}” has no value: the filter “Trim” can not be used on this text or with these options.'),
        ("#{ | Trim}", "“#{ | Trim}” has no value: there is no text to begin with."),
        ("#{if Gone | Trim}#{/if}", "“Gone | Trim” has no value: the variable is not defined."),
        ("#{calc A+1}", "“#{A+1}” can not be calculated: “A” is not defined or no number."),
        ("#{A!}", "The template does not parse at Line 1, Column 1, where “#{A!}” starts; reading stopped at Line 1, Column 4."),
    ],
)
def test_sentences_say_why(template, sentence):
    assert [error.sentence for error in render(template, VALUES).errors] == [sentence]


def test_long_tags_are_cut_in_sentences():
    [error] = render("#{" + "x" * 5000 + "}", VALUES).errors

    assert len(error.sentence) < 300
    assert len(error.expression) == 200


def test_halves_of_a_pair_never_reach_a_text():
    rendered = render("#{J.a}#{J.b}", of({"J": r'{"a":"\ud800","b":["\udc00","\ud83d\ude00"]}'}))

    assert rendered.text.encode() == '\ufffd["\ufffd","😀"]'.encode()


def test_no_variables_at_all():
    assert render("#{A}", Variables()).text == "#{A}"
