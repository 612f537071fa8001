"""An image in Git that names no registry belongs to the one that Argo CD's cluster object names for the application's destination."""

import pytest

from deployments.services import plan
from infrastructure.models import Application
from tests.deployments.factories import make_release, make_world, manifest
from tests.factories import annotations_for, make_content, make_environment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
OURS = "registry.example.test"
FILES = {
    "directory": {"apps/shop-web/web.yaml": manifest().replace("ghcr.io/acme/web", "web")},
    "kustomize": {"apps/shop-web/kustomization.yaml": "images:\n- name: web\n  newTag: 1.4.1\n"},
    "helm": {"apps/shop-web/values.yaml": "image: web:1.4.1\n", "apps/shop-web/Chart.yaml": "name: web\n"},
}


def planned(tmp_path, image, registries, destination, kind="directory"):
    """The dry run's codes and files for one application whose Git says "web:1.4.1"."""
    world = make_world(tmp_path)
    world.repository.commit({"apps/shop-web/web.yaml": None, **FILES[kind]})
    world.instance.default_registries = registries
    world.instance.save()
    content = make_content("shop-web", kind=kind, annotations=annotations_for() | {"argo.octopus.com/image-replace-paths": "{{ .Values.image }}"})
    content["spec"]["destination"] = destination
    Application.objects.update(content=content)
    world.application().sources.update(kind=kind.capitalize())
    found = plan(release=make_release(images=[image]), environment=make_environment())
    return [note["code"] for note in found.notes], [text.decode() for repository in found.repositories for text in repository.after.values()]


@pytest.mark.parametrize("destination", [{"server": "https://kubernetes.default.svc"}, {"name": "in-cluster"}])
@pytest.mark.parametrize("kind", FILES)
def test_an_unqualified_image_in_git_is_of_the_destinations_registry(tmp_path, kind, destination):
    registries = {"https://kubernetes.default.svc": OURS, "in-cluster": OURS, "https://edge.example.test": "other.example.test"}
    codes, [text] = planned(tmp_path, f"{OURS}/web:1.4.2", registries, destination, kind)

    assert codes == ["updated"]
    assert "1.4.2" in text
    assert OURS not in text, "it is written back as found"


def test_an_unqualified_image_of_the_release_is_docker_hubs_and_another_one(tmp_path):
    codes, texts = planned(tmp_path, "web:1.4.2", {"in-cluster": OURS}, {"name": "in-cluster"})

    assert (codes, texts) == (["other_registry"], [])


@pytest.mark.parametrize("registries", [{}, {"https://edge.example.test": OURS}])
def test_without_a_registry_for_the_destination_it_is_docker_hub(tmp_path, registries):
    codes, [text] = planned(tmp_path, "docker.io/library/web:1.4.2", registries, {"server": "https://kubernetes.default.svc"})

    assert codes == ["updated"]
    assert "image: web:1.4.2" in text
