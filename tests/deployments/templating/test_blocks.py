"""Sections 8 to 11: substitution and echo, conditionals, loops, calculations."""

import pytest

from deployments.templating import render
from tests.deployments.templating.language import check, of, table

VALUES = of(
    {
        "A": "a",
        "B": "b",
        "E": "",
        "Zero": "0",
        "No": " No ",
        "False": "FALSE",
        "Yes": "off",
        "Blank": " ",
        "Upper": "A",
        "Missing": "#{Gone}",
        "L": "x, y,,z",
        "One": "x",
        "J": '{"k":{"d":1},"K2":[2]}',
        "Arr": '[1.0,{"a":"b"},"#{A}"]',
        "None": "[]",
        "I[p].T": "1",
        "I[q].T": "2",
        "I[q]": "own",
        "Hidden": "p,q",
        "Hidden[z].T": "3",
        "M[a].In[x].T": "ax",
        "M[a].In[y].T": "ay",
        "M[b].In[x].T": "bx",
        "N": "8",
        "T": "1,234.5",
        "Exp": " -2e3 ",
    }
)


@table(
    ("8 echo of a name", "#{ Gone . x [ y] }", "#{Gone.x[y]}", ("#{Gone.x[y]}",)),
    ("8 echo of an index", "#{Gone[#{ A }].b}", "#{Gone[#{A}].b}", ("#{Gone[#{A}].b}",)),
    ("8 echo of a filter", "#{ A|ToBazooka 6 }", '#{A | ToBazooka "6"}', ('#{A | ToBazooka "6"}',)),
    ("8 echo of options", '#{A | F a "b c" #{ B }}', '#{A | F "a" "b c" #{B}}', ('#{A | F "a" "b c" #{B}}',)),
    ("8 echo without a symbol", "#{|Indent}", "#{ | Indent}", ("#{ | Indent}",)),
    ("8 echo of a condition", "#{if  A | F }##{x}#{ B }#{else}n#{/if}", "#{if A | F}##{x}#{B}#{else}n#{/if}", ("A | F",)),
    ("8 echo of a comparison", "#{if A|F ==B}y#{/if}", "#{if A | F == B }y#{/if}", ("A | F",)),
    ("8 echo of a literal", '#{if A|F != "q"}y#{/if}', '#{if A | F != "q" }y#{/if}', ("A | F",)),
    ("8 echo of unless", "#{unless A|F}n#{else}y#{/unless}", "#{if A | F}y#{else}n#{/if}", ("A | F",)),
    ("8 echo of elseif", "#{if A|F}1#{elseif B}2#{else}3#{/if}", "#{if A | F}1#{else}#{if B}2#{else}3#{/if}#{/if}", ("A | F",)),
    ("8 echo of a loop", "#{if A|F}#{each x in L}#{x}#{/each}#{/if}", "#{if A | F}#{each x in L}#{x}#{/each}#{/if}", ("A | F",)),
    ("8 echo of calc", "#{calc Gone + 2 * ( {N} )}", "#{calc Gone + 2 * ( {N} )}", ("",)),
    ("8 echo of calc", "#{calc {Gone} + 2.50 * ({N})}", "#{Gone+2.5*N}", ("#{Gone+2.5*N}",)),
    ("8 errors once a tag, in order", "#{X} #{Y}", "#{X} #{Y}", ("#{X}", "#{Y}")),
    ("9.1 missing on the left is empty", '#{if Gone}y#{else}n#{/if}#{if Gone == ""}y#{/if}', "ny"),
    ("9.1 missing inside a value is an error", "#{if Missing}y#{/if}", "y", ("#{Gone}",)),
    ("9.1 filter chain without a result", "#{if Gone | ToUpper}y#{/if}", "#{if Gone | ToUpper}y#{/if}", ("Gone | ToUpper",)),
    ("9.1 filter chain without a result", "#{if A == Gone | Trim}y#{/if}", "#{if A == Gone | Trim }y#{/if}", ("Gone | Trim",)),
    ("9.1 filter chain", "#{if A | Match b}y#{else}n#{/if}#{if A|ToUpper == Upper}y#{/if}", "ny"),
    ("9.1 comparison minds case", "#{if A == Upper}y#{else}n#{/if}#{if A != Upper}y#{/if}", "ny"),
    ("9.1 missing on the right is empty", "#{if E == Gone}y#{/if}#{if Gone == Gone2}y#{/if}#{if A == Gone}y#{else}n#{/if}", "yyn"),
    ("9.1 elseif", "#{if E}1#{elseif Zero}2#{elseif A}3#{elseif B}4#{else}5#{/if}", "3"),
    ("9.1 elseif to else", "#{if E}1#{elseif Zero}2#{else}5#{/if}#{if E}1#{elseif E}2#{/if}", "5"),
    ("9.1 elseif with a broken chain", "#{if E}1#{elseif A|F}2#{/if}", "#{if A | F}2#{/if}", ("A | F",)),
    ("9.1 unless", "#{unless A}y#{else}n#{/unless}#{unless Gone}y#{/unless}#{unless A == B}y#{/unless}", "nyy"),
    ("9.1 only the chosen branch", "#{if A}y#{else}#{Gone}#{/if}#{if E}#{Gone}#{/if}", "y"),
    ("9.1 branches word for word", "#{if A}\r\n y \n#{/if}", "\r\n y \n"),
    ("9.1 empty branches", "#{if A}#{else}#{/if}#{if E}#{/if}", ""),
    ("9.1 nesting", "#{if A}#{unless E}#{if B}#{each x in One}#{x}#{/each}#{else}n#{/if}#{/unless}#{/if}", "x"),
    ("9.2 false", "#{if E}y#{/if}#{if Zero}y#{/if}#{if No}y#{/if}#{if False}y#{/if}", ""),
    ("9.2 true", "#{if Yes}1#{/if}#{if Blank}2#{/if}", "12"),
    ("10 nothing to run over", "#{each x in Gone}#{x}#{/each}", ""),
    ("10 array", "#{each x in Arr}[#{x}]#{/each}", '[1][{"a":"b"}][a]'),
    ("10 array's element", '#{each x in Arr}#{if Octopus.Template.Each.Index == "1"}#{x.a}#{/if}#{/each}', "b"),
    ("10 empty array", "#{each x in None}#{x}#{/each}", ""),
    ("10 object", "#{each x in J}#{x}=#{x.Key}:#{x.Value};#{/each}", 'k=k:{"d":1};K2=K2:[2];'),
    ("10 object's value", '#{each x in J}#{if x.Key == "k"}#{x.Value.d}#{/if}#{/each}', "1"),
    ("10 commas, no trimming", "#{each x in L}[#{x}]#{/each}", "[x][ y][][z]"),
    ("10 one value", "#{each x in One}[#{x}]#{/each}", "[x]"),
    ("10 empty value", "#{each x in E}[#{x}]#{/each}", "[]"),
    ("10 indexes", "#{each x in I}#{x}:#{x.T};#{/each}", "p:1;own:2;"),
    ("10 an own value hides indexes", "#{each x in Hidden}#{x},#{/each}", "p,q,"),
    ("10 deeper indexes of a named child", "#{each m in M}#{each i in m.In}#{i.T};#{/each}#{/each}", "ax;ay;bx;"),
    ("10 the index", "#{each x in L}#{Octopus.Template.Each.Index}#{/each}", "0123"),
    ("10 the first", "#{each x in L}#{Octopus.Template.Each.First} #{/each}", "True False False False "),
    ("10 the last", "#{each x in L}#{Octopus.Template.Each.Last} #{/each}", "False False False True "),
    ("10 nested specials", "#{each x in Hidden}#{each y in Hidden}#{Octopus.Template.Each.Index}#{/each}#{Octopus.Template.Each.Index}#{/each}", "010011"),
    ("10 names shadow and come back", "#{each A in One}#{A}#{/each}#{A}", "xa"),
    ("10 other names are seen", "#{each x in One}#{A}#{x}#{/each}", "ax"),
    ("10 an absent step falls back", "#{each I in One}#{I}#{I[p].T}#{/each}", "x1"),
    ("10 line breaks repeat", "#{each x in Hidden}\n- #{x}#{/each}", "\n- p\n- q"),
    ("10 names ignore case", "#{each Item in One}#{ITEM}#{/each}", "x"),
    ("11 precedence", "#{calc {N}+2*3}#{calc 7-2-1}", "144"),
    ("11 parentheses", "#{calc ({N}+2)*3/4}", "7.5"),
    ("11 operands", "#{calc T+0}#{calc {Exp}}", "1234.5-2000"),
    ("11 result", "#{calc 1/4} #{calc 10/5} #{calc 1-3} #{calc 0.1+0.2}", "0.25 2 -2 0.30000000000000004"),
    ("11 plain notation", "#{calc 123456789*1000} #{calc 1/1000}", "123456789000 0.001"),
    ("11 exponents", "#{calc 1000000000000000*1} #{calc 1/100000}", "1E+15 1E-05"),
    ("11 missing operand", "#{calc Gone+1}", "#{Gone+1}", ("#{Gone+1}",)),
    ("11 operand that is no number", "#{calc A+1}", "#{A+1}", ("#{A+1}",)),
    ("11 syntax error", "#{calc 1 +}", "#{calc 1 +}", ("",)),
)
def test_blocks(template, text, expressions):
    check(render(template, VALUES), text, expressions)


@pytest.mark.parametrize("text", [pytest.param(text, id=f"9.2 true | {text}") for text in (" 0", "00", "0.0", " ", "off", "n", "null", "#{Gone}", "yes")])
def test_truth_of_other_texts(text):
    assert render("#{if X}true#{/if}", of({"X": text})).text == "true"


@pytest.mark.parametrize("text", [pytest.param(text, id=f"9.2 false | {text}") for text in ("", "0", "no", "NO", " no ", "False", "\tfalse\n")])
def test_untruth(text):
    assert render("#{if X}true#{else}false#{/if}", of({"X": text})).text == "false"


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("#{calc 1/0}", id="11 division by zero | 1/0"),
        pytest.param("#{calc {N}/({N}-{N})}", id="11 division by zero | of names"),
        pytest.param("#{calc " + "*".join(["9" * 100] * 5) + "}", id="11 a result beyond all numbers | 9...9"),
        pytest.param("#{each octopus in L}#{/each}", id="14.3 a loop's name | octopus"),
    ],
)
def test_a_hard_error_leaves_the_template_as_it_is(template):
    rendered = render("a\n" + template, VALUES)

    assert rendered.text == "a\n" + template
    assert [error.line for error in rendered.errors] == [2]
