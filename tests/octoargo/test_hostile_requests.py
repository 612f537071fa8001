"""Whatever an address or a form holds, the answer is a page with a sentence: never an error of ours."""

import pytest
from django.test import Client
from django.urls import reverse

from deployments.models import Deployment
from deployments.services import create_deployment
from tests.deployments.factories import make_release
from tests.factories import NOW, make_application, make_environment, make_instance, make_source, make_user

pytestmark = pytest.mark.django_db

HOSTILE = {
    "nul": "a%00b",
    "invalid UTF-8": "%FF%C0%AF",
    "half a pair": "%ED%A0%80",
    "long": "a" * 20_000,
    "many words": "+".join(["a"] * 2_000),
    "huge number": "9" * 5_000,
    "negative": "-1",
}
LISTS = {
    "overview": ["q", "environment", "page", "unfold", "show"],
    "instances": ["q", "state", "environment", "sort", "page"],
    "applications": ["q", "project", "environment", "tenant", "instance", "health", "sync", "live", "mapped", "sort", "page"],
    "deployments": ["project", "environment", "status", "page"],
    "releases": ["project", "page"],
    "release-new": ["project"],
    "login": ["next"],
}


@pytest.fixture
def signed_in():
    client = Client(raise_request_exception=False)
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def world():
    instance = make_instance("eu-west")
    application = make_application(instance=instance)
    source = make_source(application)
    release = make_release()
    deployment = create_deployment(release=release, environment=source.environment, by=None, now=NOW)
    return {"application": application, "release": release, "deployment": deployment}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_list_breaks_on_its_address(signed_in, world, kind):
    statuses = {}
    for name, parameters in LISTS.items():
        for parameter in parameters:
            statuses[name, parameter] = signed_in.get(f"{reverse(name)}?{parameter}={HOSTILE[kind]}").status_code

    assert {place: status for place, status in statuses.items() if status >= 500} == {}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_page_breaks_on_its_address(signed_in, world, kind):
    text = HOSTILE[kind]
    release, application = world["release"].pk, world["application"].pk
    addresses = [
        f"/instances/{text}/",
        f"/instances/eu-west/?part={text}&page={text}",
        f"/instances/eu-west/annotations/?application={text}",
        f"/instances/eu-west/annotations/?application={application}&project={text}&environment={text}&tenant={text}&source={text}",
        f"/applications/{text}/",
        f"/applications/{application}/?tab={text}",
        f"/deployments/{text}/",
        f"/releases/{text}/",
        f"/releases/{release}/deploy/?environment={text}&tenant={text}",
        f"/admin/infrastructure/application/?q={text}",
        f"/admin/infrastructure/mappingrule/add/?name={text}&instance={text}&application_name={text}",
        f"/admin/infrastructure/gitcredential/{text}/change/",
        f"/known-hosts/?q={text}&page={text}",
        f"/{text}",
    ]
    statuses = {address[:60]: signed_in.get(address).status_code for address in addresses}

    assert {place: status for place, status in statuses.items() if status >= 500} == {}


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ufffd", "x" * 50_000, "\u202e", "'\"><script>alert(1)</script>"])
def test_no_form_breaks_on_its_fields(signed_in, world, text):
    release, application, deployment = world["release"].pk, world["application"].pk, world["deployment"].pk
    every = ["name", "environments", "new_environments", "api_url", "tls_mode", "ca_bundle", "may", "argocd_token", "token_secret", "web_ui_url"]
    forms = {
        "/instances/add/": every,
        "/instances/eu-west/edit/": ["environments", "new_environments", "web_ui_url"],
        "/instances/eu-west/check/": ["from"],
        "/releases/new/": ["project", "version", "notes", "images", "then", "environment"],
        f"/releases/{release}/deploy/": ["environment", "tenant"],
        f"/applications/{application}/act/": ["do", "source"],
        f"/deployments/{deployment}/act/": ["do"],
        "/sign-in/": ["username", "password", "next"],
        "/admin/infrastructure/environment/add/": ["slug", "name", "position"],
        "/admin/infrastructure/mappingrule/add/": ["name", "instance", "argo_project", "application_name", "path", "label_selector", "repository", "project"],
        "/admin/infrastructure/gitcredential/add/": ["name", "kind", "username", "secret", "private_key", "repositories", "known_hosts", "test_url"],
        "/known-hosts/": ["do", "host", "port", "key_type", "key", "lines", "known_host"],
        "/admin/auth/user/add/": ["username", "password1", "password2"],
    }
    statuses = {}
    for address, fields in forms.items():
        statuses[address] = signed_in.post(address, dict.fromkeys(fields, text)).status_code

    assert {place: status for place, status in statuses.items() if status >= 500} == {}
    assert Deployment.objects.count() == 1


