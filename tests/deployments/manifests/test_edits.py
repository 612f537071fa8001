"""The last guard: an edit that would do more, or less, than intended is refused, and the others of its file are carried out."""

import pytest

from deployments.manifests.documents import parse_documents
from deployments.manifests.edits import Intent, Splice, UnsafeEdit, apply_intents, apply_splices, needs_quotes, replace_scalar
from deployments.manifests.notes import Note, NoteCode
from deployments.manifests.paths import Tree, join, normalise
from deployments.manifests.records import Form, Place
from deployments.manifests.work import Candidate, FileWork

TEXT = "a: one\nb: two # two\nc: &x three\nd: *x\n---\ne: five\n"


def _node(documents, key):
    return next(value for document in documents for name, value in document.root.value if name.value == key)


def _intent(start, end, text, documents, **values):
    return Intent([Splice(start, end, text)], {id(_node(documents, key)): value for key, value in values.items()})


@pytest.mark.parametrize(
    ("splice", "values"),
    [
        ((3, 6, "1"), {}),
        ((3, 6, "one"), {"a": "1"}),
        ((3, 6, "1"), {"a": "2"}),
        ((3, 6, "1\nz: 2"), {"a": "1"}),
        ((3, 6, "&y 1\nb: *y #"), {"a": "1"}),
        ((3, 6, "[1]"), {"a": "[1]"}),
        ((3, 6, "!x 1"), {"a": "1"}),
        ((3, 6, "1\n---\nx: y"), {"a": "1"}),
        ((3, 6, "'1"), {"a": "1"}),
        ((0, 6, "b: one"), {}),
        ((34, 36, "three"), {}),
    ],
)
def test_an_edit_that_does_anything_else_is_refused(splice, values):
    documents = parse_documents(TEXT)

    with pytest.raises(UnsafeEdit):
        apply_intents(TEXT, documents, [_intent(*splice, documents, **values)])


def test_an_edit_of_an_anchor_is_followed_by_its_aliases():
    documents = parse_documents(TEXT)
    intent = replace_scalar(TEXT, documents[0], _node(documents, "d"), "3")

    assert apply_intents(TEXT, documents, [intent]) == TEXT.replace("&x three", '&x "3"')


def test_splices_that_overlap_are_refused():
    with pytest.raises(UnsafeEdit, match="overlaps"):
        apply_splices("abcdef", [Splice(0, 3, "x"), Splice(2, 4, "y")])


def test_a_refused_edit_is_told_and_the_others_are_carried_out():
    documents = parse_documents(TEXT)
    work = FileWork("x.yaml", TEXT, documents)
    for key, intent in (("a", _intent(3, 6, "1\nz: 2", documents, a="1")), ("e", replace_scalar(TEXT, documents[1], _node(documents, "e"), "five5"))):
        note = Note(NoteCode.UPDATED, "x.yaml", key, "web:1", "")
        work.candidates.append(Candidate((Place(Form.VALUE, "1", path=key),), (note,), f"/0/{key}", "1", intent))

    outcome = work.finish()

    assert outcome.text == TEXT.replace("five", "five5")
    assert [place.path for place in outcome.record.places] == ["e"]
    assert [(note.code, note.place) for note in outcome.notes] == [(NoteCode.UPDATED, "e"), (NoteCode.UNSAFE_EDIT, "a")]


@pytest.mark.parametrize(
    "value", ["1", "1.10", "0x1F", "0o17", "1e3", ".5", "1_000", "12:30:45", "~", "null", "True", "off", "y", "2020-01-01", "", "a b", "a:", "-a", "@a"]
)
def test_texts_that_would_read_otherwise_need_quotes(value):
    assert needs_quotes(value)


@pytest.mark.parametrize("value", ["1.2.3", "v1", "latest", "ghcr.io/acme/web:1", "host:5000/a:1.2-rc_1", "1.2.3+build", "a@sha256:00", "nginx"])
def test_other_texts_need_none(value):
    assert not needs_quotes(value)


@pytest.mark.parametrize(
    ("path", "clean"),
    [("a/b", "a/b"), ("", ""), (".", ""), ("./", ""), ("/a", "a"), ("//a//b/", "a/b"), ("a/../b", "b"), ("..", None), ("a/../../b", None), ("/../a", None)],
)
def test_normalise_never_leaves_the_repository(path, clean):
    assert normalise(path) == clean


@pytest.mark.parametrize(("path", "joined"), [("b", "a/b"), ("../b", "b"), ("/b", "b"), ("../../b", None), ("a\\b", None), ("a\x00", None)])
def test_join_reads_a_leading_slash_as_the_root(path, joined):
    assert join("a", path) == joined


def test_tree_finds_what_is_below_a_folder():
    tree = Tree(["a/b.yaml", "a-b/c.yaml", "a/0/d.yaml", "a0/e.yaml", "a.yaml", "b"])

    assert tree.below("a") == ["a/0/d.yaml", "a/b.yaml"]
    assert tree.below("") == sorted(tree)
    assert "b" in tree
    assert Tree.of(tree) is tree
    assert len(tree) == 6
