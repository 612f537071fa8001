"""Library sets: made, renamed, deleted, and included in projects."""

import pytest

from deployments.models import Variable, VariableSet
from deployments.services import InvalidVariable, delete_library_set, exclude_set, include_set, save_library_set, set_of, snapshot_of
from infrastructure.models import Event
from tests.factories import NOW, make_project

pytestmark = pytest.mark.django_db


def save(name="Databases", row=None, description=""):
    variable_set = row or VariableSet()
    variable_set.name, variable_set.description = name, description
    return save_library_set(variable_set=variable_set, by=None, now=NOW)


def test_a_set_is_made_and_renamed():
    made = save(" Databases ", description=" Where they are. ")
    assert (made.name, made.description, made.is_library) == ("Databases", "Where they are.", True)

    save("DATABASES", row=made)

    assert VariableSet.objects.get().name == "DATABASES"
    assert list(Event.objects.order_by("pk").values_list("kind", flat=True)) == ["variable_set_added", "variable_set_changed"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "Give the set a name"),
        ("x" * 101, "at most 100"),
        ("a\nb", "one line"),
        ("Project:shop", "projects’ own"),
        ("databases", "There is a variable set named"),
    ],
)
def test_names_that_would_confuse_are_refused(name, said):
    save()

    with pytest.raises(InvalidVariable, match=said) as error:
        save(name)

    assert error.value.field == "name"


def test_a_project_includes_a_set_once_and_leaves_it():
    shop, made = make_project(), save()
    Variable.objects.create(variable_set=made, name="Host", value="db")

    for _ in range(2):
        include_set(variable_set=made, project=shop, by=None, now=NOW)
    assert [row["name"] for row in snapshot_of(shop)] == ["Host"]

    for _ in range(2):
        exclude_set(variable_set=made, project=shop, by=None, now=NOW)
    assert snapshot_of(shop) == []
    assert list(Event.objects.order_by("pk").values_list("kind", flat=True))[1:] == ["variable_set_included", "variable_set_excluded"]


def test_deleting_a_set_names_what_loses_it():
    shop, made = make_project(), save()
    include_set(variable_set=made, project=shop, by=None, now=NOW)
    Variable.objects.create(variable_set=made, name="Host", value="db")

    delete_library_set(variable_set=made, by=None, now=NOW)

    assert not VariableSet.objects.exists()
    assert Event.objects.get(kind="variable_set_deleted").detail == {"projects": ["shop"], "variables": ["Host"]}


def test_a_projects_own_variables_are_neither_shared_nor_deleted_as_a_set():
    own = set_of(make_project())

    with pytest.raises(InvalidVariable):
        include_set(variable_set=own, project=make_project("ledger"), by=None, now=NOW)
    with pytest.raises(InvalidVariable):
        delete_library_set(variable_set=own, by=None, now=NOW)
