"""The admin: every list opens, changes go through services, rules show what they would map, secrets never come out."""

import pytest
from django.contrib import admin as django_admin
from django.urls import reverse

from infrastructure.models import ApplicationSource, ArgoInstance, Environment, Event, GitCredential, MappingRule
from infrastructure.services import credentials, secret_of
from infrastructure.status import MappedBy
from tests.factories import (
    annotations_for,
    make_application,
    make_content,
    make_environment,
    make_instance,
    make_project,
    make_rule,
    make_source,
    make_tenant,
    make_user,
)

pytestmark = pytest.mark.django_db
OURS = [model for model in django_admin.site._registry if model._meta.app_label == "infrastructure"]


def text_of(response):
    return response.content.decode()


def address(model, page, *args):
    return reverse(f"admin:infrastructure_{model}_{page}", args=args)


def make_rule_values(**values):
    """The admin's form of a rule that maps everything to shop in production."""
    project, environment = make_project(), make_environment()
    empty = dict.fromkeys(["instance", "argo_project", "application_name", "path", "label_selector", "repository", "tenant"], "")
    return {**empty, "name": "all", "is_enabled": "on", "project": project.pk, "environment": environment.pk, **values}


def make_unmapped(name, **values):
    application = make_application(name, content=make_content(name, **values))
    return make_source(application, is_mapped=False, mapped_by=MappedBy.NOTHING, mapping_reason="Not mapped: it carries no annotation and no rule matches.")


def make_credential_values(**values):
    return {
        "name": "platform",
        "username": "octoargo",
        "secret": "hunter2-secret",
        "repositories": "https://git.example.test/platform/*",
        "test_url": "",
        **values,
    }


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.model_name)
def test_every_list_opens(client, admin, model):
    make_source(make_application(instance=make_instance()))
    make_rule()

    response = client.get(reverse(f"admin:infrastructure_{model._meta.model_name}_changelist"), {"q": "shop"})

    assert response.status_code in (200, 302)


def test_sources_list_shows_scope_and_reason_and_filters(client, admin):
    make_source(make_application("shop-production"))
    make_unmapped("cert-manager")
    make_source(make_application("ledger"), is_mapped=False, mapping_reason="Not mapped: no environment has that slug.")
    rule = make_rule("a")
    make_source(make_application("quarrel"), is_mapped=False, mapped_by=MappedBy.RULE, rule=rule, mapping_reason="Not mapped: rules a and b disagree.")
    found = {}
    for value in ("mapped", "problem", "conflict", "none"):
        page = client.get(address("applicationsource", "changelist"), {"mapping": value})
        found[value] = [source.application.name for source in page.context["cl"].queryset]

    page = text_of(client.get(address("applicationsource", "changelist")))

    assert found == {"mapped": ["shop-production"], "problem": ["ledger", "quarrel"], "conflict": ["quarrel"], "none": ["cert-manager"]}
    assert "As its annotations say." in page
    assert "Not mapped: no environment has that slug." in page
    assert "Add a rule" in page


def test_sources_list_asks_a_fixed_number_of_queries(client, admin, django_assert_max_num_queries):
    for _ in range(200):
        make_source()

    with django_assert_max_num_queries(20):
        client.get(address("applicationsource", "changelist"))


def test_rule_preview_shows_before_and_after_and_saves_nothing(client, admin):
    source = make_unmapped("shop-production")
    make_unmapped("search", annotations=annotations_for(project="shop", environment="production"))

    page = text_of(client.post(address("mappingrule", "add"), make_rule_values(application_name="s*", _preview="1")))

    source.refresh_from_db()
    assert "<td>not mapped</td><td>Shop, Production</td>" in page.replace("\n", "")
    assert "1 source would be mapped otherwise. Nothing is saved yet." in page
    assert not MappingRule.objects.exists()
    assert not source.is_mapped


def test_rule_preview_warns_of_two_rules_that_disagree(client, admin):
    other = make_rule("other", project=make_project("catalog"))
    make_source(make_application("shop-production"), mapped_by=MappedBy.RULE, rule=other, project=make_project("catalog"))

    page = text_of(client.post(address("mappingrule", "add"), make_rule_values(_preview="1")))

    assert "1 of them would not be mapped any more" in page
    assert "rules other and all both match shop-production and disagree" in page


