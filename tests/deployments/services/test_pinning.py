"""What a release keeps of its templates, and what is refused before it is made."""

import pytest
from django.test import override_settings

from deployments.models import Release, Step, TemplateArchive
from deployments.services import store_archive
from deployments.services.errors import InvalidRelease
from infrastructure.models import Event
from simulator.forge import git
from tests.deployments.templates import make_manifests_release, make_templates, set_variable, tar_of, zip_of
from tests.factories import NOW, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mirrors")]


def refusal(**values):
    with pytest.raises(InvalidRelease) as refused:
        make_manifests_release(**values)
    assert not Release.objects.exists()
    return refused.value.field, str(refused.value)


def archive_step(**values):
    values = {"name": "Manifests", "kind": "update_manifests", "template_origin": "archive", **values}
    return Step.objects.create(project=make_project(), position=1, **values)


def upload(name="shop.zip", content=None, **values):
    content = zip_of([("base/config.yaml", b"a: 1\n")]) if content is None else content
    return store_archive(**{"project": make_project(), "name": name, "content": content, "by": None, "now": NOW, **values})


@pytest.mark.parametrize(("ref", "branch"), [("", "main"), ("HEAD", "main"), ("main", "main"), ("refs/heads/main", "main")])
def test_a_release_keeps_the_commit_of_a_branch(tmp_path, ref, branch):
    origin = make_templates(tmp_path, template_ref=ref)
    [step] = make_manifests_release().process

    assert step["templates"] == {
        "origin": "git",
        "repo_url": origin.repository.file_url,
        "ref": ref,
        "branch": branch,
        "commit": origin.repository.head(),
        "path": "base",
    }


@pytest.mark.parametrize("ref", ["v1", "refs/tags/v1", "light"])
def test_a_release_keeps_the_commit_of_a_tag_annotated_or_not(tmp_path, ref):
    origin = make_templates(tmp_path, template_ref=ref)
    tagged = origin.repository.head()
    git("-c", "user.name=a", "-c", "user.email=a@b", "tag", "-a", "-m", "one", "v1", cwd=origin.repository.path)
    git("tag", "light", cwd=origin.repository.path)
    origin.repository.commit({"base/later.yaml": "x"})

    [step] = make_manifests_release().process
    assert (step["templates"]["commit"], step["templates"]["branch"]) == (tagged, "")


def test_a_release_keeps_a_commit_named_by_its_full_id(tmp_path):
    origin = make_templates(tmp_path)
    first = origin.repository.head()
    origin.repository.commit({"base/later.yaml": "x"})
    Step.objects.update(template_ref=first.upper())

    assert make_manifests_release().process[0]["templates"]["commit"] == first


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"template_ref": "gone"}, "has no branch or tag gone, which step “Manifests” names."),
        ({"template_ref": "abcdef1"}, "has no branch or tag abcdef1, which step “Manifests” names. Write all 40 digits of a commit."),
        ({"template_ref": "a" * 40}, "does not have the commit aaaaaaaaaa, which step “Manifests” names."),
        ({"template_repo_url": ""}, "Step “Manifests” names no template repository. Give it one first."),
        ({"template_repo_url": "file:///nowhere.git"}, "The templates of step “Manifests” cannot be found. file:///nowhere.git was not found."),
        ({"template_path": "../other"}, "The template path “../other” of step “Manifests” leaves its repository or archive."),
    ],
)
def test_a_release_is_refused_when_its_templates_cannot_be_pinned(tmp_path, values, sentence):
    make_templates(tmp_path, **values)

    assert sentence in refusal()[1]


def test_a_release_without_images_needs_none_when_no_step_updates_them(tmp_path):
    make_templates(tmp_path)
    assert make_manifests_release().images == []
    Step.objects.create(project=make_project(), position=2, kind="update_images")
    with pytest.raises(InvalidRelease, match="Name at least one image"):
        make_manifests_release("2.0.1")


def test_a_release_keeps_the_variables_without_sensitive_values(tmp_path):
    set_variable("Host", "db")
    set_variable("Password", is_sensitive=True)
    make_templates(tmp_path)

    kept = make_manifests_release().variables
    assert [(row["name"], row["value"], row["is_sensitive"]) for row in kept] == [("Host", "db", False), ("Password", "", True)]


def test_a_release_keeps_an_archive_by_its_digest():
    archive_step(template_path="base")
    archive = upload()
    [step] = make_manifests_release(archive=archive).process

    assert step["templates"] == {"origin": "archive", "archive": archive.pk, "name": "shop.zip", "sha256": archive.sha256, "path": "base"}
    assert {event.kind for event in Event.objects.all()} >= {"archive_uploaded", "release_created"}


def test_the_same_bytes_are_the_same_archive():
    first, second = upload(), upload("again.zip")

    assert first == second
    assert TemplateArchive.objects.count() == 1


def test_a_release_is_refused_without_its_archive_or_with_one_that_has_no_use(tmp_path):
    archive_step(template_path="envs")
    assert refusal() == ("archive", "Step “Manifests” takes its templates from an archive. Choose or upload one, a zip or a tar.gz.")
    assert refusal(archive=upload()) == ("archive", "shop.zip holds nothing at “envs”, where step “Manifests” looks for its templates.")
    Step.objects.all().delete()
    make_templates(tmp_path)
    assert refusal(archive=upload()) == ("archive", "No step of the process takes its templates from an archive. Leave the archive out.")


def test_an_archive_that_could_do_harm_is_not_stored():
    for content, sentence in ((tar_of([("../x", b"")]), "which leaves the archive"), (b"hello", "neither a zip nor a tar.gz")):
        with pytest.raises(InvalidRelease, match=sentence) as refused:
            upload(content=content)
        assert refused.value.field == "archive"
    with override_settings(LARGEST_UPLOAD=100), pytest.raises(InvalidRelease, match="The archive is bigger than"):
        upload()
    assert not TemplateArchive.objects.exists()


@pytest.mark.parametrize(("name", "kept"), [("C:\\tmp\\shop.zip", "shop.zip"), ("../../a b.zip", "a b.zip"), ("x\n.zip", "x.zip"), ("", "templates")])
def test_an_archives_name_is_one_line_without_folders(name, kept):
    assert upload(name).name == kept
