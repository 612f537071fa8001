"""Where rendered manifests go, what of it is new, and what a purge takes away. Pure: plain paths and bytes.

folder_for -> the output folder of a source, or why it has none; lay_out -> every file of every folder, and which to delete
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from deployments.manifests.paths import normalise

LARGEST_CHECKED = 1_000_000  # characters of YAML that are parsed to tell whether it is any
DEEPEST_CHECKED = 200  # brackets inside brackets: libyaml takes the square of them
_BRACKET = re.compile(r"[\[\]{}]")


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """A folder from the repository's root ("" is the root), or a sentence that says why there is none."""

    path: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """What all targets of one branch write together."""

    files: Mapping[str, bytes]  # by path from the repository's root
    deleted: frozenset[str]
    names: tuple[str, ...]  # of the rendered files, below each folder
    overruled: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by folder: paths that a deeper folder writes with other content

    def of(self, folder: str) -> list[str]:
        """What is written to one output folder and deleted below it, sorted; what other folders inside it get is theirs."""
        return sorted([*(inside(folder, name) for name in self.names), *(path for path in self.deleted if is_below(path, folder))])


def folder_for(*, title: str, annotation: str, annotated: str | None, path: str | None, ref: str) -> OutputFolder:
    """The output folder of a source: its annotation, else for a ref source the root, else its path.

    `annotation` is the annotation's key and `annotated` its value; `title` names the source in a sentence.
    """
    wanted = (annotated or "").strip()
    if wanted:
        return _checked(wanted, f"{annotation} of {title} is “{wanted}”, which")
    if ref and path is not None:
        return OutputFolder(problem=f"{title} has both a ref and a path, so it is not clear where manifests go. Set {annotation} to the folder.")
    if ref:
        return OutputFolder("")
    if path is None:
        return OutputFolder(problem=f"{title} has no path. Give it one in the Application, or set {annotation}.")
    return _checked(path, f"the path “{path}” of {title}")


def lay_out(folders: Iterable[str], rendered: Mapping[str, bytes], existing: Mapping[str, Collection[str]], *, purge: bool) -> Layout:
    """Put the rendered files (by path below a folder) into every folder; where two folders meet, the deeper one decides.

    `existing` holds what is below each folder now; with `purge`, what nobody writes goes, and nothing else does.
    """
    deepest_first = sorted(set(folders), key=lambda folder: (-len(folder), folder))
    files: dict[str, bytes] = {}
    overruled: dict[str, set[str]] = {}
    for folder in deepest_first:
        for name, content in rendered.items():
            path = inside(folder, name)
            if files.setdefault(path, content) != content:
                overruled.setdefault(folder, set()).add(path)
    deleted = {path for folder in deepest_first for path in existing.get(folder, ()) if path not in files} if purge else set()
    return Layout(files, frozenset(deleted), tuple(rendered), {folder: frozenset(paths) for folder, paths in overruled.items()})


def inside(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def folders_above(paths: Iterable[str]) -> list[str]:
    """Every folder that holds one of the paths, at any depth, sorted: "a" and "a/b" for "a/b/c"."""
    return sorted({"/".join(parts[:count]) for parts in (path.split("/") for path in paths) for count in range(1, len(parts))})


def why_not_yaml(path: str, text: str) -> str:
    """Where a rendered .yaml or .yml does not parse, for a sentence: "line 3: …"; "" when it does, or is no YAML file."""
    if not path.lower().endswith((".yaml", ".yml")) or len(text) > LARGEST_CHECKED or _brackets(text) > DEEPEST_CHECKED:
        return ""
    try:
        for _ in yaml.parse(text, Loader=yaml.CSafeLoader):  # events only: building nodes recurses in C
            pass
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return f"line {line}: {error.problem or 'it does not parse'}"
    except yaml.reader.ReaderError as error:
        return f"line {text.count(chr(10), 0, error.position) + 1}: a character that YAML does not allow"
    return ""


def _brackets(text: str) -> int:
    """At most how deep its brackets are nested."""
    deepest = depth = 0
    for bracket in _BRACKET.findall(text):
        depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


def counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def listed(paths: Sequence[str], most: int = 5) -> str:
    """A few of them, and how many more."""
    more = len(paths) - most
    return ", ".join(paths[:most]) + (f" and {more} more" if more > 0 else "")


def _checked(path: str, what: str) -> OutputFolder:
    folder = normalise(path)
    if folder is None:
        return OutputFolder(problem=f"{what} leaves its repository. Write it from the repository's root.")
    if any(part.lower() == ".git" for part in folder.split("/")):
        return OutputFolder(problem=f"{what} is inside .git, where Git keeps its own files. Choose another folder.")
    if not folder.isprintable():
        return OutputFolder(problem=f"{what} holds characters that cannot be seen. Choose another folder.")
    return OutputFolder(folder)