def test_rule_preview_names_what_its_annotations_keep(client, admin):
    application = make_application("shop-production", content=make_content("shop-production", annotations=annotations_for()))
    make_source(application)
    make_source(make_application("ledger"))

    page = text_of(client.post(address("mappingrule", "add"), make_rule_values(application_name="shop-*", _preview="1")))

    assert "shop-production matches too, but carries annotations, which win." in page
    assert "ledger" not in page


def test_rule_preview_of_a_saved_rule_narrows_it(client, admin):
    rule = make_rule("all")
    make_source(make_application("ledger"), mapped_by=MappedBy.RULE, rule=rule)

    page = text_of(client.post(address("mappingrule", "change", rule.pk), make_rule_values(application_name="shop-*", _preview="1")))

    rule.refresh_from_db()
    assert "<strong>not mapped</strong>" in page
    assert rule.application_name == ""


def test_rule_preview_of_nothing_says_so(client, admin):
    assert "Nothing would change" in text_of(client.post(address("mappingrule", "add"), make_rule_values(_preview="1")))


@pytest.mark.parametrize("button", ["_save", "_preview"])
def test_rule_with_a_bad_selector_is_refused_at_its_field(client, admin, button):
    response = client.post(address("mappingrule", "add"), make_rule_values(label_selector="team in (", **{button: "1"}))

    assert response.context["adminform"].form.errors["label_selector"]
    assert not MappingRule.objects.exists()


def test_rule_preview_needs_the_permission_to_add(client):
    client.force_login(make_user(is_staff=True))

    assert client.post(address("mappingrule", "add"), make_rule_values(_preview="1")).status_code == 403


def test_rule_saved_and_deleted_decides_mappings_anew(client, admin):
    source = make_unmapped("shop-production")
    client.post(address("mappingrule", "add"), make_rule_values(application_name="shop-*", _save="1"))
    source.refresh_from_db()
    mapped = source.is_mapped, source.mapped_by

    client.post(address("mappingrule", "delete", MappingRule.objects.get().pk), {"post": "yes"})

    source.refresh_from_db()
    assert mapped == (True, MappedBy.RULE)
    assert not source.is_mapped
    assert set(Event.objects.values_list("kind", flat=True)) >= {"mapping_rule_added", "mapping_rule_deleted"}


def test_rule_list_action_deletes_through_the_service(client, admin):
    rule = make_rule()

    client.post(address("mappingrule", "changelist"), {"action": "delete_selected", "_selected_action": rule.pk, "post": "yes"})

    assert not MappingRule.objects.exists()
    assert Event.objects.filter(kind="mapping_rule_deleted").exists()


def test_tenant_renamed_in_the_admin_unmaps_what_named_it(client, admin):
    tenant = make_tenant("north")
    application = make_application("shop", content=make_content("shop", annotations=annotations_for(tenant="north")))
    source = make_source(application, tenant=tenant)

    client.post(address("tenant", "change", tenant.pk), {"name": "Far north", "slug": "far-north"})

    source.refresh_from_db()
    assert not source.is_mapped
    assert "no tenant has that slug" in source.mapping_reason


def test_environment_added_in_the_admin_maps_what_named_it(client, admin):
    make_project("shop")
    instance = make_instance(environments=[make_environment("production")])
    application = make_application("shop", instance=instance, content=make_content("shop", annotations=annotations_for(environment="canary")))
    source = make_source(application, is_mapped=False)

    client.post(address("environment", "add"), {"name": "Canary", "slug": "canary", "position": "3"})
    source.refresh_from_db()
    refused = source.mapping_reason
    values = {
        "environments": list(Environment.objects.values_list("pk", flat=True)),
        "api_url": "https://argocd-server",
        "tls_mode": "verify",
        "may_sync": "on",
    }
    client.post(address("argoinstance", "change", instance.pk), {**values, "web_ui_url": "", "ca_bundle": "", "token_secret": ""})

    source.refresh_from_db()
    assert "does not serve Canary" in refused
    assert source.is_mapped


