"""Trying a template: its text or its errors, where they are, what it used, and nothing stored."""

import pytest

from deployments.models import Release, Step, Variable, VariableSet
from deployments.services.variables import save_variable, set_of, snapshot_of
from infrastructure.models import Event
from tests.deployments.views.pages import release_row, text_of
from tests.factories import NOW, make_environment, make_project, make_tenant

pytestmark = pytest.mark.django_db
SECRET = "hunter-2-is-not-it"


@pytest.fixture
def shop():
    make_environment()
    return make_project()


def value(name, text, *, of=None, environments=(), tenants=(), steps=(), is_sensitive=False):
    variable = Variable(variable_set=of or set_of(make_project()), name=name, is_sensitive=is_sensitive)
    return save_variable(variable=variable, value=text, environments=environments, tenants=tenants, steps=steps, by=None, now=NOW)


def attempt(client, template, **values):
    return client.post("/templates/try/", {"project": "shop", "release": "", "environment": "production", "mode": "continuing", "template": template, **values})


def test_without_a_project_or_an_environment_it_says_what_to_do(client, admin):
    assert "There is no project yet. Add one in the admin" in text_of(client.get("/templates/try/"))
    make_project()
    assert "There is no environment yet. Add one in the admin" in text_of(client.get("/templates/try/"))


def test_the_form_begins_with_what_the_address_says(client, admin, shop):
    make_project("ledger")
    release = release_row()

    page = client.get(f"/templates/try/?project=shop&release={release.pk}").content.decode()

    assert f'<option value="{release.pk}" selected>Shop 1.4.2</option>' in page
    assert "As the process and variables are now" in page
    assert "Try a template with Ledger" in text_of(client.get("/templates/try/?project=ledger"))


def test_it_renders_with_the_variables_as_they_are_now(client, admin, shop):
    value("Host", "db.example.test")

    answer = attempt(client, "host: #{Host}\r\nhttps://#{Host}/")

    assert answer.status_code == 200
    assert "host: db.example.test\nhttps://db.example.test/</code>" in answer.content.decode()
    assert "It renders. A deployment would write this text." in text_of(answer)
    assert "Host db.example.test Shop’s variables" in text_of(answer)


def test_it_renders_with_what_a_release_kept(client, admin, shop):
    variable = value("Host", "old.example.test")
    release = release_row(variables=snapshot_of(shop))
    variable.value = "new.example.test"
    variable.save()

    kept = attempt(client, "#{Host}", release=release.pk)
    now = attempt(client, "#{Host}")

    assert "<code>old.example.test</code></pre>" in kept.content.decode()
    assert "<code>new.example.test</code></pre>" in now.content.decode()


def test_environment_tenant_and_step_decide(client, admin, shop):
    make_environment("staging")
    north = make_tenant()
    Step.objects.create(project=shop, position=1, name="Deploy")
    value("Where", "everywhere")
    value("Where", "production", environments=[make_environment()])
    value("Where", "north", tenants=[north])
    value("Where", "deploying", steps=["Deploy"])

    tried = [
        attempt(client, "#{Where}!", **values).content.decode()
        for values in ({"environment": "staging"}, {}, {"tenant": "north"}, {"tenant": "north", "step": "Deploy"})
    ]

    for page, said in zip(tried, ("everywhere", "production", "north", "deploying"), strict=True):
        assert f"<code>{said}!</code></pre>" in page


def test_errors_have_line_and_column_and_their_places_are_marked(client, admin, shop):
    answer = attempt(client, "a: 1\nb: #{Unknown.Name} and #{Other} <b>\nc: 2")
    page = answer.content.decode()

    assert answer.status_code == 422
    assert "2 errors: a deployment would fail before anything is written." in text_of(answer)
    assert "1 line 2, column 4 #{Unknown.Name}" in text_of(answer)
    assert "2 line 2, column 24 #{Other}" in text_of(answer)
    assert "<mark>#{Unknown.Name}</mark>" in page
    assert "<mark>#{Other}</mark>" in page
    assert "&lt;b&gt;" in page
    assert "Unknown.Name not defined here" in text_of(answer)
    assert 'id="rendered"' not in page


