"""Variables: what may be saved, what a release takes along, and that a sensitive value is written once."""

import pytest

from deployments.models import Step, Variable, VariableSet
from deployments.services import InvalidVariable, delete_variable, save_variable, set_of, snapshot_of
from deployments.services.variables import row_name
from infrastructure.models import Event
from infrastructure.secrets import decrypt
from infrastructure.services import delete_scope
from infrastructure.services.errors import ScopeInvalid
from tests.factories import NOW, make_environment, make_project, make_tenant, make_user

pytestmark = pytest.mark.django_db
SECRET = "hunter-2-is-not-it"


def save(name="Database.Host", value="db.example.test", *, row=None, of=None, environments=(), tenants=(), steps=(), **values):
    """Save a new value, or another one of `row`."""
    variable = row or Variable(variable_set=of or set_of(make_project()))
    for field, given in {"name": name, **values}.items():
        setattr(variable, field, given)
    return save_variable(variable=variable, value=value, environments=environments, tenants=tenants, steps=steps, by=None, now=NOW)


def library(name="Databases", *projects):
    made = VariableSet.objects.create(name=name)
    made.projects.set(projects)
    return made


def refusal(**values):
    with pytest.raises(InvalidVariable) as error:
        save(**values)
    return str(error.value), error.value.field


def test_saving_keeps_the_value_its_scope_and_who_did_it():
    wren = make_user()
    variable = Variable(variable_set=set_of(make_project()), name=" Database.Host ")
    save_variable(variable=variable, value="a\r\nb", environments=[make_environment()], tenants=[make_tenant()], steps=["Deploy"], by=wren, now=NOW)

    found = Variable.objects.get()
    assert (found.name, found.value, found.steps, found.position) == ("Database.Host", "a\nb", ["Deploy"], 0)
    event = Event.objects.get(kind="variable_added")
    assert (event.by, event.object_name) == (wren, "Database.Host")
    assert event.detail == {
        "variable_set": "Variables of Shop", "is_sensitive": False, "value": "a\nb", "environments": ["production"], "tenants": ["north"],
        "steps": ["Deploy"], "has_new_value": True,
    }  # fmt: skip


def test_a_sensitive_value_is_encrypted_for_its_row_and_told_nowhere():
    variable = save("Database.Password", SECRET, is_sensitive=True)

    found = Variable.objects.get()
    assert found.value == ""
    assert SECRET not in found.value_encrypted
    assert decrypt(found.value_encrypted, row=row_name(variable)) == SECRET
    assert SECRET not in str(found.snapshot()) + str([event.detail for event in Event.objects.all()])


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_field_keeps_a_sensitive_value(value):
    variable = save("Database.Password", SECRET, is_sensitive=True)
    save("Db.Password", value, row=Variable.objects.get())

    found = Variable.objects.get()
    assert found.name == "Db.Password"
    assert found.value_encrypted == variable.value_encrypted
    assert Event.objects.get(kind="variable_changed").detail["has_new_value"] is False


def test_a_sensitive_value_comes_into_the_clear_only_anew():
    variable = save("Database.Password", SECRET, is_sensitive=True)

    assert refusal(row=variable, value="", is_sensitive=False) == (
        "A sensitive value is not shown again: enter the value anew to keep it in the clear.", "value",
    )  # fmt: skip
    assert Variable.objects.get().is_sensitive
    save(row=variable, value="open", is_sensitive=False)
    found = Variable.objects.get()
    assert (found.value, found.value_encrypted, found.is_sensitive) == ("open", "", False)


def test_a_plain_value_becomes_sensitive_and_leaves_nothing_in_the_clear():
    variable = save("Token", SECRET)
    save("Token", "", row=variable, is_sensitive=True)

    found = Variable.objects.get()
    assert found.value == ""
    assert decrypt(found.value_encrypted, row=row_name(found)) == SECRET
    assert "value" not in Event.objects.get(kind="variable_changed").detail


