"""The pages of variables: all of them, a project's, one value's form, and what a release kept."""

import pytest
from django.contrib.auth.models import Permission

from deployments.models import Release, Step, Variable, VariableSet
from deployments.services.variables import save_variable, set_of, snapshot_of
from tests.deployments.views.pages import release_row, text_of
from tests.factories import NOW, make_environment, make_project, make_tenant

pytestmark = pytest.mark.django_db
SECRET = "hunter-2-is-not-it"


def permit(user, *names):
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


def value(name="Database.Host", text="db.example.test", *, of=None, environments=(), tenants=(), steps=(), is_sensitive=False):
    variable = Variable(variable_set=of or set_of(make_project()), name=name, is_sensitive=is_sensitive)
    return save_variable(variable=variable, value=text, environments=environments, tenants=tenants, steps=steps, by=None, now=NOW)


def library(name="Databases", *projects):
    made = VariableSet.objects.create(name=name, description="Where they are.")
    made.projects.set(projects)
    return made


def form(**values):
    return {"name": "Database.Host", "value": "db.example.test", **values}


@pytest.mark.parametrize(
    "path", ["/variables/", "/variables/1/", "/projects/shop/variables/", "/releases/1/variables/", "/variables/values/1/", "/templates/try/"]
)
def test_pages_need_somebody_signed_in(client, path):
    assert client.get(path)["Location"].startswith("/sign-in/")


def test_pages_that_change_need_a_permission(client, reader):
    make_project()
    made, variable = library(), value()
    asked = [
        ("add_variable", "/projects/shop/variables/new/"),
        ("add_variable", f"/variables/{made.pk}/new/"),
        ("change_variable", f"/variables/values/{variable.pk}/"),
        ("delete_variable", f"/variables/values/{variable.pk}/remove/"),
        ("add_variableset", "/variables/new/"),
        ("change_variableset", f"/variables/{made.pk}/edit/"),
        ("delete_variableset", f"/variables/{made.pk}/remove/"),
    ]

    refused = [client.get(path).status_code for _, path in asked] + [client.post("/projects/shop/variables/sets/", {"set": made.pk}).status_code]
    permit(reader, *(permission for permission, _ in asked))
    allowed = [client.get(path).status_code for _, path in asked]

    assert refused == [403] * 8
    assert allowed == [200] * 7


def test_list_counts_values_and_says_who_includes_a_set(client, admin, django_assert_max_num_queries):
    shop = make_project()
    make_project("ledger")
    value()
    value("Database.Password", SECRET, is_sensitive=True)
    value("Region", "eu", of=library("Databases", shop))

    with django_assert_max_num_queries(12):
        page = text_of(client.get("/variables/"))

    for said in ("Shop 2, 1 sensitive Databases", "Ledger none none", "Databases Where they are. 1 Shop"):
        assert said in page


def test_list_says_what_to_do_when_there_is_nothing(client, admin):
    page = text_of(client.get("/variables/"))

    assert "There is no project yet. Add one in the admin" in page
    assert "No library set yet." in page


def test_a_projects_page_groups_by_name_and_never_shows_a_sensitive_value(client, admin):
    shop = make_project()
    value(environments=[make_environment()], tenants=[make_tenant()], steps=["Deploy"])
    value("database.host", "elsewhere")
    value("Database.Password", SECRET, is_sensitive=True)
    value("Region", "eu", of=library("Databases", shop))

    answer = client.get("/projects/shop/variables/")
    page = text_of(answer)

    assert "Database.Host db.example.test Production Tenant North Step Deploy the project" in page
    assert "database.host elsewhere everywhere the project" in page
    assert "Database.Password Sensitive, write-only everywhere" in page
    assert "Region eu everywhere Databases" in page
    assert "Releases made from now on take these 4 values along. Releases made before keep what they had." in page
    assert SECRET not in answer.content.decode()
    assert Variable.objects.get(name="Database.Password").value_encrypted not in answer.content.decode()