def test_a_sensitive_variable_is_an_error_and_its_value_nowhere(client, admin, shop):
    value("Database.Password", SECRET, is_sensitive=True)
    value("Url", "https://wren:#{Database.Password}@db")

    answer = attempt(client, "x\n  #{Url}\n#{Database.Password}")

    assert answer.status_code == 422
    assert "line 2, column 3" in text_of(answer)
    assert "line 3, column 1" in text_of(answer)
    assert "Database.Password through Url Sensitive, withheld" in text_of(answer) or "Database.Password Sensitive, withheld" in text_of(answer)
    assert "is sensitive" in text_of(answer)
    assert SECRET not in answer.content.decode()


def test_a_message_is_all_or_nothing_and_a_file_keeps_what_is_no_tag(client, admin, shop):
    broken = "#{bad!} stays"

    assert attempt(client, broken).status_code == 200
    answer = attempt(client, broken, mode="halting")

    assert answer.status_code == 422
    assert "line 1, column 1" in text_of(answer)


def test_values_tell_where_they_came_from(client, admin, shop):
    made = VariableSet.objects.create(name="Databases")
    made.projects.add(shop)
    value("Host", "shared", of=made)
    value("Config", '{"port": 5432}')

    page = text_of(attempt(client, "#{Host} #{Config.port} #{Octopus.Environment.Name} #{Octopus.Release.Number}"))

    assert "Host shared library set Databases" in page
    assert 'Config {"port": 5432} Shop’s variables' in page
    assert "Octopus.Environment.Name Production Octoargo" in page
    assert "Octopus.Release.Number 0.0.0 Octoargo" in page


def test_ties_are_told(client, admin, shop):
    value("Host", "a", environments=[make_environment(), make_environment("staging")])
    value("Host", "b", environments=[make_environment(), make_environment("dev")])

    assert "Host" in text_of(attempt(client, "#{Host}"))
    assert "several values" in text_of(attempt(client, "#{Host}"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"template": " "}, "It renders."),
        ({"template": ""}, "Write a template, or paste one."),
        ({"environment": "nowhere"}, "Environment: Select a valid choice."),
        ({"release": "999999"}, "There is no such release of this project."),
        ({"release": "9" * 40}, "There is no such release of this project."),
        ({"mode": "odd"}, "odd is not one of the available choices"),
        ({"template": "x" * 200_001}, "at most 200000 characters"),
    ],
)
def test_a_form_that_cannot_be_tried_is_a_422(client, admin, shop, values, said):
    answer = attempt(client, **{"template": "x", **values})

    assert answer.status_code == (200 if said == "It renders." else 422)
    assert said in text_of(answer)


def test_a_release_of_another_project_is_refused(client, admin, shop):
    other = release_row(project=make_project("ledger"))

    assert attempt(client, "x", release=other.pk).status_code == 422


def test_an_old_release_can_be_asked_for_though_the_list_is_short(client, admin, shop):
    old = release_row("0.1", variables=[])
    Release.objects.bulk_create(Release(project=shop, version=f"1.{index}", images=[], process=[], created_at=NOW) for index in range(60))
    Release.objects.filter(pk=old.pk).update(created_at=NOW.replace(year=2020))

    assert attempt(client, "x", release=old.pk).status_code == 200


def test_nothing_is_stored(client, admin, shop):
    attempt(client, "#{Host} secret words")

    assert not Release.objects.exists()
    assert not Event.objects.exists()
    assert not VariableSet.objects.exists()


def test_loops_collections_and_looks_into_json_are_told_as_what_they_are(client, admin, shop):
    value("Servers[eu].Host", "eu.example.test")
    value("Servers[us].Host", "us.example.test")
    value("Database.Host", "db")
    value("Which", "eu")

    page = text_of(attempt(client, "#{each s in Servers}#{s.Host}#{Octopus.Template.Each.Index},#{/each}#{Servers[#{Which}].Host} #{Database.Hots}"))

    assert "Servers a collection, 2 values below it" in page
    assert "Servers[#{Which}].Host a collection, 2 values below it" in page
    assert "Database.Hots not defined here" in page
    assert "s.Host not defined" not in page
    assert "Each.Index not defined" not in page


def test_a_long_template_shows_only_the_lines_with_errors(client, admin, shop):
    answer = attempt(client, "x\n" * 3_000 + "#{Unknown}\n")

    assert "line 3001, column 1" in text_of(answer)
    assert answer.content.count(b'class="ln"') == 1


def test_a_long_text_is_cut(client, admin, shop):
    value("Long", "x" * 99_999)

    answer = attempt(client, "#{Long}" * 6)

    assert "only its beginning is shown" in text_of(answer)
    assert len(answer.content) < 1_000_000