def test_a_new_sensitive_variable_needs_a_value_and_a_plain_one_may_be_empty():
    assert refusal(value="", is_sensitive=True) == ("Give the sensitive value. It is stored encrypted and never shown again.", "value")

    assert save(value="").value == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("  ", "Give the variable a name"),
        ("x" * 301, "at most 300 characters"),
        ("a\nb", "one line"),
        ("a\u200bb", "can be seen"),
        ("A#{B", "no “#{” and no “}”"),
        ("A}", "no “#{” and no “}”"),
        ("Octopus.Release.Number", "Octoargo’s own"),
        ("octopus.Mine", "Octoargo’s own"),
        ("OCTOPUS", "Octoargo’s own"),
    ],
)
def test_names_that_templates_could_not_use_are_refused(name, said):
    sentence, field = refusal(name=name)

    assert said in sentence
    assert field == "name"


@pytest.mark.parametrize("name", ["Octopussy", "My.Octopus.Name", "Servers[eu-1].Host", "A B", "Größe"])
def test_other_names_are_free(name):
    assert save(name).name == name


def test_the_same_scope_twice_is_refused_and_both_are_named():
    production, staging = make_environment(), make_environment("staging")
    save("Größe", "1", environments=[production])
    save("Größe", "2", environments=[staging])
    save("Größe", "3", environments=[staging, production])
    save("Größe", "4")

    sentence, field = refusal(name="GRÖSSE".replace("SS", "ß"), environments=[production])
    assert sentence == (
        "“GRÖßE” would be the second value for the same scope: “Größe” has one that applies to Production already. Change that one, or choose another scope."
    )
    assert field == "name"
    assert "applies everywhere already" in refusal(name="größe")[0]


def test_a_value_may_be_saved_again_as_it_is():
    variable = save()

    save("DATABASE.HOST", row=variable)

    assert Variable.objects.get().name == "DATABASE.HOST"


@pytest.mark.parametrize(("value", "said"), [("x" * 100_001, "at most 100,000 characters"), ("a\0b", "no NUL")])
def test_values_have_bounds(value, said):
    sentence, field = refusal(value=value)

    assert said in sentence
    assert field == "value"


def test_library_variables_are_not_scoped_to_steps():
    assert refusal(of=library(), steps=["Deploy"])[1] == "steps"


def test_a_release_takes_its_own_first_in_order_of_definition_then_library_sets_by_name():
    shop, ledger = make_project(), make_project("ledger")
    Step.objects.create(project=shop, position=1, name="Deploy")
    save("Z", "z", of=set_of(shop), environments=[make_environment("staging"), make_environment()], steps=["Deploy"])
    save("A", SECRET, of=set_of(shop), is_sensitive=True)
    save("Theirs", of=set_of(ledger))
    save("Last", of=library("Zoo", shop))
    save("First", of=library("Apes", shop, ledger))
    save("Unused", of=library("Bears", ledger))

    rows = snapshot_of(shop)

    assert [row["name"] for row in rows] == ["Z", "A", "First", "Last"]
    assert rows[0]["environments"] == ["production", "staging"]
    assert rows[0]["steps"] == ["Deploy"]
    assert (rows[1]["value"], rows[1]["is_sensitive"], rows[1]["is_library"]) == ("", True, False)
    assert (rows[2]["is_library"], rows[2]["library_set"]) == (True, "Apes")


def test_the_snapshot_takes_few_queries(django_assert_max_num_queries):
    shop = make_project()
    for index in range(10):
        save(f"V{index}", of=set_of(shop), environments=[make_environment()])

    with django_assert_max_num_queries(6):
        assert len(snapshot_of(shop)) == 10


def test_deleting_tells_the_trail_and_no_sensitive_value():
    variable = save("Database.Password", SECRET, is_sensitive=True, environments=[make_environment()])

    delete_variable(variable=variable, by=None, now=NOW)

    assert not Variable.objects.exists()
    assert Event.objects.get(kind="variable_deleted").detail == {
        "variable_set": "Variables of Shop", "is_sensitive": True, "environments": ["production"], "tenants": [], "steps": [],
    }  # fmt: skip


def test_what_a_value_is_scoped_to_alone_is_not_deleted_because_it_would_apply_everywhere():
    production, staging, north = make_environment(), make_environment("staging"), make_tenant()
    save(environments=[production], tenants=[north])
    save("Other", environments=[production, staging])

    for row in (production, north):
        with pytest.raises(ScopeInvalid, match=rf"{row.name} was not deleted: a value of Database.Host \(Variables of Shop\) applies to it alone"):
            delete_scope(row=row, by=None, now=NOW)
    delete_scope(row=staging, by=None, now=NOW)

    assert [place.slug for place in Variable.objects.get(name="Other").environments.all()] == ["production"]
