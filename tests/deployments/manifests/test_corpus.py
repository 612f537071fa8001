"""Every file of the corpus: the lines that change, the notes that are told, the records, and no other byte."""

import jsonpatch
import pytest

from deployments.drift import Verdict, compare
from deployments.manifests.documents import as_json
from deployments.manifests.notes import NoteCode
from deployments.manifests.update import files_needed, more_files_needed, update_images
from tests.deployments.manifests.corpus_cases import EXPECTED, IMAGES, load, names, with_changes

NAMES = names()
ALWAYS = {NoteCode.UPDATED, NoteCode.NOT_TRACKED}
BEYOND_JSON = {"directory/bomb.yaml", "directory/contains-itself.yaml"}


def _read(files, source):
    """The files as the caller reads them: only those the engine asks for."""
    read = {path: files[path] for path in files_needed(source, files)}
    while more := more_files_needed(read, source, files):
        read |= {path: files[path] for path in more}
    return read


def test_the_corpus_is_large_and_all_of_it_is_expected():
    assert len(NAMES) >= 40
    assert sorted(EXPECTED) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_update_changes_the_expected_lines_and_no_other_byte(name):
    files, source = load(name)

    result = update_images(_read(files, source), source, IMAGES, "")

    assert result.changed == {path: with_changes(files[path], changes) for path, changes in EXPECTED[name]["changes"].items()}
    assert [[note.code, note.place] for note in result.notes if note.code not in ALWAYS] == EXPECTED[name]["notes"]
    for path, text in result.changed.items():
        assert text.startswith("\ufeff") == files[path].startswith("\ufeff")
        assert text.count("\r") - files[path].count("\r") == text.count("\n") - files[path].count("\n") or "\r\n" not in files[path]


@pytest.mark.parametrize("name", NAMES)
def test_update_twice_changes_nothing(name):
    files, source = load(name)
    first = update_images(files, source, IMAGES, "")

    second = update_images({**files, **first.changed}, source, IMAGES, "")

    assert second.changed == {}
    assert {path: record.places for path, record in second.records.items()} == {path: record.places for path, record in first.records.items()}


@pytest.mark.parametrize("name", NAMES)
def test_drift_is_judged_right_after_an_update(name):
    files, source = load(name)
    result = update_images(files, source, IMAGES, "")
    written = {**files, **result.changed}
    records = list(result.records.values())

    assert compare(written, records).verdict is Verdict.INTACT
    if records:
        newline = "\r" if "\n" not in written[records[0].path] else "\n"
        touched = {path: f"{text}{newline}# a comment{newline}" for path, text in written.items()}
        assert compare(touched, records).verdict is Verdict.UNRELATED
        assert compare({}, records).verdict is Verdict.MISSING_FILE
    if result.changed:
        assert compare(files, records).verdict is Verdict.OVERWRITTEN


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BEYOND_JSON])
def test_patch_applied_to_what_was_written_changes_nothing(name):
    files, source = load(name)
    result = update_images(files, source, IMAGES, "")

    for path, record in result.records.items():
        documents = as_json(result.changed.get(path, files[path]))
        assert jsonpatch.JsonPatch(list(record.patch)).apply(documents) == documents


@pytest.mark.parametrize("name", sorted(BEYOND_JSON))
def test_documents_that_expand_without_end_are_no_json(name):
    files, _ = load(name)

    with pytest.raises(ValueError, match="expands beyond"):
        as_json(next(iter(files.values())))


@pytest.mark.parametrize("name", NAMES)
def test_cut_off_anywhere_a_file_is_edited_right_or_left_alone(name):
    """fuzz: truncated files"""
    files, source = load(name)
    for path, text in files.items():
        for end in range(0, len(text), max(1, len(text) // 10)):
            cut = {**files, path: text[:end]}
            result = update_images(cut, source, IMAGES, "")
            assert all(note.code is not NoteCode.UNSAFE_EDIT for note in result.notes)
            assert not update_images({**cut, **result.changed}, source, IMAGES, "").changed
