"""Sections 4 to 7: the tree of names, lookup, JSON, and values that are templates."""

import pytest

from deployments.templating import render
from deployments.variables import Variables
from tests.deployments.templating.language import check, of, table

NAMES = of(
    {
        "Foo": "first",
        "A.x": "named",
        "A[x]": "indexed",
        "E[].Name": "empty index",
        "S[b].T": "2",
        "S[a].T": "1",
        "S[a].U": "only a",
        "S[own]": "own text",
        "Bad!": "never",
        "Q[#{K}]": "never",
        "K": "b",
        "KA": "#{K}",
        "Deep[#{x}]": "never",
    }
)


@table(
    ("4 dot and index differ", "#{A.x} #{A[x]}", "named indexed"),
    ("4 names ignore case", "#{a.X}#{A[X]}#{FOO}", "namedindexedfirst"),
    ("4 empty index", "#{E[].Name}", "empty index"),
    ("4 an indexed child's own text", "#{S[a]} #{S[own]}", "a own text"),
    ("4 only children", "#{A}", "#{A}", ("#{A}",)),
    ("4 names that are no symbols", "#{Bad}#{Q[b]}", "#{Bad}#{Q[b]}", ("#{Bad}", "#{Q[b]}")),
    ("5 case", "#{foo}", "first"),
    ("5 computed index", "#{S[#{K}].T}", "2"),
    ("5 computed index through a value", "#{S[#{KA}].T}", "2"),
    ("5 computed index inside another", "#{S[#{S[#{K}]}].T}", "2"),
    ("5 computed index that is missing", "#{S[#{Gone}].T}", "#{S[#{Gone}].T}", ("#{S[#{Gone}].T}",)),
    ("5 star takes the first", "#{S[*].T}", "2"),
    ("5 star does not search", "#{S[*].U}", "#{S[*].U}", ("#{S[*].U}",)),
    ("5 missing", "#{Gone} #{Foo.Gone}", "#{Gone} #{Foo.Gone}", ("#{Gone}", "#{Foo.Gone}")),
    ("5 enclosing scope", "#{each Foo in K}#{Foo}#{A.x}#{/each}", "bnamed"),
    ("5 the whole name in the enclosing scope", "#{each S in K}#{S}#{S[a].T}#{/each}", "b1"),
    ("5 no symbol", '#{ | Append "z"}', "z"),
)
def test_names_and_lookup(template, text, expressions):
    check(render(template, NAMES), text, expressions)


def test_a_later_definition_replaces_and_keeps_its_place():
    rendered = render("#{each i in L}#{i.N}#{/each}", Variables((("L[a].N", "1"), ("L[b].N", "2"), ("l[A].n", "3"))))

    assert rendered.text == "32"


JSON = of(
    {
        "J": '{"Name":"N","name":"n","Nested":{"b":[1,{"c":"deep"}],"t":true},"f":1.50,"g":1.0,"h":1e3,"i":7,"n":null,"no":false,"Own":"json"}',
        "L": '[10, 11.0, [1.50,15.00, true,null], {"a" : "é\\"\\n"}]',
        "J.own": "explicit",
        "In": '{"a":"#{K}","b":"#{Gone}"}',
        "K": "k",
        "Idx": "1",
        "Ref": "#{J}",
        "Loose": "{a: 'one', \"b\": [1,2,], /* c */ c: {x: 1,}, // d\n d: 'it\\'s', $e: \"\\u0041\"}",
        "Bare": "{Name: abc}",
        "Tail": '{"a":1} x',
        "Scalar": "12",
        "Text": '"quoted"',
        "Empty": "",
        "Dates": '{"at":"2026-01-02T03:04:05"}',
        "Values": '{"v":"#{J.Name}!"}',
        "T": '{Name: "#{T.Value}", Value: 12}',
        "MY_VAR": "#{MY_VAR[#{foo}]}",
        "Me": '{"a":"#{Me.a}"}',
    }
)


