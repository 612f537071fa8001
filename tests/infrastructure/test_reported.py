"""Reported Applications: whatever bytes come, something storable results."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.reported import MAX_CONTENT, TOO_LARGE, UNREADABLE, is_storable_name, read_application
from tests.factories import SHA, make_content


def read(content):
    return read_application(json.dumps(content).encode())


def test_a_single_source_is_read_with_its_kind_and_revision():
    found = read(make_content(sync="OutOfSync", health="Degraded"))

    (source,) = found.sources
    assert (found.sync_status, found.health_status, found.argo_project, found.problem) == ("OutOfSync", "Degraded", "default", "")
    assert (source.path, source.target_revision, source.kind, source.revision) == ("envs/production", "main", "Directory", SHA)


def test_several_sources_keep_their_positions_and_absent_paths():
    sources = [{"repoURL": "a", "ref": "values", "name": "values"}, {"repoURL": "b", "path": "", "chart": "web"}]

    first, second = read(make_content(sources=sources)).sources

    assert (first.position, first.name, first.ref, first.path) == (0, "values", "values", None)
    assert (second.position, second.path, second.chart) == (1, "", "web")


def test_a_hydrated_application_reads_what_is_synced():
    content = make_content()
    content["spec"]["sourceHydrator"] = {"drySource": {"repoURL": "r"}, "syncSource": {"targetBranch": "hydrated", "path": "out"}}

    (source,) = read(content).sources

    assert (source.repo_url, source.path, source.target_revision) == ("r", "out", "hydrated")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"null", b'"text"', b"{", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_unreadable_content_becomes_an_empty_application_with_a_problem(content):
    found = read_application(content)

    assert (found.content, found.sources, found.problem) == ({}, (), UNREADABLE)


def test_too_large_content_is_not_kept():
    assert read_application(b" " * (MAX_CONTENT + 1)).problem == TOO_LARGE


def test_what_a_database_refuses_is_cleaned():
    found = read_application(b'{"metadata": {"annotations": {"a\\u0000b": "x\\ud800y"}}, "nan": NaN, "big": 1e999, "low": -Infinity}')

    assert found.content == {"metadata": {"annotations": {"ab": "x?y"}}, "nan": None, "big": None, "low": None}


def test_wrongly_typed_parts_are_taken_as_absent():
    content = {"spec": {"sources": [None, "x", {"path": 5}]}, "status": {"sync": [], "health": None, "sourceTypes": "Helm"}}

    found = read(content)

    assert [source.path for source in found.sources] == [None, None, None]
    assert (found.sync_status, found.health_status) == ("", "")


@pytest.mark.parametrize(("name", "is_storable"), [("shop", True), ("", False), ("a\x00b", False), ("\ud800", False), ("x" * 254, False)])
def test_is_storable_name(name, is_storable):
    assert is_storable_name(name) is is_storable


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_gives_something_that_can_be_stored(document):
    found = read_application(json.dumps(document).encode())

    text = json.dumps(found.content, allow_nan=False, ensure_ascii=False)
    assert "\x00" not in text
    assert "\\u0000" not in text
    text.encode()


def test_a_password_in_a_url_is_not_kept():
    content = json.dumps({"spec": {"source": {"repoURL": "https://bot:s3cret@git.example.com/shop.git", "path": "a@b"}}}).encode()

    read = read_application(content)

    assert (read.sources[0].repo_url, read.sources[0].path) == ("https://git.example.com/shop.git", "a@b")
    assert "s3cret" not in str(read.content)
