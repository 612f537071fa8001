"""Hostile files of five megabytes, and a program that measures what one of them costs: python -m tests.deployments.manifests.hostile NAME"""

import json
import resource
import sys
import time

from deployments.drift import compare
from deployments.manifests.images import StepImage
from deployments.manifests.preview import find_images
from deployments.manifests.records import FileRecord, Form, Place
from deployments.manifests.sources import Source, SourceKind
from deployments.manifests.update import more_files_needed, update_images

SIZE = 5_000_000
IMAGES = [StepImage.parse("nginx:1.27.1"), StepImage.parse("ghcr.io/acme/web:2")]
SOURCES = {
    "a/x.yaml": Source(SourceKind.DIRECTORY, "a"),
    "a/kustomization.yaml": Source(SourceKind.KUSTOMIZE, "a"),
    "a/values.yaml": Source(SourceKind.HELM, "a", image_replace_paths="{{ .Values.image }}, nginx:{{ .Values.tag }}"),
}
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n    image: nginx:1\n"
LIST = "apiVersion: v1\nkind: List\n"


def _bomb(width, line):
    """5,000 lines, each made of `width` aliases of the line before."""
    return "".join(line.format(n, ", ".join([f"*a{n - 1}"] * width)) for n in range(1, 5000))


LARGE = {
    "brackets": lambda: "[" * SIZE,
    "braces": lambda: "{" * SIZE,
    "dashes": lambda: "- " * (SIZE // 2),
    "question marks": lambda: "? " * (SIZE // 2),
    "brackets and keys": lambda: "[a: " * (SIZE // 4),
    "many keys": lambda: "a: b\n" * (SIZE // 5),
    "many items": lambda: "containers: [" + "a," * (SIZE // 2),
    "one long line": lambda: "image: " + "a" * SIZE,
    "open quote": lambda: 'containers: "' + "image " * (SIZE // 6),
    "separators": lambda: "image\ncontainers\n" + "---\n" * (SIZE // 4),
    "directives": lambda: "%x\n" * (SIZE // 3),
    "comments": lambda: "containers: [\n" + "#\n" * (SIZE // 2),
    "anchors": lambda: "containers: image\n" + "".join(f"k{n}: &k{n} nginx\n" for n in range(SIZE // 25)),
    "many pods": lambda: "---\n".join([POD] * (SIZE // len(POD))),
    "many pods in a list": lambda: f"{LIST}items:\n" + "- {apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: nginx:1}]}}\n" * (SIZE // 80),
    "many containers": lambda: POD + "  - name: b\n    image: nginx:1\n" * (SIZE // 34),
    "many templates": lambda: "---\n".join([POD + "{{ if }}\n"] * (SIZE // 90)),
    "a long tag": lambda: POD.replace("nginx:1", "nginx:" + "1" * SIZE),
    "a bomb": lambda: POD + "a0: &a0 [x, x]\n" + _bomb(50, "a{0}: &a{0} [{1}]\n") + "items: *a4999\n",
    "a bomb of lists": lambda: (
        f"{LIST}x: &x [{'{apiVersion: v1, kind: List, items: []},' * 5000}]\nitems:\n" + "- {apiVersion: v1, kind: List, items: *x}\n" * 5000
    ),
    "a bomb of merges": lambda: "a0: &a0 {containers: nginx}\n" + _bomb(50, "a{0}: &a{0} {{<<: [{1}]}}\n") + POD.replace("spec:", "spec:\n  <<: *a4999"),
}


def measure(text):
    """The most seconds any public function takes, and the megabytes all of them add."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work = [lambda path=path, source=source: update_images({path: text}, source, IMAGES, "") for path, source in SOURCES.items()]
    work.append(lambda: more_files_needed({"a/kustomization.yaml": text}, SOURCES["a/kustomization.yaml"], ()))
    work.append(lambda: find_images({"a/x.yaml": text}, SOURCES["a/x.yaml"], ""))
    for form in (Form.CONTAINER, Form.VALUE):
        record = FileRecord("a/x.yaml", (), (Place(form, "nginx:1", name="a", path="image"),))
        work.append(lambda record=record: compare({"a/x.yaml": text}, [record]))
    return max(map(_seconds, work)), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _seconds(work):
    """Of processor time; tried again when the machine was busy."""
    tries = []
    while not tries or (min(tries) > 0.8 and len(tries) < 3):
        started = time.process_time()
        work()
        tries.append(time.process_time() - started)
    return min(tries)


if __name__ == "__main__":
    print(json.dumps(measure(LARGE[sys.argv[1]]())))
