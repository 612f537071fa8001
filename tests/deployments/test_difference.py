from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st

from deployments.dashboard.difference import MAX_ROWS, diff_rows
from deployments.services.line_diff import unified_diff
from simulator.forge import git

TEXTS = st.lists(st.sampled_from(["a", "b", "image: web:1", "", "x\u2028y", "c\r"]), max_size=12).map("\n".join)


def test_diff_rows_show_what_differs_inside_a_line_as_whole_words():
    rows = diff_rows("a: 1\nimage: acme/web:1.4.1 # x\nb: 2\n", "a: 1\nimage: acme/web:1.4.2 # x\nb: 2\n")

    assert [(row.sign, row.old, row.new, row.start, row.changed, row.end) for row in rows] == [
        (" ", 1, 1, "a: 1", "", ""),
        ("-", 2, None, "image: acme/web:", "1.4.1", " # x"),
        ("+", None, 2, "image: acme/web:", "1.4.2", " # x"),
        (" ", 3, 3, "b: 2", "", ""),
        (" ", 4, 4, "", "", ""),
    ]


def test_diff_rows_put_a_gap_between_hunks():
    before = "\n".join(f"line {number}" for number in range(30))
    after = before.replace("line 3\n", "line three\n").replace("line 25\n", "line twentyfive\n")

    assert [row.kind for row in diff_rows(before, after)].count("hunk") == 1


def test_diff_rows_of_equal_texts_are_none():
    assert diff_rows("a\nb\n", "a\nb\n") == []


def test_diff_rows_of_an_added_line_carry_it_whole():
    rows = [row for row in diff_rows("a: 1\n", "a: 1\nnewTag: x\n") if row.sign != " "]

    assert [(row.sign, row.new, row.start, row.changed) for row in rows] == [("+", 2, "newTag: x", "")]


def test_diff_rows_that_are_left_out_are_counted():
    rows = diff_rows("a\n" * 1000, "b\n" * 1000)

    assert len(rows) == MAX_ROWS + 1
    assert rows[-1].start.startswith(f"… and {2000 + 1 - MAX_ROWS} more rows.")


def test_a_big_file_of_lines_that_are_alike_is_quick_and_exact():
    before = "- name: x\n  image: ghcr.io/acme/web:1.4.1\n  env: []\n" * 50_000
    after = before.replace("1.4.1\n", "1.4.2\n  newTag: x\n", 1)
    began = perf_counter()
    rows, text = diff_rows(before, after), unified_diff("a.yaml", before.encode(), after.encode())

    assert perf_counter() - began < 5
    assert [row.sign for row in rows if row.sign in "+-"] == ["-", "+", "+"]
    assert [line for line in text.splitlines()[2:] if line[:1] in "+-"] == [
        "-  image: ghcr.io/acme/web:1.4.1",
        "+  image: ghcr.io/acme/web:1.4.2",
        "+  newTag: x",
    ]
    assert len(diff_rows(before, before.replace("1.4.1", "1.4.2"))) == MAX_ROWS + 1


@given(TEXTS, TEXTS)
def test_a_unified_diff_is_one_that_git_applies(tmp_path_factory, before, after):
    directory = tmp_path_factory.mktemp("applied")
    (directory / "f.yaml").write_bytes(before.encode())
    patch = unified_diff("f.yaml", before.encode(), after.encode())
    if patch and before and after:
        (directory / "patch").write_bytes(patch.encode())
        git("apply", "--whitespace=nowarn", "patch", cwd=directory)

    assert (directory / "f.yaml").read_bytes() == (after.encode() if before and after else before.encode())