@table(
    ("6 property", "#{J.Name}#{J[Name]}", "NN"),
    ("6 property names keep case", "#{J.Name}#{J.name}", "Nn"),
    ("6 absent property", "[#{J.NAME}]", "[]"),
    ("6 element", "#{L[0]} #{L[1]}", "10 11"),
    ("6 element by computed index", "#{L[#{Idx}]}", "11"),
    ("6 element beyond the end", "[#{L[99]}]", "[]"),
    ("6 negative index", "#{L[-1]}", "#{L[-1]}", ("#{L[-1]}",)),
    ("6 index that is no number", "#{L[a]}#{L[*]}#{L.x}", "#{L[a]}#{L[*]}#{L.x}", ("#{L[a]}", "#{L[*]}", "#{L.x}")),
    ("6 scalar", "#{Scalar.a}#{Text.a}", "#{Scalar.a}#{Text.a}", ("#{Scalar.a}", "#{Text.a}")),
    ("6 invalid", "#{Bare.Name}#{Tail.a}", "#{Bare.Name}#{Tail.a}", ("#{Bare.Name}", "#{Tail.a}")),
    ("6 numbers", "#{J.f} #{J.g} #{J.h} #{J.i}", "1.5 1 1000 7"),
    ("6 true and false", "#{J.Nested[t]}#{J.no}", "TrueFalse"),
    ("6 null", "[#{J.n}]", "[]"),
    ("6 sub-documents", "#{J.Nested} #{L[2]}", '{"b":[1,{"c":"deep"}],"t":true} [1.5,15.0,true,null]'),
    ("6 sub-documents' escapes", "#{L[3]}", '{"a":"é\\"\\n"}'),
    ("6 deeper", "#{J.Nested.b[1].c}", "deep"),
    ("6 no deeper than an empty text", "#{J.n.x}#{Empty.x}", "#{J.n.x}#{Empty.x}", ("#{J.n.x}", "#{Empty.x}")),
    ("6 explicit children win", "#{J.Own}", "explicit"),
    ("6 the text itself stays", "#{L}", JSON.values[1][1]),
    ("6 a value that holds templates", "#{In.a}", "k"),
    ("6 missing tokens inside are not reported", "#{In.a}#{Ref.Name}", "kN"),
    ("6 a property's text is a template", "#{Values.v}", "N!"),
    ("6 lenient", "#{Loose.a} #{Loose.b[1]} #{Loose.c.x} #{Loose.d} #{Loose.$e}", "#{Loose.a} #{Loose.b[1]} #{Loose.c.x} #{Loose.d} #{Loose.$e}", ("",)),
    ("6 lenient", "#{Loose.a} #{Loose.b[1]} #{Loose.c.x} #{Loose.d} #{Loose[$e]}", "one 2 1 it's A"),
    ("6 dates stay texts", "#{Dates.at}", "2026-01-02T03:04:05"),
    ("7 a document may refer to itself", "#{T.Name}", "12"),
    ("7 a value that looks into itself", "#{MY_VAR}", "#{MY_VAR[#{foo}]}", ("#{MY_VAR[#{foo}]}",)),
)
def test_json(template, text, expressions):
    check(render(template, JSON), text, expressions)


VALUES = of(
    {
        "A": "#{B}!",
        "B": "b",
        "Bad": "#{if}#{x",
        "Raw": "a #{B!} #{B}",
        "Missing": "<#{Gone}>",
        "Escaped": "##{B}",
        "Twice": "#{Escaped}",
        "InLoop": "#{x}",
        "InLoopToo": "#{Octopus.Template.Each.Index}",
        "Foo": "#{Fox}",
        "Fox": "#{Fax}",
        "Fax": "#{Fix}",
        "Fix": "#{Foo}",
        "Self": "#{Self}",
        "ByIf": "#{if ByIf}x#{/if}",
        "ByOther": "#{if B == ByOther}x#{/if}",
        "ByEach": "#{each i in ByEach}x#{/each}",
        "ByCalc": "#{calc ByCalc+1}",
        "ByFilter": "#{B | Append #{ByFilter}}",
        "ByIndex": "#{X[#{ByIndex}]}",
        "ByJson": '{"a":"#{ByJson.a}"}',
        "L": "1,2",
    }
)


@table(
    ("7 values are templates", "#{A}", "b!"),
    ("7 a value that does not parse", "#{Bad}#{Raw}", "#{if}#{xa #{B!} #{B}"),
    ("7 missing tokens of values", "#{Missing}", "<#{Gone}>", ("#{Gone}",)),
    ("7 one escape goes at each value", "#{Escaped}#{Twice}", "#{B}#{B}"),
    ("7 a replacement is not read again", "#{Escaped}", "#{B}"),
    ("7 values do not see loops", "#{each x in L}#{x}#{InLoop}#{/each}", "1#{x}2#{x}", ("#{x}",)),
    ("7 values do not see loops", "#{each x in L}#{InLoopToo}#{/each}", "#{Octopus.Template.Each.Index}" * 2, ("#{Octopus.Template.Each.Index}",)),
    ("7 an unused circle is harmless", "#{B}#{if Gone}#{Foo}#{/if}", "b"),
)
def test_values_that_are_templates(template, text, expressions):
    check(render(template, VALUES), text, expressions)


CIRCLES = {
    "Foo": "Foo -> Fox -> Fax -> Fix -> Foo",
    "Self": "Self -> Self",
    "ByIf": "ByIf -> ByIf",
    "ByOther": "ByOther -> ByOther",
    "ByEach": "ByEach -> ByEach",
    "ByCalc": "ByCalc -> ByCalc",
    "ByFilter": "ByFilter -> ByFilter",
    "ByIndex": "ByIndex -> ByIndex",
}


@pytest.mark.parametrize(("name", "chain"), [pytest.param(*row, id=f"7 recursion | {row[0]}") for row in CIRCLES.items()])
def test_a_circle_is_an_error_that_shows_the_chain(name, chain):
    rendered = render(f"a\n #{{{name}}} #{{B}}", VALUES)

    assert rendered.text == f"a\n #{{{name}}} #{{B}}"
    [error] = rendered.errors
    assert chain in error.sentence
    assert (error.line, error.column, error.expression, error.variable) == (2, 2, f"#{{{name}}}", name)


def test_a_circle_through_a_property_is_one_too():
    [error] = render("#{ByJson.a}", VALUES).errors

    assert "ByJson.a -> ByJson.a" in error.sentence
