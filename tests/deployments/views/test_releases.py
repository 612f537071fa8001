"""The pages of releases: the list, a new one, one release, and what it would change."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission

from deployments.models import Deployment, Release, Step
from tests.deployments.factories import make_release, make_world
from tests.deployments.views.pages import deployment_row, release_row, source_in, text_of
from tests.factories import NOW, make_environment, make_project, make_tenant

pytestmark = pytest.mark.django_db


def permit(user, *names):
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


def form(**values):
    return {"project": "shop", "version": "1.4.2", "images": "ghcr.io/acme/web:1.4.2", "notes": "", "then": "nothing", **values}


@pytest.mark.parametrize("path", ["/releases/", "/releases/new/", "/releases/1/", "/releases/1/deploy/"])
def test_pages_need_somebody_signed_in(client, path):
    assert client.get(path)["Location"].startswith("/sign-in/")


def test_list_shows_filters_and_pages(client, admin, django_assert_max_num_queries):
    shop = make_project()
    Release.objects.bulk_create(
        Release(project=shop, version=f"1.{index}", images=["web:1"], process=[], created_at=NOW + timedelta(minutes=index)) for index in range(70)
    )
    release_row("9.9", project=make_project("ledger"))

    with django_assert_max_num_queries(8):
        page = text_of(client.get("/releases/?project=shop"))

    assert "1 to 50 of 70" in page
    assert "1.69 Shop web:1" in page
    assert "9.9 Ledger" not in page


def test_list_says_when_it_is_empty_and_names_unknown_values(client, admin):
    page = text_of(client.get("/releases/?project=nobody"))

    assert "There is no project “nobody”; that filter was ignored." in page
    assert "No release yet. Make the first one" in page


def test_new_release_without_a_project_says_what_to_do(client, admin):
    assert "There is no project yet. Add one in the admin" in text_of(client.get("/releases/new/"))


def test_new_release_begins_with_the_last_ones_images_and_process(client, admin):
    project = make_project()
    Step.objects.create(project=project, position=1, name="Update the tags")
    source_in(tenant=make_tenant("outlet"))
    release_row("1.4.1")

    page = client.get("/releases/new/?project=shop")

    assert "The last one is 1.4.1." in text_of(page)
    assert b"ghcr.io/acme/web:1.4.1</textarea>" in page.content
    assert "1. Update the tags Applications 1 mapped Tenants Outlet Last release 1.4.1" in text_of(page)


def test_new_release_is_made_and_shown(client, admin):
    make_project()

    response = client.post("/releases/new/", form(notes="Because."))

    release = Release.objects.get()
    assert response["Location"] == f"/releases/{release.pk}/"
    assert (release.version, release.images, release.notes, release.created_by) == ("1.4.2", ["ghcr.io/acme/web:1.4.2"], "Because.", admin)


def test_new_release_leads_to_what_it_would_change(client, admin):
    make_project()
    make_environment("staging")

    response = client.post("/releases/new/", form(then="dry-run", environment="staging"))

    assert response["Location"] == f"/releases/{Release.objects.get().pk}/deploy/?environment=staging"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"version": ""}, "required"),
        ({"images": ""}, "required"),
        ({"images": "ghcr.io/acme/web"}, "tag"),
        ({"images": "ghcr.io/acme/web:"}, "ghcr.io/acme/web:"),
        ({"images": "not an image:1"}, "not an image:1"),
        ({"project": "nobody"}, "valid choice"),
        ({"version": "1.4.1"}, "1.4.1"),
        ({"then": "explode"}, "valid choice"),
        ({"version": "x" * 101}, "100"),
    ],
)
def test_new_release_answers_bad_input_with_a_sentence(client, admin, values, sentence):
    make_project()
    release_row("1.4.1")

    response = client.post("/releases/new/", form(**values))

    page = text_of(response)
    assert response.status_code == 422
    assert "to correct" in page
    assert sentence in page.partition("to correct")[2]
    assert Release.objects.count() == 1


def test_new_release_keeps_what_was_typed(client, admin):
    make_project()

    page = client.post("/releases/new/", form(version="", images="ghcr.io/acme/web", notes="Because.")).content.decode()

    assert "ghcr.io/acme/web</textarea>" in page
    assert "Because.</textarea>" in page


def test_release_shows_what_it_holds_and_where_it_has_been(client, admin):
    release = release_row(notes="Because.")
    deployment_row("failed", release=release, reason="This is why.")

    page = text_of(client.get(f"/releases/{release.pk}/"))

    for said in ("ghcr.io/acme/web:1.4.2", "1. Update image tags, until healthy within 180 s", "Because.", "Failed This is why."):
        assert said in page


def test_release_shows_the_helm_value_paths_of_its_step(client, admin):
    release = make_release(step={"helm_paths": "ghcr.io/acme/web = web.image.tag\nnginx = proxy.tag"})

    assert "Helm value paths: ghcr.io/acme/web = web.image.tag nginx = proxy.tag" in text_of(client.get(f"/releases/{release.pk}/"))


def test_unknown_release_is_a_404(client, admin):
    assert client.get("/releases/99999/").status_code == 404
    assert client.get("/releases/99999/deploy/?environment=production").status_code == 404


def test_pages_that_change_need_a_permission(client, reader):
    release = release_row()
    asked = [("add_release", "/releases/new/"), ("add_deployment", f"/releases/{release.pk}/deploy/?environment=production")]

    refused = [client.get(path).status_code for _, path in asked]
    permit(reader, *(permission for permission, _ in asked))
    allowed = [client.get(path).status_code for _, path in asked]

    assert refused == [403, 403]
    assert 403 not in allowed
    assert client.get(f"/releases/{release.pk}/").status_code == 200


def test_dry_run_shows_the_diff_and_writes_nothing(client, admin, tmp_path, mirrors):
    world = make_world(tmp_path, names=("shop-web", "shop-edge"))
    head = world.repository.head()
    release = make_release()

    response = client.get(f"/releases/{release.pk}/deploy/?environment=production")

    page = text_of(response)
    assert "2 files in 1 repository" in page
    assert "One commit for 2 applications, +2 −2: “Deploy Shop 1.4.2 to Production”" in page
    assert b"<del>1.4.1</del>" in response.content
    assert b"<ins>1.4.2</ins>" in response.content
    assert page.count("Updated:") == 2
    assert world.repository.head() == head
    assert not Deployment.objects.exists()


def test_dry_run_of_what_is_there_already_says_that_nothing_would_change(client, admin, tmp_path, mirrors):
    make_world(tmp_path, tag="1.4.2")

    page = text_of(client.get(f"/releases/{make_release().pk}/deploy/?environment=production"))

    assert "Nothing would change" in page
    assert "Deploy anyway to verify the applications." in page


def test_dry_run_of_a_repository_that_is_away_says_why(client, admin, tmp_path, mirrors):
    make_world(tmp_path, url=f"file://{tmp_path}/nowhere.git")

    page = text_of(client.get(f"/releases/{make_release().pk}/deploy/?environment=production"))

    assert "nowhere" in page
    assert "Nothing would change" in page


def test_deploy_queues_a_deployment(client, admin):
    source_in()
    release = release_row()

    response = client.post(f"/releases/{release.pk}/deploy/", {"environment": "production"})

    deployment = Deployment.objects.get()
    assert response["Location"] == f"/deployments/{deployment.pk}/"
    assert (deployment.status, deployment.created_by, deployment.tenant) == ("queued", admin, None)


def test_deploy_for_a_tenant(client, admin):
    source_in(tenant=make_tenant("outlet"))

    client.post(f"/releases/{release_row().pk}/deploy/", {"environment": "production", "tenant": "outlet"})

    assert Deployment.objects.get().tenant.slug == "outlet"


@pytest.mark.parametrize("method", ["get", "post"])
def test_deploy_to_where_nothing_is_mapped_says_so(client, admin, method):
    make_environment("staging")

    response = getattr(client, method)(f"/releases/{release_row().pk}/deploy/", {"environment": "staging"})

    assert response.status_code == 422
    assert "o application is mapped to Shop and Staging." in text_of(response)
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("values", [{}, {"environment": ""}, {"environment": "prod"}, {"environment": "production", "tenant": "nobody"}])
def test_deploy_to_nowhere_is_answered_with_the_form(client, admin, values):
    make_environment("production")

    response = client.post(f"/releases/{release_row().pk}/deploy/", values)

    assert response.status_code == 422
    assert "to correct" in text_of(response)
