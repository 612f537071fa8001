"""The release's form with an archive of templates, the release's page, and the dry run of manifests."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from deployments.models import Release, Step, TemplateArchive
from tests.deployments.factories import make_world
from tests.deployments.templates import make_manifests_release, make_templates, set_variable, zip_of
from tests.deployments.views.pages import text_of
from tests.factories import make_environment, make_project

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]


@pytest.fixture
def step():
    return Step.objects.create(project=make_project(), position=1, name="Manifests", kind="update_manifests", template_origin="archive")


def form(**values):
    return {"project": "shop", "version": "2.0.0", "images": "", "notes": "", "then": "nothing", **values}


def packed(name="shop.zip", files=(("config.yaml", b"a: 1\n"),)):
    return SimpleUploadedFile(name, zip_of(files))


def test_the_form_asks_for_an_archive_only_where_a_step_takes_one(client, admin, step):
    make_project("ledger")

    assert b'type="file"' in client.get("/releases/new/?project=shop").content
    assert b'type="file"' not in client.get("/releases/new/?project=ledger").content


def test_a_release_is_made_with_an_upload_and_its_page_tells_it(client, admin, step):
    response = client.post("/releases/new/", form(archive=packed()))

    release = Release.objects.get()
    assert response["Location"] == f"/releases/{release.pk}/"
    page = text_of(client.get(response["Location"]))
    assert f"Templates shop.zip SHA-256 {TemplateArchive.objects.get().sha256} everything in it" in page
    assert "Images none" in page


def test_what_was_uploaded_before_is_offered(client, admin, step):
    refused = client.post("/releases/new/", form(version=" ", archive=packed()))
    assert refused.status_code == 422
    client.post("/releases/new/", form(archive=packed()))
    archive = TemplateArchive.objects.get()

    assert "Or one that was uploaded before" in text_of(client.get("/releases/new/?project=shop"))
    assert client.post("/releases/new/", form(version="2.0.1", stored_archive=archive.pk)).status_code == 302
    assert Release.objects.get(version="2.0.1").process[0]["templates"]["archive"] == archive.pk


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "Step “Manifests” takes its templates from an archive. Choose or upload one, a zip or a tar.gz."),
        ({"archive": packed(files=[("../x.yaml", b"")])}, "shop.zip holds ../x.yaml, which leaves the archive. Pack it again from inside its folder."),
        ({"archive": SimpleUploadedFile("shop.zip", b"no zip")}, "shop.zip is neither a zip nor a tar.gz. Pack the templates as one of these."),
    ],
)
def test_a_release_is_refused_beside_the_field(client, admin, step, values, sentence):
    response = client.post("/releases/new/", form(**values))

    assert response.status_code == 422
    assert sentence in text_of(response)
    assert not Release.objects.exists()


def test_an_upload_that_is_too_large_is_told(client, admin, step, settings):
    settings.LARGEST_UPLOAD = 50_000
    response = client.post("/releases/new/", form(archive=SimpleUploadedFile("shop.zip", bytes(200_000))))

    assert response.status_code == 422
    assert "The archive is bigger than 0 MB. Pack the templates only." in text_of(response)
    assert not TemplateArchive.objects.exists()


def test_a_releases_page_names_repository_branch_commit_and_folder(client, admin, tmp_path):
    origin = make_templates(tmp_path)
    release = make_manifests_release()

    page = text_of(client.get(f"/releases/{release.pk}/"))
    assert f", branch main {origin.repository.head()[:7]} base" in page


def test_the_dry_run_shows_new_and_deleted_files(client, admin, tmp_path):
    make_world(tmp_path)
    set_variable("Database.Host", "db.example.test")
    make_templates(tmp_path, purge_output=True)
    release = make_manifests_release()

    page = text_of(client.get(f"/releases/{release.pk}/deploy/?environment={make_environment().slug}"))
    assert "apps/shop-web/config.yaml (new)" in page
    assert "apps/shop-web/web.yaml (would be deleted)" in page
    assert "Deleted: apps/shop-web/web.yaml is not among the templates." in page


def test_the_dry_run_tells_every_template_error(client, admin, tmp_path):
    make_world(tmp_path)
    set_variable("Database.Host", is_sensitive=True)
    make_templates(tmp_path, {"base/a.yaml": "\nx: #{Database.Host}", "base/b.yaml": "#{Missing}"})
    release = make_manifests_release()

    page = text_of(client.get(f"/releases/{release.pk}/deploy/?environment={make_environment().slug}"))
    assert "variable Database.Host is sensitive and template a.yaml uses it in line 2, column 4." in page
    assert "variable Missing is not defined and template b.yaml uses it in line 1, column 1." in page
    assert "Deploy anyway to verify" not in page
