"""1,000 manifest files planned and edited, and their drift checked, as ratios to libyaml composing the same files in the same run.

python -m benchmarks.manifests
"""

import gc
import sys
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

import yaml
from yaml import CSafeLoader

from deployments.drift import Verdict, compare
from deployments.manifests.images import StepImage
from deployments.manifests.sources import Source, SourceKind
from deployments.manifests.update import UpdateResult, update_images

FILES = 1_000
ROUNDS = 9
GOAL = 4.0
IMAGE = "ghcr.io/acme/web"
_SPEC = """\
apiVersion: apps/v1
kind: {kind}
metadata:
  name: {name}
  labels:
    app.kubernetes.io/name: {name}
    app.kubernetes.io/part-of: shop
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {name}
    spec:
      serviceAccountName: {name}
      containers:
        - name: main
          image: {image}
          ports:
            - containerPort: 8080
          resources:
            requests:
              cpu: 100m
              memory: 64Mi
"""


def _shapes(n: int) -> list[str]:
    """Twelve kinds of files as people write them; each names the image once."""
    name = f"app-{n}"
    plain = _SPEC.format(kind="Deployment", name=name, image=f"{IMAGE}:1.4.1")
    return [
        plain,
        plain.replace("\n", "\r\n"),
        "\ufeff" + plain,
        plain.rstrip("\n"),
        _SPEC.format(kind="StatefulSet", name=name, image=f'"{IMAGE}:1.4.1" # the shop'),
        f"# {name}\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  ports:\n    - port: 80\n---\n{plain}",
        f'{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "{name}"}}, "spec": {{"containers": [{{"name": "main", "image": "{IMAGE}:1.4.1"}}]}}}}\n',
        f"x-image: &image {IMAGE}:1.4.1\n" + _SPEC.format(kind="DaemonSet", name=name, image="*image"),
        _SPEC.format(kind="Deployment", name=name, image=f">-\n            {IMAGE}:1.4.1"),
        plain.replace("          ports:", f"          args:\n            - |\n              image: {IMAGE}:1.4.1\n          ports:"),
        _SPEC.format(kind="Deployment", name=name, image=f"'{IMAGE}:1.4.1'\t"),
        plain.replace("        - name: main\n", "        - name: proxy\n          image: envoyproxy/envoy:v1.30.1\n        - name: main\n"),
    ]


def files() -> dict[str, str]:
    """A path and a text for each of 1,000 files."""
    return {f"shop/{n:04}.yaml": _shapes(n)[n % 12] for n in range(FILES)}


def compose(texts: Sequence[str]) -> None:
    """The baseline."""
    for text in texts:
        list(yaml.compose_all(text, CSafeLoader))


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    started = perf_counter()
    work()
    return perf_counter() - started


def _plan(texts: dict[str, str]) -> UpdateResult:
    return update_images(texts, Source(SourceKind.DIRECTORY, "shop"), [StepImage.parse(f"{IMAGE}:1.4.2")], "")


def main() -> int:
    """Print both lines; 1 when a goal is missed."""
    texts = files()
    result = _plan(texts)
    assert len(result.changed) == FILES
    differing = {path: f"# looked at\n{text}" if not text.startswith(("{", "\ufeff")) else f"{text} " for path, text in result.changed.items()}
    records = list(result.records.values())
    assert compare(differing, records).verdict is Verdict.UNRELATED
    edits, checks = [], []
    for _ in range(ROUNDS):
        baseline = _seconds(lambda: compose(list(texts.values())))
        edits.append(_seconds(lambda: _plan(texts)) / baseline)
        checks.append(_seconds(lambda: compare(differing, records)) / baseline)
    print(f"manifests: {FILES} files of mixed shapes planned and edited, against libyaml composing them: x {median(edits):.2f} (goal <= {GOAL:.0f})")
    print(f"manifests: drift check of {FILES} differing files, against libyaml composing them: x {median(checks):.2f} (goal <= {GOAL:.0f})")
    return 0 if max(median(edits), median(checks)) <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
