"""The templates of a manifests step: read from the commit or the archive that the release names, then rendered, all of them before Git is written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from deployments.archives import BadArchive, Limits, read_archive
from deployments.git import GitError, Reader, RepositoryAway
from deployments.git.reads import Entry
from deployments.manifests.output import is_below, listed, why_not_yaml
from deployments.manifests.paths import normalise
from deployments.models import TemplateArchive
from deployments.steps.progress import StepBlocked, StepRefused
from deployments.steps.repositories import host_name, open_mirror
from deployments.steps.variables import UNTOUCHED, refused, render_or_refuse, sentences_of
from deployments.templating import Mode, render
from deployments.variables import Variables

LIMITS = Limits()
AT_ONCE = 200  # files read together
MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))  # byte order marks


@dataclass(frozen=True)
class Templates:
    """Files by their path below the output folder, and what was left out, as sentences."""

    files: Mapping[str, bytes]
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class RenderedFiles:
    """What is to be written, by path below the output folder; `warnings` are sentences for the log, `remarks` those that need no look."""

    files: Mapping[str, bytes]
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def rendered_templates(templates: Mapping[str, Any] | None, variables: Variables) -> RenderedFiles:
    """Read and render the templates that a release keeps for a step ("templates" of its process's entry).

    Raises StepRefused with every error of every file, StepBlocked when the templates' Git host does not answer.
    """
    if not templates:
        raise _refused("the release was made before this step had templates. Make a new release")
    return _rendered(json.dumps(templates, sort_keys=True), variables)


@lru_cache(maxsize=2)
def _rendered(kept: str, variables: Variables) -> RenderedFiles:
    """A step asks again for each of its repositories; what is pinned renders to the same with the same variables."""
    templates: Mapping[str, Any] = json.loads(kept)
    path = _input_path(str(templates.get("path") or ""), variables)
    found = _from_archive(templates, path) if templates.get("origin") == "archive" else _from_git(templates, path)
    return render_files(found, variables)


def render_files(templates: Templates, variables: Variables) -> RenderedFiles:
    """Render every file. Raises StepRefused with all errors of all files."""
    files: dict[str, bytes] = {}
    errors: list[str] = []
    warnings, remarks = list(templates.told), []
    for path, content in sorted(templates.files.items()):
        mark, encoding, text = _decoded(content)
        if text is None:
            files[path] = content
            remarks.append(f"Copied as it is: {path} is not UTF-8 text, so nothing in it is a template.")
            continue
        rendered = render(text, variables, mode=Mode.CONTINUING)
        errors += sentences_of(rendered.errors, variables, where=f"template {path}")
        if rendered.text is None:
            remarks.append(f"Not written: the template {path} asks for no output.")
            continue
        files[path] = mark + rendered.text.encode(encoding, "surrogatepass")
        if not rendered.errors and (why := why_not_yaml(path, rendered.text)):
            warnings.append(f"{path} is not valid YAML once it is rendered, {why}. It is written all the same.")
    if errors:
        raise refused(errors)
    if not files:
        raise _refused("no template gives a file")
    return RenderedFiles(files, tuple(warnings), tuple(remarks))


def chosen(files: Mapping[str, bytes], path: str) -> dict[str, bytes]:
    """The file at `path` under its base name, or all below the folder there, structure kept; {} for nothing."""
    if path in files:
        return {path.rpartition("/")[2]: files[path]}
    cut = len(path) + 1 if path else 0
    return {name[cut:]: content for name, content in files.items() if is_below(name, path)}


def _input_path(written: str, variables: Variables) -> str:
    text = render_or_refuse(written, variables, where="the template path")
    path = normalise(text.strip())
    if path is None:
        raise _refused(f"the template path “{text}” leaves its repository or archive. Correct it in the step, then make a new release")
    return path


def _from_archive(templates: Mapping[str, Any], path: str) -> Templates:
    archive = TemplateArchive.objects.filter(pk=int(templates.get("archive") or 0)).first()
    name = str(templates.get("name") or "the archive")
    if archive is None or archive.sha256 != templates.get("sha256"):
        raise _refused(f"{name}, which the release names, is not here any more. Make a new release with it")
    try:
        files = chosen(read_archive(bytes(archive.content), name), path)
    except BadArchive as error:
        raise StepRefused(f"Not written: {error} {UNTOUCHED}") from error
    if not files:
        raise _refused(f"{name} holds nothing at “{path}”. Correct the step's template path, then make a new release")
    return Templates(files)


def _from_git(templates: Mapping[str, Any], path: str) -> Templates:
    url, commit = str(templates.get("repo_url") or ""), str(templates.get("commit") or "")
    try:
        mirror = open_mirror(url)
        if not mirror.ensure_commit(commit):
            raise _refused(f"{mirror.address} does not have the commit {commit[:7]} any more, which the release names. Make a new release")
        where = f"{mirror.address} at {commit[:7]}"
        reader = mirror.reader(commit)
        try:
            return _read(reader, path, where)
        finally:
            reader.close()
    except RepositoryAway as error:
        raise StepBlocked(f"{host_name(url)}, where the templates are: {error}".rstrip(".")) from error
    except GitError as error:
        raise StepRefused(f"Not written: the templates cannot be read. {error} {UNTOUCHED}") from error


def _read(reader: Reader, path: str, where: str) -> Templates:
    listing = reader.listing(path)
    plain = [name for name, entry in listing.items() if entry.is_plain_file]
    if not plain:
        others = ", nothing but links and submodules" if listing else ""
        raise _refused(f"there is nothing at “{path}” in {where}{others}. Correct the step's template path, then make a new release")
    if odd := next((name for name in plain if not name.isprintable()), None):
        raise _refused(f"the name {odd!a} among the templates in {where} cannot be used. Rename the file, then make a new release")
    if len(plain) > LIMITS.entries:
        raise _refused(f"“{path}” in {where} holds {len(plain):,} files, and {LIMITS.entries:,} are allowed. Give the step a smaller template path")
    return Templates(chosen(_contents(reader, plain, where), path), tuple(_left_out(listing)))


def _contents(reader: Reader, paths: Sequence[str], where: str) -> dict[str, bytes]:
    """Read a part at a time, and no more than fits."""
    contents: dict[str, bytes] = {}
    total = 0
    for start in range(0, len(paths), AT_ONCE):
        for name, content in reader.read_files(paths[start : start + AT_ONCE]).items():
            contents[name] = content or b""
            total += len(contents[name])
            if len(contents[name]) > LIMITS.single or total > LIMITS.total:
                raise _refused(f"the templates in {where} are too big, at {name}. Give the step a smaller template path")
    return contents


def _left_out(listing: Mapping[str, Entry]) -> list[str]:
    """Nothing is followed out of the folder."""
    links = [name for name, entry in listing.items() if entry.mode == "120000"]
    modules = [name for name, entry in listing.items() if entry.mode == "160000"]
    told = []
    if links:
        told.append(f"Left out of the templates: symbolic links are not followed: {listed(links)}.")
    if modules:
        told.append(f"Left out of the templates: submodules are not read: {listed(modules)}.")
    return told


def _decoded(content: bytes) -> tuple[bytes, str, str | None]:
    """Byte order mark, encoding and text; None for what is no text."""
    mark, encoding = next(((mark, encoding) for mark, encoding in MARKS if content.startswith(mark)), (b"", "utf-8"))
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        return b"", encoding, None
    return (mark, encoding, text) if "\0" not in text else (b"", encoding, None)


def _refused(why: str) -> StepRefused:
    return StepRefused(f"Not written: {why}. {UNTOUCHED}")
