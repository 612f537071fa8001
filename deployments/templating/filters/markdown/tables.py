"""Pipe tables. Pure."""

import re

from deployments.templating.filters.markdown.inline import Inline

_RULE = re.compile(r" {0,3}\|?(?:[ \t]*+:?-++:?[ \t]*+\|)*+(?:[ \t]*+:?-++:?[ \t]*+)?$")
_BAR = re.compile(r"(?<!\\)\|")


def starts(lines: list[str], at: int) -> bool:
    """Return whether a table's head and the rule below it stand here."""
    if at + 1 >= len(lines) or "|" not in lines[at] or "-" not in lines[at + 1] or len(lines[at + 1]) > 5000:
        return False
    return bool(_RULE.match(lines[at + 1])) and len(_cells(lines[at])) == len(_cells(lines[at + 1]))


def render(lines: list[str], at: int, out: list[str], inline: Inline) -> int:
    """Append the table's HTML; returns where the next block starts."""
    aligns = [_align(cell) for cell in _cells(lines[at + 1])]
    out.extend(["<table>", "<thead>", *_row(_cells(lines[at]), aligns, "th", inline), "</thead>"])
    at += 2
    if at < len(lines) and "|" in lines[at]:
        out.append("<tbody>")
        while at < len(lines) and "|" in lines[at]:
            out.extend(_row(_cells(lines[at]), aligns, "td", inline))
            at += 1
        out.append("</tbody>")
    out.append("</table>")
    return at


def _cells(line: str) -> list[str]:
    line = line.strip()
    cells = _BAR.split(line)
    if cells and not cells[0].strip() and line.startswith("|"):
        cells = cells[1:]
    if cells and not cells[-1].strip() and line.endswith("|"):
        cells = cells[:-1]
    return [cell.strip().replace("\\|", "|") for cell in cells]


def _align(cell: str) -> str:
    word = {(True, True): "center", (True, False): "left", (False, True): "right"}.get((cell.startswith(":"), cell.endswith(":")), "")
    return f' style="text-align: {word};"' if word else ""


def _row(cells: list[str], aligns: list[str], tag: str, inline: Inline) -> list[str]:
    cells = [*cells, *[""] * len(aligns)][: len(aligns)]
    return ["<tr>", *(f"<{tag}{align}>{inline.render(cell)}</{tag}>" for cell, align in zip(cells, aligns, strict=True)), "</tr>"]
