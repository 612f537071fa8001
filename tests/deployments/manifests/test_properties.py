"""Generated files: only what is intended changes, once; and drift is judged by names."""

import random

import jsonpatch
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.drift import Verdict, compare
from deployments.manifests.documents import as_json
from deployments.manifests.images import StepImage
from deployments.manifests.sources import Source, SourceKind, ValuesUser
from deployments.manifests.update import update_images
from tests.deployments.manifests import shapes

IMAGES = [StepImage.parse(f"{shapes.IMAGE}:{shapes.NEW}")]
TEMPLATE = "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
CASES = [
    pytest.param(shapes.manifests(), "app/a.yaml", Source(SourceKind.DIRECTORY, "app"), id="directory"),
    pytest.param(shapes.kustomizations(), "app/kustomization.yaml", Source(SourceKind.KUSTOMIZE, "app"), id="kustomize"),
    pytest.param(shapes.helm_values(), "app/values.yaml", Source(SourceKind.HELM, "app", image_replace_paths=TEMPLATE), id="helm"),
    pytest.param(
        shapes.helm_values(),
        "env/app.yaml",
        Source(SourceKind.DIRECTORY, None, ref="values", referenced_by=(ValuesUser("chart", ("$values/env/app.yaml",), TEMPLATE),)),
        id="ref",
    ),
]
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize(("strategy", "path", "source"), CASES)
@quick
@given(data=st.data())
def test_only_the_intended_scalars_change(strategy, path, source, data):
    shape = data.draw(strategy)

    result = update_images({path: shape.old}, source, IMAGES, "")

    assert result.changed.get(path, shape.old) == shape.new
    assert sum(len(record.places) for record in result.records.values()) == shape.places


@pytest.mark.parametrize(("strategy", "path", "source"), CASES)
@quick
@given(data=st.data())
def test_updating_twice_changes_nothing(strategy, path, source, data):
    shape = data.draw(strategy)

    assert update_images({path: shape.new}, source, IMAGES, "").changed == {}


@pytest.mark.parametrize(("strategy", "path", "source"), CASES)
@quick
@given(data=st.data())
def test_drift_is_intact_unrelated_or_overwritten(strategy, path, source, data):
    shape = data.draw(strategy)
    records = list(update_images({path: shape.old}, source, IMAGES, "").records.values())
    unrelated = shape.with_unrelated_edit(data.draw(st.integers(0, 50)))

    assert compare({path: shape.new}, records).verdict is Verdict.INTACT
    if records:
        assert compare({path: unrelated}, records).verdict is Verdict.UNRELATED
    if shape.old != shape.new:
        assert compare({path: shape.old}, records).verdict is Verdict.OVERWRITTEN


@pytest.mark.parametrize(("strategy", "path", "source"), CASES)
@quick
@given(data=st.data())
def test_the_patch_agrees_with_the_names_where_nothing_moved(strategy, path, source, data):
    shape = data.draw(strategy)
    records = list(update_images({path: shape.old}, source, IMAGES, "").records.values())

    for text in (shape.new, shape.old, shape.with_unrelated_edit(data.draw(st.integers(0, 50)))):
        for record in records:
            assert compare({path: text}, [record]).is_present is _changes_nothing(record.patch, as_json(text))


def _changes_nothing(patch, documents):
    try:
        return jsonpatch.JsonPatch(list(patch)).apply(documents) == documents
    except jsonpatch.JsonPatchException:
        return False


@quick
@given(shape=shapes.manifests(), seed=st.integers(0, 1000))
def test_names_win_where_documents_of_a_directory_moved(shape, seed):
    text = shape.new.removeprefix("\ufeff").replace("\r\n", "\n")
    records = list(update_images({"app/a.yaml": text}, Source(SourceKind.DIRECTORY, "app"), IMAGES, "").records.values())
    pieces = [f"{piece.rstrip()}\n" for piece in text.split("\n---")]
    random.Random(seed).shuffle(pieces)

    comparison = compare({"app/a.yaml": "\n---\n".join(pieces)}, records)

    assert comparison.is_present
