"""Section 15: sensitive variables never reach a text, and undefined ones are told apart from them."""

import pytest

from deployments.templating import Mode, render
from deployments.variables import Definition, Scope, Variables, select
from tests.deployments.templating.language import check, table

SECRET = "hunter2"
VARIABLES = select(
    (
        Definition("Password", SECRET, is_sensitive=True),
        Definition("Db.Key", SECRET, is_sensitive=True),
        Definition("Users[ada].Token", SECRET, is_sensitive=True),
        Definition("Users[bob].Name", "bob"),
        Definition("Url", "db://#{Password}@host"),
        Definition("Further", "<#{Url}>"),
        Definition("Doc", '{"a":"#{Password}","b":1}'),
        Definition("InIf", "#{if Password}x#{/if}"),
        Definition("Map[hunter2]", "found by the secret"),
        Definition("Map[]", "found by nothing"),
        Definition("A", "a"),
        Definition("E", ""),
    ),
    Scope(),
)
NEEDS = [
    ("15.3 directly", "#{Password}", "Password"),
    ("15.3 in any case", "#{pAssWORD}", "Password"),
    ("15.3 through another value", "#{Url}", "Password"),
    ("15.3 through another value", "#{Further}", "Password"),
    ("15.3 through a filter", "#{Password | ToUpper}", "Password"),
    ("15.3 through a filter that makes text of nothing", "#{Password | Append x}", "Password"),
    ("15.3 through a filter's option", "#{A | Append ‸#{Password}}", "Password"),
    ("15.3 through a filter's option", '#{A | Replace "a" ‸#{Url}}', "Password"),
    ("15.3 through a hash", "#{Password | Sha256}", "Password"),
    ("15.3 through a computed index", "#{Map[#{Password}]}", "Password"),
    ("15.3 through a computed index", "#{Map[#{Url}]}", "Password"),
    ("15.3 through JSON", "#{Password.x}", "Password"),
    ("15.3 through JSON", "#{Password[0].x}", "Password"),
    ("15.3 through JSON", "#{Doc.a}", "Password"),
    ("15.3 through JSON", "#{Url.x}", "Password"),
    ("15.3 inside a loop", "#{each x in A}‸#{Password}#{/each}", "Password"),
    ("15.3 of a loop's item", "#{each u in Users}‸#{if u.Token}#{/if}#{/each}", "Users[ada].Token"),
    ("15.3 under dots and indexes", "#{Db.Key}", "Db.Key"),
    ("15.3 under dots and indexes", "#{Users[ada].Token}", "Users[ada].Token"),
    ("15.3 under dots and indexes", "#{Users[*].Token}", "Users[ada].Token"),
    ("15.3 with null at the end of an option", "#{A | Append ‸#{Password | Nope}}", "Password"),
    ("15.4 tested by if", "#{if Password}x#{/if}", "Password"),
    ("15.4 tested by if", '#{if A == "b"}#{elseif Password == "x"}#{/if}', "Password"),
    ("15.4 tested by if", "#{if A == Password}#{/if}", "Password"),
    ("15.4 tested by if", "#{if Password | Match x}#{/if}", "Password"),
    ("15.4 tested by if", "#{if Url}x#{/if}", "Password"),
    ("15.4 tested by if", "#{InIf}", "Password"),
    ("15.4 tested by unless", '#{unless Password == ""}x#{/unless}', "Password"),
    ("15.4 run over by each", "#{each x in Password}x#{/each}", "Password"),
    ("15.4 run over by each", "#{each x in Url}x#{/each}", "Password"),
    ("15.4 run over by each", "#{each x in Doc}x#{/each}", "Password"),
    ("15.4 in calc", "#{calc Password+1}", "Password"),
    ("15.4 in calc", "#{calc 1+{Url}}", "Password"),
]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("template", "variable"), [pytest.param(t, v, id=f"{rule} | {t[:50]}") for rule, t, v in NEEDS])
def test_a_needed_sensitive_variable_is_an_error_with_its_name_and_place(template, variable, mode):
    place = max(template.find("‸"), 0)  # where the tag starts that needs it

    rendered = render("\n  " + template.replace("‸", ""), VARIABLES, mode=mode)

    [error] = [error for error in rendered.errors if error.is_sensitive]
    assert error.variable == variable
    assert f"“{variable}”" in error.sentence
    assert (error.line, error.column) == (2, 3 + place)
    assert SECRET not in repr(rendered)
    assert "found by" not in repr(rendered)
    assert all(error.is_sensitive for error in rendered.errors)


@table(
    ("15.3 merely defined", "#{A}", "a"),
    ("15.3 escaped", "##{Password}", "#{Password}"),
    ("15.3 in a branch that is not taken", "#{if E}#{Password}#{/if}#{if A}a#{else}#{Url}#{/if}", "a"),
    ("15.3 in a body that is never run", "#{each x in Gone}#{Password}#{/each}", ""),
    ("15.3 beside others", "#{each u in Users}#{u} #{/each}#{Users[bob].Name}", "ada bob bob"),
)
def test_a_sensitive_variable_that_is_not_needed_is_no_error(template, text, expressions):
    check(render(template, VARIABLES), text, expressions)


@table(
    ("15.4 undefined in if is no error", "#{if Octopus.Deployment.Tenant.Slug}for #{Octopus.Deployment.Tenant.Slug}#{/if}.", "."),
    ("15.4 a missing operand is told", "#{calc A+Gone}", "#{A+Gone}", ("#{A+Gone}",)),
    ("15.4 a missing operand is told", "#{calc 1+Gone}", "#{1+Gone}", ("#{1+Gone}",)),
    ("15.4 all of them together", "#{Gone} #{Password}\n#{Gone2}", "#{Gone} #{Password}\n#{Gone2}", ("#{Gone}", "#{Password}", "#{Gone2}")),
)
def test_undefined_variables_are_told_apart(template, text, expressions):
    rendered = render(template, VARIABLES)

    check(rendered, text, expressions)
    assert [error.variable for error in rendered.errors if error.is_sensitive] == ["Password"] * ("Password" in template)


def test_the_sentence_tells_the_way_to_the_sensitive_variable():
    [error] = render("#{Further}", VARIABLES).errors

    assert error.sentence == "The variable “Password” is sensitive, so its value is withheld from templates (used through “Further” -> “Url”)."


def test_a_value_beside_a_withheld_name_is_never_read():
    rendered = render("#{P}#{P.a}#{each x in P}#{x}#{/each}", Variables((("p", '{"a":"hunter2"}'),), frozenset({"P"})))

    assert SECRET not in repr(rendered)
    assert {error.is_sensitive for error in rendered.errors} == {True}


@table(
    ("15.2 Helm and shell pass", "{{ .Values.a }} ${b} $(c) #!/bin/sh\r\n# #{A}", "{{ .Values.a }} ${b} $(c) #!/bin/sh\r\n# a"),
    ("15.2 a file without tags", "\ufeffa: b\r\n", "\ufeffa: b\r\n"),
    ("15.2 line endings stay", "a: #{A}\r\nb: 1\nc: 2\r", "a: a\r\nb: 1\nc: 2\r"),
)
def test_files(template, text, expressions):
    check(render(template, VARIABLES, mode=Mode.CONTINUING), text, expressions)