def test_instance_refused_by_its_service_says_why(client, admin):
    instance = make_instance("eu-west")
    values = {"environments": [make_environment().pk], "api_url": "http://argocd", "tls_mode": "verify", "web_ui_url": "", "ca_bundle": "", "token_secret": ""}

    response = client.post(address("argoinstance", "change", instance.pk), values, follow=True)

    instance.refresh_from_db()
    assert "needs the mode plaintext" in text_of(response)
    assert instance.api_url.startswith("https://")


def test_instance_is_added_in_the_wizard(client, admin):
    assert client.get(address("argoinstance", "add"))["Location"] == "/instances/add/"


def test_instance_deleted_in_the_admin_goes_through_the_service(client, admin):
    instance = make_instance("eu-west")

    client.post(address("argoinstance", "delete", instance.pk), {"post": "yes"})

    assert not ArgoInstance.objects.exists()
    assert Event.objects.filter(kind="instance_removed").exists()


def test_credential_secret_is_written_encrypted_and_never_rendered(client, admin):
    client.post(address("gitcredential", "add"), make_credential_values())

    credential = GitCredential.objects.get()
    pages = [text_of(client.get(address("gitcredential", "change", credential.pk))), text_of(client.get(address("gitcredential", "changelist")))]
    assert secret_of(credential) == "hunter2-secret"
    assert "hunter2" not in credential.secret_encrypted
    assert all("hunter2" not in page and credential.secret_encrypted not in page for page in pages)


def test_credential_with_an_empty_field_keeps_its_secret(client, admin):
    client.post(address("gitcredential", "add"), make_credential_values())
    credential = GitCredential.objects.get()

    client.post(address("gitcredential", "change", credential.pk), make_credential_values(secret="", username="other"))

    credential.refresh_from_db()
    assert credential.username == "other"
    assert secret_of(credential) == "hunter2-secret"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"secret": ""}, "secret"),
        ({"repositories": "not a url"}, "repositories"),
        ({"repositories": ""}, "repositories"),
        ({"name": ""}, "name"),
    ],
)
def test_credential_answers_bad_input_at_its_field(client, admin, values, field):
    response = client.post(address("gitcredential", "add"), make_credential_values(**values))

    assert response.context["adminform"].form.errors[field]
    assert "hunter2" not in text_of(response)
    assert not GitCredential.objects.exists()


def test_credential_test_button_says_what_came_of_it(client, admin, monkeypatch):
    asked = []

    def look(url, credential):
        asked.append((url, credential.username, secret_of(credential)))
        return "It opens, with 3 branches."

    monkeypatch.setattr(credentials, "access_test", look)
    values = make_credential_values(test_url="https://git.example.test/platform/shop.git", _test="1")

    page = text_of(client.post(address("gitcredential", "add"), values, follow=True))

    assert asked == [("https://git.example.test/platform/shop.git", "octoargo", "hunter2-secret")]
    assert "Saved and tested: It opens, with 3 branches." in page
    assert GitCredential.objects.get().test_result == "It opens, with 3 branches."


@pytest.mark.parametrize(
    ("test_url", "sentence"), [("", "every line of the allow-list has a *"), ("https://elsewhere.example.test/x.git", "no line of its allow-list matches")]
)
def test_credential_is_tried_only_where_it_may_be_used(client, admin, test_url, sentence):
    page = text_of(client.post(address("gitcredential", "add"), make_credential_values(test_url=test_url, _test="1"), follow=True))

    assert sentence in page


@pytest.mark.parametrize("model", ["gateway", "registrationtoken", "healthcheck", "connectionspan", "application", "applicationsource", "event"])
def test_rows_of_ours_are_read_only(client, admin, model):
    assert client.get(address(model, "add")).status_code == 403


def test_sources_that_are_gone_are_not_listed(client, admin):
    make_source()
    ApplicationSource.objects.update(removed_at="2026-11-21T14:30Z")

    assert client.get(address("applicationsource", "changelist")).context["cl"].result_count == 0
