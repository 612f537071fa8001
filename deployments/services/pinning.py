"""Finds out what a release's templates are, once and for all: the commit that a branch or tag stands for now, or an archive's digest."""

from collections.abc import Mapping
from typing import Any

from deployments.archives import BadArchive, read_archive
from deployments.git import GitError, Mirror, RemoteRefs
from deployments.git.remote import FULL_SHA, HEADS, SHORT_SHA, TAGS
from deployments.manifests.paths import normalise
from deployments.models import TemplateArchive
from deployments.services.errors import InvalidRelease
from deployments.status import StepKind, TemplateOrigin
from deployments.steps.repositories import open_mirror
from deployments.steps.templates import chosen


def is_manifests_step(step: Mapping[str, Any]) -> bool:
    return step.get("kind") == StepKind.UPDATE_MANIFESTS


def takes_archive(step: Mapping[str, Any]) -> bool:
    """Whether a release needs an uploaded archive for this step, as `Step.snapshot()` gives it."""
    return is_manifests_step(step) and step.get("template_origin") == TemplateOrigin.ARCHIVE


def pinned_process(process: list[dict[str, Any]], archive: TemplateArchive | None) -> list[dict[str, Any]]:
    """The steps' snapshots, those that write manifests with their "templates". Calls the templates' Git hosts. Raises InvalidRelease."""
    if archive is not None and not any(map(takes_archive, process)):
        raise InvalidRelease("No step of the process takes its templates from an archive. Leave the archive out.", field="archive")
    return [{**step, "templates": _templates(step, archive)} if is_manifests_step(step) else step for step in process]


def _templates(step: Mapping[str, Any], archive: TemplateArchive | None) -> dict[str, Any]:
    path = str(step.get("template_path") or "").strip()
    if "#{" not in path and normalise(path) is None:
        raise InvalidRelease(f"The template path “{path}” of step “{step['name']}” leaves its repository or archive. Correct the step first.")
    return _of_archive(step, archive, path) if takes_archive(step) else _of_git(step, path)


def _of_archive(step: Mapping[str, Any], archive: TemplateArchive | None, path: str) -> dict[str, Any]:
    if archive is None:
        raise InvalidRelease(f"Step “{step['name']}” takes its templates from an archive. Choose or upload one, a zip or a tar.gz.", field="archive")
    if "#{" not in path and not _holds(archive, path):
        raise InvalidRelease(f"{archive.name} holds nothing at “{path}”, where step “{step['name']}” looks for its templates.", field="archive")
    return {"origin": "archive", "archive": archive.pk, "name": archive.name, "sha256": archive.sha256, "path": path}


def _holds(archive: TemplateArchive, path: str) -> bool:
    try:
        return bool(chosen(read_archive(bytes(archive.content), archive.name), normalise(path) or ""))
    except BadArchive as error:
        raise InvalidRelease(str(error), field="archive") from error


def _of_git(step: Mapping[str, Any], path: str) -> dict[str, Any]:
    url, ref = str(step.get("template_repo_url") or "").strip(), str(step.get("template_ref") or "").strip()
    if not url:
        raise InvalidRelease(f"Step “{step['name']}” names no template repository. Give it one first.")
    try:
        mirror = open_mirror(url)
        branch, commit = _commit_of(mirror, ref, str(step["name"]))
    except GitError as error:
        raise InvalidRelease(f"The templates of step “{step['name']}” cannot be found. {error}") from error
    return {"origin": "git", "repo_url": url, "ref": ref, "branch": branch, "commit": commit, "path": path}


def _commit_of(mirror: Mirror, ref: str, step: str) -> tuple[str, str]:
    """Branch ("" for a tag or commit) and commit."""
    if FULL_SHA.fullmatch(ref):
        if not mirror.ensure_commit(ref.lower()):
            raise InvalidRelease(f"{mirror.address} does not have the commit {ref[:10]}, which step “{step}” names.")
        return "", ref.lower()
    refs = mirror.remote_refs()
    if ref in ("", "HEAD"):
        found = refs.resolve("")
        return found.branch, found.head_sha
    if not ref.startswith(TAGS) and (sha := refs.shas.get(HEADS + ref.removeprefix(HEADS))):
        return ref.removeprefix(HEADS), sha
    if sha := _of_tag(refs, ref):
        return "", sha
    hint = " Write all 40 digits of a commit." if SHORT_SHA.fullmatch(ref) else ""
    raise InvalidRelease(f"{mirror.address} has no branch or tag {ref}, which step “{step}” names.{hint}")


def _of_tag(refs: RemoteRefs, ref: str) -> str:
    """What the tag stands for: an annotated one is an object of its own, and the host names its commit beside it."""
    name = TAGS + ref.removeprefix(TAGS)
    return refs.shas.get(f"{name}^{{}}") or refs.shas.get(name) or ""
