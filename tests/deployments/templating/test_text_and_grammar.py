"""Sections 2 and 3: texts, escapes and the grammar."""

from deployments.templating import Mode, render
from tests.deployments.templating.language import check, of, table

VALUES = of(
    {
        "x": "v",
        "A": "a",
        "B": "b",
        "Foo  Bar": "two",
        "A.B": "dot",
        "a b": "inner",
        "Été": "letters",
        "p:/~()@_-9": "signs",
        "L": "1,2",
        "A and B": "yes",
        "N": "8",
        "B-2": "named",
        "I[q]": "Q",
        "I[q ]": "trailing",
        "I[a[b]c]": "nested",
        'I["q"]': "quotes",
        "I[pre-#{B}]": "computed",
        "in": "word",
        "C": "q",
        "A|B": "never",
    }
)


@table(
    ("2 no tag at all", "# ## } {{ .Values.x }} ${x} $(x)", "# ## } {{ .Values.x }} ${x} $(x)"),
    ("2 last hash", "#{x}#", "v#"),
    ("2 only a hash beside a tag", "#{x} #", "v #"),
    ("2 two hashes before a tag", "###{x}", "#v"),
    ("2 two hashes before a tag", "#####{x}", "###v"),
    ("2 escape", "##{x}", "#{x}"),
    ("2 escape", "####{x}", "###{x}"),
    ("2 escape", "##{#{x}}", "#{v}"),
    ("2 escape", "##{x} #{x}", "#{x} v"),
    ("2 hashes in pairs", "# ## ###\n###### a #{x}", "# ## ###\n###### a v"),
    ("2 nothing is trimmed", "  \r\n\t#{x}\r\n ", "  \r\n\tv\r\n "),
    ("2 no line break goes after a block", "#{if x}\na\n#{/if}\nb", "\na\n\nb"),
    ("2 line endings stay", "a\r#{x}\nb\r\n", "a\rv\nb\r\n"),
    ("3 blanks in a tag", "#{ x }#{\n\tx\n}", "vv"),
    ("3 keywords in any case", "#{IF x}y#{/if}#{Each i in L}#{i}#{/each}#{CALC N+1}#{UnLess x}n#{/unless}", "y129"),
    ("3 word characters", "#{p:/~()@_-9}#{Été}", "signsletters"),
    ("3 filter with a word", "#{x | Append z}", "vz"),
    ("3 filter without blanks", "#{x|Append z|ToUpper}", "VZ"),
    ("3 quoted option", '#{x | Append "} | #{x"}', '#{x | Append "} | #{x"}', ("",)),
    ("3 quoted option", '#{x | Append "}| .,+$" }', "v}| .,+$"),
    ("3 option between escaped quotes", '#{x | Append \\"a "q" #{x}\\"}', 'va "q" #{x}'),
    ("3 empty quoted option", '#{x | Append ""}', "v"),
    ("3 tag as option", "#{x | Append #{A}}", "va"),
    ("3 tag as option", "#{x | Append #{if A}#{B}#{/if}}", "vb"),
    ("3 index text", "#{I[q]}#{I[a[b]c]}", "Qnested"),
    ("3 computed index", "#{I[#{C}]}#{I[ #{ C } ]}", "QQ"),
    ("3 comparison of symbols", "#{if A == B}y#{else}n#{/if}#{if A != B}y#{/if}", "ny"),
    ("3 literal on the left", '#{if "a" == A}y#{/if}', "y"),
    ("3 literal on the right", '#{if A == \\"a\\"}y#{/if}', "y"),
    ("3 calc", "#{calc (2+{N})*.5}", "5"),
)
def test_text_and_grammar(template, text, expressions):
    check(render(template, VALUES), text, expressions)


