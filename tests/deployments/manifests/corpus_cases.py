"""The corpus: hard files, each with the lines that change and the notes that are told, as `corpus/expected.json` says."""

import json
from pathlib import Path

from deployments.manifests.images import StepImage
from deployments.manifests.sources import Source, SourceKind

ROOT = Path(__file__).parent / "corpus"
EXPECTED = json.loads((ROOT / "expected.json").read_text())
IMAGES = [StepImage.parse(text) for text in ("ghcr.io/acme/web:1.4.2", "nginx:1.27.1", "registry.acme.example:5000/shop/worker:1.10")]
ANNOTATION = ", ".join(
    [
        "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}",
        "{{ .Values.web.image }}",
        "{{ .Values.proxy.image }}",
        "{{ .Values.worker.repository }}:{{ .Values.worker.tag }}",
        "ghcr.io/acme/web:v{{ .Values.api.version }}-{{ .Values.api.variant }}",
    ]
)


def names():
    """Each file of directory and helm, each folder of kustomize."""
    return [f"{kind}/{path.name}" for kind in ("directory", "kustomize", "helm") for path in sorted((ROOT / kind).iterdir())]


def load(name):
    """The files of a case as the engine gets them, and its source."""
    kind, _, rest = name.partition("/")
    path = ROOT / name
    if kind == "kustomize":
        files = {f"app/{each.relative_to(path).as_posix()}": each.read_bytes().decode() for each in sorted(path.rglob("*")) if each.is_file()}
        return files, Source(SourceKind.KUSTOMIZE, "app")
    if kind == "helm":
        return {"app/values.yaml": path.read_bytes().decode()}, Source(SourceKind.HELM, "app", image_replace_paths=ANNOTATION)
    return {f"app/{rest}": path.read_bytes().decode()}, Source(SourceKind.DIRECTORY, "app")


def with_changes(text, changes):
    """The text with lines replaced: each change is [first line from 0, how many, their new text]."""
    lines = text.split("\n")
    for first, count, new in reversed(changes):
        lines[first : first + count] = new
    return "\n".join(lines)