def test_a_form_that_is_right_but_for_one_character_is_refused(signed_in, world):
    make_environment("production")
    right = {"project": "shop", "version": "9.9.9", "notes": "why", "images": "ghcr.io/acme/web:9.9.9", "then": "nothing", "environment": "production"}
    for field in right:
        answer = signed_in.post("/releases/new/", {**right, field: right[field] + "\x00"})

        assert 400 <= answer.status_code < 500, field


@pytest.mark.parametrize(
    ("address", "fields", "permission"),
    [
        ("/instances/add/", {}, "infrastructure.add_argoinstance"),
        ("/instances/eu-west/edit/", {}, "infrastructure.change_argoinstance"),
        ("/instances/eu-west/remove/", {}, "infrastructure.delete_argoinstance"),
        ("/instances/eu-west/token/", {}, "infrastructure.add_argoinstance"),
        ("/instances/eu-west/check/", {}, "infrastructure.add_healthcheck"),
        ("/instances/eu-west/rotate-key/", {}, "infrastructure.change_argoinstance"),
        ("/instances/eu-west/revoke-key/", {}, "infrastructure.change_argoinstance"),
        ("/releases/new/", {}, "deployments.add_release"),
        ("/releases/{release}/deploy/", {"environment": "production"}, "deployments.add_deployment"),
        ("/deployments/{deployment}/act/", {"do": "cancel"}, "deployments.change_deployment"),
        ("/applications/{application}/act/", {"do": "refresh"}, "infrastructure.change_application"),
        ("/applications/{application}/act/", {"do": "accept"}, "deployments.change_livestate"),
        ("/applications/{application}/act/", {"do": "deploy-again"}, "deployments.add_deployment"),
    ],
)
def test_who_may_not_change_is_told_which_permission_is_missing(client, world, address, fields, permission):
    client.force_login(make_user())

    answer = client.post(address.format(**{name: row.pk for name, row in world.items()}), fields)

    assert answer.status_code == 403
    assert permission in answer.content.decode()


def test_who_may_not_change_may_look(client, world):
    client.force_login(make_user())
    pages = ["/", "/instances/", "/instances/eu-west/", "/applications/", "/deployments/", "/releases/"]
    pages += [world[name].get_absolute_url() for name in ("application", "release", "deployment")]

    assert {page: client.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


def test_a_form_of_too_many_fields_or_bytes_is_refused(signed_in, world):
    many = signed_in.post("/releases/new/", {f"field{number}": "1" for number in range(2_000)})
    large = signed_in.post("/releases/new/", data="notes=" + "x" * 3_000_000, content_type="application/x-www-form-urlencoded")

    assert 400 <= many.status_code < 500
    assert 400 <= large.status_code < 500


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "unicode_escape"])
def test_a_form_in_a_strange_encoding_is_refused_or_read(signed_in, world, charset):
    for form in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        body = '--x\r\nContent-Disposition: form-data; name="version"\r\n\r\n\\ud800\r\n--x--\r\n' if "multipart" in form else "version=%5Cud800&project=shop"
        answer = signed_in.post("/releases/new/?q=%5Cud800", data=body.encode(), content_type=f"{form}; charset={charset}")

        assert answer.status_code < 500
