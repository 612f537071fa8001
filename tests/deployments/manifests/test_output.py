"""Where rendered manifests go, what a purge takes away, and which YAML is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.manifests.output import folder_for, folders_above, inside, is_below, lay_out, why_not_yaml

KEY = "argo.octopus.com/path.web"


def folder(**values):
    return folder_for(**{"title": "source web", "annotation": KEY, "annotated": None, "path": "apps/web", "ref": "", **values})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "apps/web"),
        ({"path": "./apps//web/"}, "apps/web"),
        ({"path": ""}, ""),
        ({"path": "."}, ""),
        ({"path": "/apps/web"}, "apps/web"),
        ({"annotated": "envs/prod"}, "envs/prod"),
        ({"annotated": " / "}, ""),
        ({"annotated": "  "}, "apps/web"),
        ({"annotated": "a/../b"}, "b"),
        ({"path": None, "annotated": "envs/prod"}, "envs/prod"),
        ({"ref": "values", "path": None}, ""),
        ({"ref": "values", "annotated": "envs/prod"}, "envs/prod"),
        ({"path": ".github/web"}, ".github/web"),
    ],
)
def test_folder_for_is_the_annotation_else_the_root_of_a_ref_else_the_path(values, expected):
    found = folder(**values)

    assert (found.path, found.problem) == (expected, "")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"path": None}, f"source web has no path. Give it one in the Application, or set {KEY}."),
        ({"ref": "values"}, f"source web has both a ref and a path, so it is not clear where manifests go. Set {KEY} to the folder."),
        ({"annotated": "../other"}, f"{KEY} of source web is “../other”, which leaves its repository. Write it from the repository's root."),
        ({"annotated": "a/../../b"}, f"{KEY} of source web is “a/../../b”, which leaves its repository. Write it from the repository's root."),
        ({"annotated": "a\\..\\b"}, f"{KEY} of source web is “a\\..\\b”, which leaves its repository. Write it from the repository's root."),
        ({"path": ".."}, "the path “..” of source web leaves its repository. Write it from the repository's root."),
        ({"annotated": ".git/hooks"}, f"{KEY} of source web is “.git/hooks”, which is inside .git, where Git keeps its own files. Choose another folder."),
        ({"annotated": "a/.GIT"}, f"{KEY} of source web is “a/.GIT”, which is inside .git, where Git keeps its own files. Choose another folder."),
    ],
)
def test_folder_for_says_why_there_is_none(values, problem):
    assert folder(**values).problem == problem


def test_lay_out_puts_every_file_into_every_folder_and_deletes_nothing_without_purge():
    layout = lay_out(["a", "b/c", "a"], {"x.yaml": b"1", "y/z.yaml": b"2"}, {"a": ["a/old.yaml"]}, purge=False)

    assert sorted(layout.files) == ["a/x.yaml", "a/y/z.yaml", "b/c/x.yaml", "b/c/y/z.yaml"]
    assert layout.deleted == frozenset()
    assert layout.of("a") == ["a/x.yaml", "a/y/z.yaml"]


def test_lay_out_purges_what_nobody_writes_also_when_folders_are_nested():
    existing = {"apps": ["apps/old.yaml", "apps/x.yaml", "apps/b/x.yaml", "apps/b/old.yaml"], "apps/b": ["apps/b/x.yaml", "apps/b/old.yaml"]}
    layout = lay_out(["apps", "apps/b"], {"x.yaml": b"1"}, existing, purge=True)

    assert layout.deleted == {"apps/old.yaml", "apps/b/old.yaml"}
    assert layout.of("apps") == ["apps/b/old.yaml", "apps/old.yaml", "apps/x.yaml"]
    assert layout.of("apps/b") == ["apps/b/old.yaml", "apps/b/x.yaml"]


def test_lay_out_lets_the_deeper_folder_decide_and_tells_the_other():
    layout = lay_out(["", "b"], {"x.yaml": b"root", "b/x.yaml": b"below"}, {}, purge=False)

    assert layout.files == {"b/x.yaml": b"root", "b/b/x.yaml": b"below", "x.yaml": b"root"}
    assert layout.overruled == {"": {"b/x.yaml"}}


FOLDERS = st.sampled_from(["", "a", "a/b", "a/b/c", "ab", "c"])
NAMES = st.sampled_from(["x.yaml", "b/x.yaml", "b/c/x.yaml", "y"])


@given(st.lists(FOLDERS, min_size=1), st.dictionaries(NAMES, st.binary(max_size=1), min_size=1), st.lists(st.tuples(FOLDERS, NAMES)))
def test_lay_out_never_deletes_what_is_written_or_stands_elsewhere(folders, rendered, there):
    tree = sorted({inside(folder, name) for folder, name in there})
    layout = lay_out(folders, rendered, {folder: [path for path in tree if is_below(path, folder)] for folder in folders}, purge=True)

    assert not layout.deleted & layout.files.keys()
    assert layout.deleted <= set(tree)
    assert all(any(is_below(path, folder) for folder in folders) for path in layout.deleted)
    assert set(layout.files) == {inside(folder, name) for folder in folders for name in rendered}
    assert {path for folder in folders for path in layout.of(folder)} == {*layout.files, *layout.deleted}


def test_folders_above_names_each_once():
    assert folders_above(["a/b/c", "a/d", "e"]) == ["a", "a/b"]


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("a.yaml", "a: 1\n---\nb: [2]\n", ""),
        ("a.yaml", "", ""),
        ("a.yaml", "\ufeffa: 1\r\n", ""),
        ("a.yaml", "a: 1\nb: [\n", "line 3: did not find expected node content"),
        ("a.YML", "a: b: c\n", "line 1: mapping values are not allowed in this context"),
        ("a.yaml", "é: 1\nb: \x02\n", "line 2: a character that YAML does not allow"),
        ("a.txt", "b: [\n", ""),
        ("a.yaml", "[" * 100_000, ""),  # not looked at: it would take minutes
        ("a.yaml", "{{- if .Values.on }}\na: 1\n{{- end }}\n", "line 1: did not find expected node content"),
    ],
)
def test_why_not_yaml_names_the_line(path, text, why):
    assert why_not_yaml(path, text) == why