def test_the_filter_takes_names_values_and_environments(client, admin):
    value(environments=[make_environment()])
    value("Region", "db-land", environments=[make_environment("staging")])
    value("Other", "x")
    value("Database.Password", "db-secret", is_sensitive=True, environments=[make_environment("staging")])

    by_text = client.get("/projects/shop/variables/?q=DB").content.decode()
    by_place = client.get("/projects/shop/variables/?environment=production").content.decode()
    nothing = text_of(client.get("/projects/shop/variables/?q=zzz&environment=nowhere"))

    assert [name in by_text for name in ("Database.Host<", "Region<", "Other<", "Database.Password<")] == [True, True, False, False]
    assert [name in by_place for name in ("Database.Host<", "Region<", "Other<", "Database.Password<")] == [True, False, True, False]
    assert "No variable matches. Show all 4 ." in nothing
    assert "There is no environment “nowhere”; that filter was ignored." in nothing


def test_two_values_of_the_same_rank_are_told(client, admin):
    production, staging, dev = make_environment(), make_environment("staging"), make_environment("dev")
    value(environments=[production, staging])
    value(environments=[production, dev])
    value(environments=[production], tenants=[make_tenant()])
    value("Fine", environments=[staging])
    value("Fine", environments=[dev])

    page = text_of(client.get("/projects/shop/variables/"))

    assert page.count("two values of the same rank") == 1
    assert (
        "“Database.Host” has two values of the same rank: the one for Production or Staging, which counts because it was defined first, "
        "and the one for Dev or Production. Scope one of them more narrowly, or delete it."
    ) in page


def test_sets_of_a_project_that_tie_are_told_by_name_and_its_own_value_settles_it(client, admin):
    shop = make_project()
    value("Region", of=library("Databases", shop))
    value("Region", of=library("Networks", shop))

    assert "the one for everywhere (of Databases), which counts" in text_of(client.get("/projects/shop/variables/"))


def test_releases_say_whether_they_keep_the_variables_as_they_are(client, admin):
    shop = make_project()
    release_row("1.4.1")
    value()
    release_row("1.4.2", variables=snapshot_of(shop))

    page = text_of(client.get("/projects/shop/variables/"))

    assert "1.4.2 has the variables as they are now" in page
    assert "1.4.1 has other values of 1.4.1" in page


def test_a_variable_is_added_with_its_scope(client, admin):
    make_environment()
    make_tenant()
    Step.objects.create(project=make_project(), position=1, name="Deploy")

    answer = client.post("/projects/shop/variables/new/", form(environments=["production"], tenants=["north"], steps=["Deploy"]), follow=True)

    assert answer.redirect_chain == [("/projects/shop/variables/", 302)]
    assert "Database.Host was saved. Releases made from now on take it along." in text_of(answer)
    found = Variable.objects.get()
    assert (found.variable_set.project.slug, found.value, found.steps) == ("shop", "db.example.test", ["Deploy"])
    assert [place.slug for place in found.environments.all()] == ["production"]


def test_the_form_of_a_project_offers_its_steps_and_that_of_a_set_none(client, admin):
    Step.objects.create(project=make_project(), position=1, name="Deploy")

    assert 'value="Deploy"' in client.get("/projects/shop/variables/new/?name=Region").content.decode()
    assert 'name="steps"' not in client.get(f"/variables/{library().pk}/new/").content.decode()
    assert 'value="Region"' in client.get("/projects/shop/variables/new/?name=Region").content.decode()
    assert not VariableSet.objects.filter(project__isnull=False).exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "Octopus.Mine"}, "Octoargo’s own. Choose another."),
        ({"name": "database.HOST"}, "“Database.Host” has one that applies everywhere already."),
        ({"name": "New", "environments": ["nowhere"]}, "nowhere is not one of the available choices"),
        ({"name": "New", "value": "x" * 100_001}, "at most 100,000 characters"),
    ],
)
def test_a_refused_variable_is_a_422_with_the_form(client, admin, values, said):
    value()

    answer = client.post("/projects/shop/variables/new/", form(**values))

    assert answer.status_code == 422
    assert said in text_of(answer)
    assert Variable.objects.count() == 1


