"""Making releases, and what is refused with which sentence."""

import pytest

from deployments.models import Release, Step
from deployments.services import create_release
from deployments.services.errors import InvalidRelease
from infrastructure.models import Event
from tests.factories import NOW, make_project, make_user

pytestmark = pytest.mark.django_db


def make(**values):
    return create_release(**{"project": make_project(), "version": "1.4.2", "images": ["ghcr.io/acme/web:1.4.2"], "by": None, "now": NOW, **values})


def test_create_release_keeps_the_images_and_the_process_as_it_is_now():
    project = make_project()
    step = Step.objects.create(project=project, position=1, name="Tags", timeout_s=60)
    release = make(project=project, version=" 1.4.2 ", images=["ghcr.io/acme/web:1.10 ", "", "nginx:1.27"], notes="Why", by=make_user(username="heron"))
    step.timeout_s = 5
    step.save()

    release.refresh_from_db()
    assert (release.version, release.images, release.notes) == ("1.4.2", ["ghcr.io/acme/web:1.10", "nginx:1.27"], "Why")
    assert [entry["timeout_s"] for entry in release.process] == [60]
    assert Event.objects.get().kind == "release_created"


def test_create_release_gives_a_project_without_steps_its_default_step():
    make()
    make(version="1.4.3")

    assert [(step.position, step.name, step.timeout_s) for step in Step.objects.all()] == [(1, "Update image tags", 180)]


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"version": " "}, "version", "Give the release a version, for example 1.4.2."),
        ({"version": "1\n2"}, "version", "A version is one line of at most 100 characters."),
        ({"images": []}, "images", "Name at least one image with its tag, for example ghcr.io/acme/web:1.4.2."),
        ({"images": ["ghcr.io/acme/web"]}, "images", "ghcr.io/acme/web has no tag. Give one, for example ghcr.io/acme/web:1.4.2."),
        (
            {"images": ["nginx:1.27", "docker.io/library/nginx:1.28"]},
            "images",
            "nginx:1.27 and docker.io/library/nginx:1.28 are the same image with two tags. Keep one.",
        ),
    ],
)
def test_create_release_refuses_with_a_sentence_for_the_field(values, field, sentence):
    with pytest.raises(InvalidRelease) as refused:
        make(**values)

    assert (refused.value.field, str(refused.value)) == (field, sentence)
    assert not Release.objects.exists()


def test_create_release_refuses_a_version_that_exists():
    make()
    with pytest.raises(InvalidRelease) as refused:
        make()

    assert str(refused.value) == "Shop has a release 1.4.2 already. Releases do not change; give this one another version."
