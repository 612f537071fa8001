"""Whatever the template and the values are: rendering ends soon, its text is bounded, and problems come as errors."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.templating import Limits, Mode, argument_names, names_used, render
from deployments.templating.reader import MAX_DEPTH
from deployments.variables import Variables
from tests.deployments.templating.language import of

OPENINGS = ("#{", "##", "#", "if ", "unless ", "else", "elseif ", "each i in ", "calc ", "|", "Replace ", "Indent ", "[", "(", '"', '\\"', "#{else}")
PIECES = (*OPENINGS, "}", "#{/if}", "#{/each}", "#{/unless}", "]", ")", "A", "L", "R", "J", "S", "i", " ", ".", "+", "/", "9", "==", " in ", "#{A}", "\n", "é")
VALUES = Variables(
    (
        ("A", "a"),
        ("L", "1,2,3"),
        ("R", "#{R}"),
        ("J", '{"A":[1,{"R":"#{J.A}"}]}'),
        ("S", ""),
        ("R.A", "#{A}#{L}"),
        ("A[9]", "#{if S}x#{/if}"),
        ("i", "#{each i in L}#{i}#{/each}"),
    ),
    frozenset({"S"}),
)


@pytest.mark.parametrize("mode", Mode)
@settings(max_examples=100, deadline=None)
@given(template=st.lists(st.sampled_from(PIECES), max_size=40).map("".join), value=st.lists(st.sampled_from(PIECES), max_size=15).map("".join))
def test_render_of_anything_ends_with_a_text_and_errors(mode, template, value):
    limits = Limits(output=20_000)
    variables = Variables((*VALUES.values, ("L", value)), VALUES.withheld)

    rendered = render(template, variables, mode=mode, limits=limits)

    assert len(rendered.text or "") <= limits.output + len(template)
    assert all(error.line >= 1 and error.column >= 1 and error.sentence for error in rendered.errors)
    assert names_used(template) is not None
    assert argument_names(template) is not None


@settings(max_examples=100, deadline=None)
@given(
    text=st.text(max_size=60),
    pattern=st.lists(st.sampled_from(["a", "b", ".", "*", "+", "?", "(", ")", "[ab]", "|", "{2,3}", "\\1", "(?i)", "^", "$", "\\w"]), max_size=9).map("".join),
)
def test_filters_of_anything_end(text, pattern):
    variables = of({"X": text, "P": pattern})

    for name in ("Replace", "Match", "Format", "UriPart", "AddDays", "Indent", "Sha1", "FromBase64", "Substring"):
        assert len(render(f"#{{X | {name} #{{P}}}}", variables).errors) <= 2
    for name in ("Markdown", "VersionMajor", "YamlDoubleQuoteEscape", "UriEscape", "Trim", "Replace a"):
        assert len(render(f"#{{X | {name}}}", variables).errors) <= 2


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("opened", "closed"),
    [
        ("#{if A}", "#{/if}"),
        ("#{if A}#{else}", "#{/if}"),
        ("#{unless A}", "#{/unless}"),
        ("#{each x in L}", "#{/each}"),
        ("#{A | Append ", "}"),
        ("#{A | Append #{if A}", "#{/if}}"),
        ("#{A[", "]}"),
        ("#{calc (", ")}"),
        ("#{calc 1+((", "1))}"),
    ],
)
def test_nesting_is_bounded_with_a_clear_error(mode, opened, closed):
    if "calc" in opened:
        opened, closed = opened + "(" * 100, ")" * 100 + closed
    rendered = render("\n" + opened * 500 + "A" + closed * 500, of({"L": "1"}), mode=mode)

    [error] = rendered.errors
    assert error.sentence == f"The template is nested more than {MAX_DEPTH} deep."
    assert error.line == 2


@pytest.mark.parametrize("opened", ["#{if A}", '#{if A == "a"}', "#{unless A}x#{else}", "#{each x in L}", "#{if A}#{elseif B}"])
def test_unclosed_blocks_are_read_once(opened):
    template = opened * (MAX_DEPTH // 2) + "a line with #{A}\n" * 5000
    began = time.process_time()

    rendered = render(template, of({"A": "a"}), mode=Mode.CONTINUING)

    assert time.process_time() - began < 3
    assert rendered.text.count("a line with a\n") in (0, 5000)


def test_as_deep_as_allowed_is_well():
    depth = MAX_DEPTH - 2

    assert render("#{if A}" * depth + "x" + "#{/if}" * depth, of({"A": "a"})).text == "x"
    assert render("#{if A}1" + "#{elseif B}2" * 2000 + "#{else}3#{/if}", of({})).text == "3"
    assert render("#{calc " + "(" * depth + "1" + ")" * depth + "}", of({})).text == "1"


def test_too_deep_has_its_place():
    [error] = render("a\n " + "#{if A}" * 100 + "#{/if}" * 100, of({})).errors

    assert (error.line, error.sentence) == (2, f"The template is nested more than {MAX_DEPTH} deep.")


def test_values_inside_values_are_bounded():
    chain = of({f"V{n}": f"#{{V{n + 1}}}" for n in range(2000)} | {"V2000": "end"})

    assert render("#{V1960}", chain).text == "end"
    [error] = render("#{V0}", chain).errors
    assert "nested more than 50 deep" in error.sentence


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("#{V0}", {f"V{n}": f"#{{V{n + 1}}}#{{V{n + 1}}}" for n in range(40)} | {"V40": "x" * 100}),
        ("#{each a in L}#{each b in L}#{each c in L}x#{/each}#{/each}#{/each}", {"L": "," * 500}),
        ("#{each a in L}#{L}#{/each}", {"L": "," * 50_000}),
        ("#{A | Indent 255}", {"A": "\n" * 10_000}),
        ("#{A | Indent #{A}}", {"A": "\n" * 10_000}),
        ('#{A | Replace "a" #{A}}', {"A": "a" * 10_000}),
        ("#{A | HtmlEscape | HtmlEscape | HtmlEscape | YamlDoubleQuoteEscape}", {"A": "<" * 60_000}),
    ],
)
def test_output_is_bounded(template, values):
    rendered = render(template, of(values), limits=Limits(output=1_000_000, work=20_000))

    assert rendered.text == template
    assert "too much" in rendered.errors[0].sentence


EVIL = [
    r"(a+)+$",
    r"(?x)(a+) +$",
    r"(?:(?i)a|A)*$",
    r"(a|aa)+$",
    r"(a*)*b",
    r"(.*)(.*)(.*)(.*)x",
    r"(a?){25}a{25}b",
    r"(a|b|ab)*c",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(?=(a+))a*b\1",
    r"(a+)\1+b",
    r"(?:a{0,30}){0,30}b",
    r"(?s:.+.+.+)=x",
]


@pytest.mark.parametrize("pattern", EVIL)
def test_no_regular_expression_takes_long(pattern):
    began = time.process_time()

    for template in ("#{A | Match #{P}}", "#{A | Replace #{P} x}"):
        rendered = render(template * 20, of({"A": "a" * 4000 + "!", "P": pattern}), limits=Limits(steps=50_000))
        assert all(word in error.sentence for error in rendered.errors for word in ("filter", "regular expression"))

    assert time.process_time() - began < 5  # far beyond what the steps allow; without them it is hours


def test_two_thousand_lines_with_five_hundred_variables_are_fast():
    values = {f"Group{n % 10}.Name{n}": f"value {n}" if n % 3 else f"#{{Group{(n + 1) % 10}.Name{n + 1}}}!" for n in range(500)}
    template = "".join(f"key{n}: #{{Group{n % 10}.Name{n % 500}}} # a comment\n" for n in range(2000))
    began = time.process_time()

    rendered = render(template, of(values), mode=Mode.CONTINUING)

    assert time.process_time() - began < 1
    assert rendered.errors == ()
    assert rendered.text.splitlines()[3] == "key3: value 4! # a comment"
