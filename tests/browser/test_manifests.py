"""Pages of releases with templates: the form with an archive, what is pinned, and the dry run with its errors, in every size and scheme."""

import pytest

from deployments.models import Step
from tests.browser.conftest import SIZES
from tests.deployments.factories import make_world
from tests.deployments.templates import make_manifests_release, make_templates, set_variable, zip_of
from tests.factories import make_environment, make_project

pytestmark = pytest.mark.usefixtures("mirrors")
LONG = "base/a-folder-with-a-long-name/another-folder-with-a-long-name/a-template-with-a-very-long-name-that-somebody-chose.yaml"


@pytest.fixture
def mirrors(tmp_path, settings):
    settings.MIRRORS_DIR = tmp_path / "mirrors"


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_pages_of_templates_pass_every_check(site, tmp_path, width, scheme):
    site.look(width, scheme)
    make_world(tmp_path)
    host = set_variable("Database.Host", "db.example.test")
    files = {"base/config.yaml": "host: #{Database.Host}\n", LONG: "a: [\nb: #{Database.Host}\n", "base/logo.png": b"\x89PNG\xff"}
    make_templates(tmp_path, files, purge_output=True)
    fine = make_manifests_release()
    host.is_sensitive, host.value = True, ""
    host.save()
    broken = make_manifests_release("2.0.1")
    production = make_environment().slug

    for path, words in (
        (f"/releases/{fine.pk}/", "branch main"),
        (f"/releases/{fine.pk}/deploy/?environment={production}", "would be deleted"),
        (f"/releases/{broken.pk}/deploy/?environment={production}", "variable Database.Host is sensitive"),
    ):
        page = site.open(path)
        assert words in page.inner_text("main")
        assert site.problems() == [], path


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_release_is_made_with_an_archive(site, width, scheme):
    site.look(width, scheme)
    project = make_project()
    make_environment()
    Step.objects.create(project=project, position=1, name="Manifests", kind="update_manifests", template_origin="archive")
    page = site.open("/releases/new/")
    assert site.problems() == []
    page.get_by_role("textbox", name="Version").fill("2.0.0")
    page.get_by_label("Template archive").set_input_files({"name": "shop.zip", "mimeType": "application/zip", "buffer": zip_of([("../x", b"")])})
    page.get_by_label("Only create it").check()
    page.get_by_role("button", name="Create the release").click()
    assert "shop.zip holds ../x, which leaves the archive." in page.inner_text("main")
    assert site.problems() == []
    page.get_by_label("Template archive").set_input_files({"name": "shop.zip", "mimeType": "application/zip", "buffer": zip_of([("x.yaml", b"")])})
    page.get_by_role("button", name="Create the release").click()
    page.wait_for_url("**/releases/*/")
    assert "shop.zip" in page.inner_text("main")
    assert site.problems() == []