@table(
    ("3.1 inner blanks", "#{ Foo  Bar }", "two"),
    ("3.1 inner blanks", "#{A . B}", "dot"),
    ("3.1 blank before a bar", "#{a b | ToUpper}", "INNER"),
    ("3.1 blank before a brace", "#{a b   }", "inner"),
    ("3.1 blank before in", "#{each a b in L}#{a b}#{/each}", "12"),
    ("3.1 blank before an operator", "#{if a b == B}y#{else}n#{/if}", "n"),
    ("3.1 operator without blanks", '#{if A=="a"}y#{/if}', "y"),
    ("3.1 the word in alone", "#{in}", "word"),
    ("3.2 block without an end", "#{if A}", "#{if A}", ("#{if A}",)),
    ("3.2 stray else", "#{else}#{Else}#{ else }", "#{else}#{Else}#{else}", ("#{else}", "#{Else}", "#{else}")),
    ("3.2 elseif under unless", "#{unless Gone}a#{elseif X}b#{/unless}", "a#{elseif X}b", ("#{elseif X}",)),
    ("3.2 calc alone", "#{calc}", "#{calc}", ("#{calc}",)),
    ("3.2 no and", "#{if A and B}y#{/if}", "y"),
    ("3.2 single quotes do not quote", "#{x | Append 'z'}", "#{x | Append 'z'}", ("",)),
    ("3.2 unquoted option", "#{x | Append a.b}", "#{x | Append a.b}", ("",)),
    ("3.2 comparison without an end", '#{if A == "a"}', '#{if A == "a"}', ("",)),
    ("3.2 each without an end", "#{each a in L}", "#{each a in L}", ("",)),
    ("3.2 stray end", "#{/if}", "#{/if}", ("",)),
    ("3.2 end tag in lower case", '#{if A == "a"}x#{/IF}', '#{if A == "a"}x#{/IF}', ("",)),
    ("3.2 each x IN", "#{each x IN L}#{x}#{/each}", "#{each x IN L}#{x}#{/each}", ("",)),
    ("3.2 each with a filter", "#{each x in L | ToUpper}#{/each}", "#{each x in L | ToUpper}#{/each}", ("",)),
    ("3.2 dots in a loop's name", "#{each x.y in L}#{/each}", "#{each x.y in L}#{/each}", ("",)),
    ("3.2 computed name", "#{#{A}}", "#{#{A}}", ("",)),
    ("3.2 index that is not all one tag", "#{I[#{C | ToUpper}]}", "#{I[#{C | ToUpper}]}", ("#{I[#{C | ToUpper}]}",)),
    ("3.2 blanks of an index text", "#{I[ q]}|#{I[q ]}", "Q|trailing"),
    ("3.2 quotes in an index text", '#{I["q"]}', "quotes"),
    ("3.2 after a tag option", "#{x | Append #{A}| ToUpper}", "VA"),
    ("3.2 blank after a tag option", "#{x | Append #{A} | ToUpper}", "#{x | Append #{A} | ToUpper}", ("",)),
    ("3.2 two tag options", "#{A | Replace #{A}#{B}}", "b"),
    ("3.2 blank between tag options", "#{A | Replace #{A} #{B}}", "#{A | Replace #{A} #{B}}", ("",)),
    ("3.2 word after a tag option", "#{A | Replace #{A} z | ToUpper}", "Z"),
    ("3.2 names in calc", "#{calc B-2 + 1}", "#{B-2+1}", ("#{B-2+1}",)),
    ("3.2 braces in calc", "#{calc {N}-2}#{calc ({N})}", "68"),
    ("3.2 no unary minus", "#{calc -N}", "#{-N}", ("#{-N}",)),
    ("3.2 no minus before a number", "#{calc 2--1}", "#{2--1}", ("#{2--1}",)),
    ("3.2 blanks in parentheses", "#{calc ( 2)}", "#{calc ( 2)}", ("#{calc ( 2)}",)),
    ("3.2 blanks in parentheses", "#{calc (2 )}", "#{calc (2 )}", ("#{calc (2 )}",)),
)
def test_names_and_ordered_choice(template, text, expressions):
    check(render(template, VALUES), text, expressions)


def test_a_text_without_tags_is_not_even_parsed():
    text = "##}{" * 200_000

    assert render(text, VALUES, mode=Mode.CONTINUING).text is text
