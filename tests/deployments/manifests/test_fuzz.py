"""Hostile files: every public function answers, within a second and 200 MB, and edits right or not at all."""

import json
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.drift import compare
from deployments.manifests.documents import as_json
from deployments.manifests.preview import find_images
from deployments.manifests.records import FileRecord, Form, Place
from deployments.manifests.update import files_needed, more_files_needed, update_images
from tests.deployments.manifests.hostile import IMAGES, LARGE, SOURCES

WORDS = [
    *("apiVersion: v1\n", "kind: Pod\n", "kind: List\n", "items:\n", "spec:\n", "  containers:\n", "  - name: a\n", "    image: nginx:1\n", "images:\n"),
    *("- name: nginx\n", "  newTag: 1\n", "  digest: x\n", "image: nginx:1\n", "tag: \n", "patches:\n", "- patch: |-\n    ", "- path: p.yaml\n", "'", '"'),
    *("[", "]", "{", "}", ", ", ": ", "- ", "? ", "&a ", "*a ", "<<: ", "!!str ", "!x ", "|\n", ">-\n", "---\n", "...\n", "%YAML 1.1\n", "#", "\t", "\r\n"),
    *(
        "\ufeff",
        "\x00",
        "\x85",
        "\u2028",
        "🦊",
        "{{ x }}",
        "\\",
        "nginx",
        "op: replace",
        "path: /spec/containers/0/image",
        "value: nginx:1",
        "\ud800",
        "~",
        "\n  ",
    ),
]
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _everything(path, text):
    source, files = SOURCES[path], {path: text}
    result = update_images(files, source, IMAGES, "")
    written = {**files, **result.changed}
    assert files_needed(source, files) == [path]
    more_files_needed(files, source, files)
    find_images(files, source, "")
    records = list(result.records.values())
    assert compare(written, records).is_present
    assert not update_images(written, source, IMAGES, "").changed
    places = tuple(Place(form, "nginx:1", name="a", path="image", entry="nginx") for form in Form)
    assert not compare(files, [FileRecord(path, (), places, "")]).sentence.startswith(" ")
    with suppress(ValueError):
        as_json(text)


@pytest.mark.parametrize("path", SOURCES)
@quick
@given(text=st.lists(st.sampled_from(WORDS), max_size=40).map("".join))
def test_any_mixture_of_yaml_is_answered(path, text):
    _everything(path, text)


@pytest.mark.parametrize("path", SOURCES)
@quick
@given(content=st.binary(max_size=300))
def test_random_bytes_are_answered(path, content):
    _everything(path, content.decode("utf-8", "replace"))
    compare({path: content}, [FileRecord(path, (), (Place(Form.CONTAINER, "nginx:1"),), "")])


@pytest.mark.parametrize("name", LARGE)
def test_five_megabytes_take_at_most_a_second_and_200_megabytes(name):
    done = subprocess.run([sys.executable, "-m", "tests.deployments.manifests.hostile", name], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    seconds, megabytes = json.loads(done.stdout)
    assert seconds <= 1.0
    assert megabytes <= 200
