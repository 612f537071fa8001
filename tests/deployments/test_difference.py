from deployments.dashboard.difference import diff_rows


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
