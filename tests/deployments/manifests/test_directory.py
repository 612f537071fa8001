"""Plain manifests: what is told, and which files are read."""

import pytest

from deployments.manifests.documents import parse_documents
from deployments.manifests.images import StepImage
from deployments.manifests.notes import Note, NoteCode
from deployments.manifests.preview import find_images
from deployments.manifests.records import FileRecord, Form
from deployments.manifests.sources import Source, SourceKind
from deployments.manifests.update import files_needed, more_files_needed, update_images

SOURCE = Source(SourceKind.DIRECTORY, "shop")
POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n  - name: main\n    image: {}\n"


def _update(image, found, registry=""):
    return update_images({"shop/web.yaml": POD.format(found)}, SOURCE, [StepImage.parse(image)], registry)


@pytest.mark.parametrize(
    ("found", "code", "sentence"),
    [
        ("nginx:1.25", "updated", "Updated: shop/web.yaml, Pod/web, container main, has 1.27.1 now; it had 1.25."),
        ("nginx", "updated", "Updated: shop/web.yaml, Pod/web, container main, has 1.27.1 now; it had no tag."),
        ("nginx:1.27.1", "already_there", "Already there: shop/web.yaml, Pod/web, container main, has 1.27.1. It is verified all the same."),
        (
            "nginx@sha256:abc",
            "pinned",
            "Left alone: shop/web.yaml, Pod/web, container main, pins nginx to a digest. Remove the digest to let tags through.",
        ),
        (
            "mirror.acme.example/nginx:1",
            "other_registry",
            "Left alone: shop/web.yaml, Pod/web, container main, says mirror.acme.example/nginx, the release says docker.io/nginx.",
        ),
        ("envoy:1", "not_tracked", "Not tracked: nothing under shop uses nginx."),
    ],
)
def test_each_image_is_told_with_file_and_place(found, code, sentence):
    notes = _update("nginx:1.27.1", found).notes

    assert [(note.code, note.sentence) for note in notes] == [(code, sentence)]
    assert notes[0].image == "nginx:1.27.1"
    assert Note.from_dict(notes[0].to_dict()) == notes[0]


def test_the_default_registry_is_whose_unqualified_images_are():
    assert _update("my.registry/nginx:2", "nginx:1", "my.registry").changed == {"shop/web.yaml": POD.format("nginx:2")}
    assert _update("nginx:2", "nginx:1", "my.registry").changed == {}
    assert _update("nginx:2", "nginx:1", "my.registry").notes[0].code is NoteCode.OTHER_REGISTRY


def test_a_file_that_is_right_already_is_recorded_too():
    result = _update("nginx:1.10", "nginx:1.10")

    assert result.changed == {}
    (record,) = result.records.values()
    assert record.patch == ({"op": "replace", "path": "/0/spec/containers/0/image", "value": "nginx:1.10"},)
    assert [place.expected for place in record.places] == ["nginx:1.10"]
    assert FileRecord.from_dict(record.to_dict()) == record


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("shop", ["shop/a.yaml", "shop/deep/er/b.yml", "shop/c.json"]),
        ("./shop/", ["shop/a.yaml", "shop/deep/er/b.yml", "shop/c.json"]),
        ("shop/deep", ["shop/deep/er/b.yml"]),
        ("nowhere", []),
        ("../shop", []),
        ("", ["root.yaml", "shop/a.yaml", "shop/c.json", "shop/deep/er/b.yml", "shopping/d.yaml"]),
        (".", ["root.yaml", "shop/a.yaml", "shop/c.json", "shop/deep/er/b.yml", "shopping/d.yaml"]),
        (None, []),
    ],
)
def test_files_needed_are_yaml_and_json_at_all_depths(path, needed):
    tree = ["shop/a.yaml", "shop/deep/er/b.yml", "shop/c.json", "shop/d.txt", "shop/e.yaml.tpl", "shopping/d.yaml", "root.yaml"]
    source = Source(SourceKind.DIRECTORY, path)

    assert files_needed(source, tree) == sorted(needed)
    assert more_files_needed({}, source, tree) == []


def test_find_images_lists_every_image_with_its_place():
    found = find_images({"shop/web.yaml": POD.format("ghcr.io/acme/web:1") + "  - name: none\n"}, SOURCE, "")

    assert [(each.file, str(each.place), each.form, str(each.image)) for each in found] == [
        ("shop/web.yaml", "Pod/web, container main", Form.CONTAINER, "ghcr.io/acme/web:1")
    ]


def test_a_broken_document_is_told_with_its_line_and_its_neighbours_are_edited():
    text = POD.format("nginx:1") + "---\nkind: Pod\nspec:\n  containers:\n  {{- range .Values.all }}\n  - image: nginx:1\n  {{- end }}\n"

    result = update_images({"shop/web.yaml": text}, SOURCE, [StepImage.parse("nginx:2")], "")

    assert result.changed == {"shop/web.yaml": text.replace("nginx:1", "nginx:2", 1)}
    assert result.notes[1].sentence == "Not editable: line 12 of shop/web.yaml is a template line. Its other documents are looked at all the same."


def test_documents_keep_their_place_in_a_file_that_is_partly_broken():
    documents = parse_documents("# first\n---\na: 1\n---\n{{ x }} y\n---\n---\nb: 2\n...\n%YAML 1.1\n---\nc: 3\n")

    assert [document.index for document in documents] == [0, 1, 2, 3, 4]
    assert [document.root is None for document in documents] == [False, True, False, False, False]
