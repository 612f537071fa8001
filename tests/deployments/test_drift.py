"""Drift: our change looked for by names in the files of another revision."""

import json

import pytest

from deployments.drift import Verdict, compare
from deployments.manifests.images import StepImage
from deployments.manifests.records import FileRecord
from deployments.manifests.sources import Source, SourceKind
from deployments.manifests.update import update_images

PATH = "shop/web.yaml"
OLD = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: web
          image: ghcr.io/acme/web:1.4.1 # the shop
        - name: proxy
          image: envoy:1.30
---
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
spec:
  template:
    spec:
      containers:
        - name: migrate
          image: ghcr.io/acme/web:1.4.1
"""


def _written():
    result = update_images({PATH: OLD}, Source(SourceKind.DIRECTORY, "shop"), [StepImage.parse("ghcr.io/acme/web:1.4.2")], "")
    records = [FileRecord.from_dict(json.loads(json.dumps(record.to_dict()))) for record in result.records.values()]
    return result.changed[PATH], records


NEW, RECORDS = _written()
DEPLOYMENT, JOB = NEW.split("---\n")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        pytest.param(NEW, Verdict.INTACT, id="as written"),
        pytest.param(NEW + "# a comment\n", Verdict.UNRELATED, id="comment"),
        pytest.param(NEW.replace("replicas: 2", "replicas: 5"), Verdict.UNRELATED, id="replicas"),
        pytest.param(NEW.replace("envoy:1.30", "envoy:1.31"), Verdict.UNRELATED, id="sidecar"),
        pytest.param(
            NEW.replace("        - name: web\n", "        - name: new\n          image: a:1\n        - name: web\n"), Verdict.UNRELATED, id="inserted before"
        ),
        pytest.param(f"{JOB}---\n{DEPLOYMENT}", Verdict.UNRELATED, id="documents swapped"),
        pytest.param(NEW.replace("image: ghcr.io/acme/web:1.4.2 #", 'image: "ghcr.io/acme/web:1.4.2" #'), Verdict.UNRELATED, id="quoted"),
        pytest.param(NEW.replace("\n", "\r\n"), Verdict.UNRELATED, id="line ends"),
        pytest.param(NEW.replace("  name: web\nspec", "  name: web\n  namespace: shop\nspec"), Verdict.UNRELATED, id="namespace spelled out"),
        pytest.param(NEW + "---\n{{ if }}\n", Verdict.UNRELATED, id="a broken neighbour"),
        pytest.param(OLD, Verdict.OVERWRITTEN, id="set back"),
        pytest.param(NEW.replace("web:1.4.2 #", "web:1.4.2@sha256:abc #"), Verdict.OVERWRITTEN, id="pinned"),
        pytest.param(NEW.replace("ghcr.io/acme/web:1.4.2 #", "mirror.example/acme/web:1.4.2 #"), Verdict.OVERWRITTEN, id="another registry"),
        pytest.param(DEPLOYMENT, Verdict.RESTRUCTURED, id="object gone"),
        pytest.param(NEW.replace("- name: migrate", "- name: migration"), Verdict.RESTRUCTURED, id="container renamed"),
        pytest.param("{{ all }} of it", Verdict.RESTRUCTURED, id="does not parse"),
        pytest.param(b"\xff\xfe", Verdict.RESTRUCTURED, id="not a text"),
        pytest.param(None, Verdict.MISSING_FILE, id="file gone"),
    ],
)
def test_compare_judges_by_names(text, verdict):
    comparison = compare({PATH: text}, RECORDS)

    assert comparison.verdict is verdict
    assert comparison.is_present is (verdict in (Verdict.INTACT, Verdict.UNRELATED))
    assert bool(comparison.sentence) is not comparison.is_present


def test_compare_names_file_place_expected_and_found():
    comparison = compare({PATH: NEW.replace("web:1.4.2 #", "web:1.4.0 #")}, RECORDS)

    assert (comparison.file, comparison.place) == (PATH, "Deployment/web, container web")
    assert (comparison.expected, comparison.found) == ("ghcr.io/acme/web:1.4.2", "ghcr.io/acme/web:1.4.0")
    assert comparison.sentence == "shop/web.yaml, Deployment/web, container web, has ghcr.io/acme/web:1.4.0, we wrote ghcr.io/acme/web:1.4.2."


def test_compare_of_a_generated_file_counts_its_bytes():
    record = FileRecord.of_whole_file("out/a.bin", b"\x00\xff")

    assert compare({"out/a.bin": b"\x00\xff"}, [record]).verdict is Verdict.INTACT
    assert compare({"out/a.bin": b"\x00\xfe"}, [record]).verdict is Verdict.OVERWRITTEN
    assert compare({}, [record]).verdict is Verdict.MISSING_FILE


def test_compare_of_no_records_is_intact():
    assert compare({}, []).verdict is Verdict.INTACT


GENERATED = [FileRecord.of_whole_file("out/a.yaml", b"a: 1\r\n"), FileRecord.of_deletion("out/old.yaml")]


@pytest.mark.parametrize(
    ("files", "verdict", "sentence"),
    [
        ({"out/a.yaml": b"a: 1\r\n"}, Verdict.INTACT, ""),
        ({"out/a.yaml": b"a: 1\r\n", "out/old.yaml": None}, Verdict.INTACT, ""),
        ({"out/a.yaml": b"a: 1\n"}, Verdict.OVERWRITTEN, "out/a.yaml is not as we wrote it."),
        ({}, Verdict.MISSING_FILE, "out/a.yaml is gone."),
        ({"out/a.yaml": b"a: 1\r\n", "out/old.yaml": b""}, Verdict.OVERWRITTEN, "out/old.yaml is back; we deleted it."),
    ],
)
def test_generated_files_compare_by_bytes_and_deleted_ones_by_being_gone(files, verdict, sentence):
    records = [FileRecord.from_dict(json.loads(json.dumps(record.to_dict()))) for record in GENERATED]
    found = compare(files, records)

    assert (found.verdict, found.sentence) == (verdict, sentence)
