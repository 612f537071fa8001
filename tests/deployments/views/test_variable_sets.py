"""The pages of library sets: made, renamed, included, deleted."""

import pytest

from deployments.models import Variable, VariableSet
from tests.deployments.views.pages import text_of
from tests.factories import make_project

pytestmark = pytest.mark.django_db


def library(name="Databases", *projects):
    made = VariableSet.objects.create(name=name)
    made.projects.set(projects)
    Variable.objects.create(variable_set=made, name="Region", value="eu")
    return made


def test_a_set_is_made_filled_and_renamed(client, admin):
    answer = client.post("/variables/new/", {"name": "Databases", "description": "Where they are."}, follow=True)
    made = VariableSet.objects.get()
    assert "Databases was saved." in text_of(answer)
    assert "Library set Databases" in text_of(answer)

    client.post(f"/variables/{made.pk}/new/", {"name": "Region", "value": "eu"})
    client.post(f"/variables/{made.pk}/edit/", {"name": "Stores", "description": ""})

    page = text_of(client.get(f"/variables/{made.pk}/"))
    assert "Library set Stores" in page
    assert "Region eu everywhere" in page
    assert "No project includes it." in page


@pytest.mark.parametrize(
    ("name", "said"), [("databases", "There is a variable set named databases already."), ("", "This field is required."), ("project:1", "projects’ own")]
)
def test_a_refused_name_is_a_422(client, admin, name, said):
    library()

    answer = client.post("/variables/new/", {"name": name, "description": "Kept."})

    assert answer.status_code == 422
    assert said in text_of(answer)
    assert "Kept." in text_of(answer)
    assert VariableSet.objects.count() == 1


def test_a_project_includes_and_excludes_a_set(client, admin):
    shop, made = make_project(), library()
    address = "/projects/shop/variables/sets/"

    included = client.post(address, {"set": made.pk, "do": "include"}, follow=True)
    assert list(made.projects.all()) == [shop]
    assert "Releases of Shop made from now on take Databases along." in text_of(included)
    assert "Region eu everywhere Databases" in text_of(included)

    excluded = client.post(address, {"set": made.pk, "do": "exclude"}, follow=True)
    assert "Releases of Shop made from now on do without Databases." in text_of(excluded)
    assert not made.projects.exists()


@pytest.mark.parametrize("chosen", ["", "none", "999999", "9" * 40, "²"])
def test_including_what_is_not_there_is_a_404(client, admin, chosen):
    make_project()

    assert client.post("/projects/shop/variables/sets/", {"set": chosen}).status_code == 404


def test_a_set_is_deleted_after_naming_who_loses_it(client, admin):
    made = library("Databases", make_project())
    address = f"/variables/{made.pk}/remove/"

    assert "1 value goes, and cannot be brought back Shop includes it: releases made from now on do without it" in text_of(client.get(address))
    assert "Databases was deleted." in text_of(client.post(address, follow=True))
    assert not VariableSet.objects.exists()