def test_no_page_of_a_sensitive_variable_holds_its_value(client, admin):
    variable = value("Database.Password", SECRET, is_sensitive=True)
    pages = [client.get(path) for path in (f"/variables/values/{variable.pk}/", f"/variables/values/{variable.pk}/remove/")]
    pages.append(client.post(f"/variables/values/{variable.pk}/", form(name="Octopus.X", value=f"{SECRET}-2", is_sensitive="on")))

    assert pages[2].status_code == 422
    assert "Enter the sensitive value again: it is not shown." in text_of(pages[2])
    for page in pages:
        assert SECRET not in page.content.decode()
        assert Variable.objects.get().value_encrypted not in page.content.decode()


def test_an_empty_field_keeps_a_sensitive_value_and_the_clear_demands_a_new_one(client, admin):
    variable = value("Database.Password", SECRET, is_sensitive=True)
    address = f"/variables/values/{variable.pk}/"

    kept = client.post(address, form(name="Db.Password", value="", is_sensitive="on"))
    refused = client.post(address, form(name="Db.Password", value=""))

    assert kept.status_code == 302
    assert refused.status_code == 422
    assert "enter the value anew to keep it in the clear" in text_of(refused)
    found = Variable.objects.get()
    assert (found.name, found.is_sensitive, found.value_encrypted) == ("Db.Password", True, variable.value_encrypted)


def test_a_value_is_deleted_after_a_question(client, admin):
    variable = value()
    address = f"/variables/values/{variable.pk}/remove/"

    assert "Delete Database.Host?" in text_of(client.get(address))
    answer = client.post(address, follow=True)

    assert "Database.Host was deleted. Releases made before keep it." in text_of(answer)
    assert not Variable.objects.exists()


def test_markup_in_names_and_values_is_text(client, admin):
    value("<b>bold</b>", "<script>alert(1)</script>\n" * 3)

    page = client.get("/projects/shop/variables/").content.decode()

    assert "<script>alert" not in page
    assert "<b>bold" not in page


def test_a_release_shows_what_it_kept(client, admin):
    shop = make_project()
    value(environments=[make_environment()])
    value("Database.Password", SECRET, is_sensitive=True)
    value("Region", "eu", of=library("Databases", shop))
    release = release_row(variables=snapshot_of(shop))
    Variable.objects.all().delete()

    answer = client.get(f"/releases/{release.pk}/variables/")

    for said in ("Database.Host db.example.test Production the project", "Database.Password Sensitive, write-only", "Region eu everywhere Databases"):
        assert said in text_of(answer)
    assert "/variables/values/" not in answer.content.decode()


def test_a_release_without_variables_and_unknown_ones(client, admin):
    release = Release.objects.create(project=make_project(), version="1", images=[], process=[], created_at=NOW)

    assert "This release was made without variables." in text_of(client.get(f"/releases/{release.pk}/variables/"))
    for path in (
        "/releases/999999/variables/",
        "/projects/nobody/variables/",
        "/variables/999999/",
        "/variables/values/999999/",
        f"/variables/{set_of(make_project()).pk}/",
    ):
        assert client.get(path).status_code == 404


def test_many_variables_are_paged_and_quick(client, admin, django_assert_max_num_queries):
    own = set_of(make_project())
    Variable.objects.bulk_create(Variable(variable_set=own, name=f"Name.{number:03}", value="x") for number in range(450))

    with django_assert_max_num_queries(20):
        first = client.get("/projects/shop/variables/")

    assert "1 to 200 of 450" in text_of(first)
    assert "Name.200" not in text_of(first)
    assert "Name.449" in text_of(client.get("/projects/shop/variables/?page=3"))
    assert "1 to" not in text_of(client.get("/projects/shop/variables/?q=name.44"))
