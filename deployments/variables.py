"""Which value of each variable applies in a scope, which are withheld because they are sensitive, and the system's own variables. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

# Most specific first. "target_tag_of_step" are the tags of the machine that the step itself targets.
KINDS = ("step", "machine", "target_tag_of_step", "target_tag", "tenant", "tenant_tag", "environment", "channel", "process", "project")
NOT_FOR_LIBRARY = ("step", "channel")
RESERVED = "octopus"
DEFAULT_REGISTRY = "docker.io"


@dataclass(frozen=True)
class Scope:
    """For each kind of KINDS the entries it names, e.g. {"environment": frozenset({"production"})}; none means everywhere."""

    entries: dict[str, frozenset[str]] = field(default_factory=dict)

    def applies(self, context: "Scope") -> bool:
        return all(not names or names & context.entries.get(kind, frozenset()) for kind, names in self.entries.items())

    def rank(self) -> tuple[bool, ...]:
        """Compares like CSS: the most specific kind that only one of two scopes uses decides."""
        return tuple(bool(self.entries.get(kind)) for kind in KINDS)


@dataclass(frozen=True)
class Definition:
    """One value of a variable; `value` of a sensitive one is never read here."""

    name: str
    value: str
    scope: Scope = Scope()
    is_sensitive: bool = False
    is_library: bool = False


@dataclass(frozen=True)
class Variables:
    """One value for each name, in order of definition; `withheld` holds the names of sensitive ones."""

    values: tuple[tuple[str, str], ...] = ()
    withheld: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    now: datetime | None = None  # what date filters tell: fixed, so that a second rendering gives the same


def select(definitions: tuple[Definition, ...], scope: Scope) -> Variables:
    """Return each name's most specific value that applies; the project's beats a library's, then the first defined.

    A library's value that is scoped to a step or a channel never applies, and the warnings say so.
    """
    chosen: dict[str, Definition] = {}
    warnings: dict[str, str] = {}
    refused: dict[str, None] = {}
    for one in definitions:
        if not one.scope.applies(scope):
            continue
        key = one.name.lower()
        best = chosen.get(key)
        if one.is_library and any(one.scope.entries.get(kind) for kind in NOT_FOR_LIBRARY):
            refused[f"Variable “{one.name}” of a library set has a value scoped to a step or channel; library sets can not, so it is not used."] = None
        elif best is None or _weight(one) > _weight(best):
            chosen[key] = one
            warnings.pop(key, None)
        elif _weight(one) == _weight(best):
            warnings[key] = f"Variable “{best.name}” has several values for the same scope; the first one is used."
    values = tuple((one.name, "" if one.is_sensitive else one.value) for one in chosen.values())
    withheld = frozenset(one.name for one in chosen.values() if one.is_sensitive)
    return Variables(values, withheld, (*refused, *warnings.values()))


def _weight(one: Definition) -> tuple[tuple[bool, ...], bool]:
    return one.scope.rank(), not one.is_library


def is_reserved(name: str) -> bool:
    """Return whether a name is the system's: `Octopus` and all below it, in any case. Pages refuse such names."""
    first = name.strip().lower()
    return first == RESERVED or first.startswith((RESERVED + ".", RESERVED + "["))


@dataclass(frozen=True)
class DeploymentFacts:
    """What a deployment's system variables are made of. A fact that does not exist is "" (None for the numbers)."""

    project_id: str = ""
    project_name: str = ""
    project_slug: str = ""
    environment_id: str = ""
    environment_name: str = ""
    environment_slug: str = ""
    environment_sort_order: int | None = None
    tenant_id: str | None = None
    tenant_name: str | None = None
    tenant_slug: str | None = None
    release_id: str = ""
    release_number: str = ""
    release_notes: str = ""
    release_created: str = ""  # ISO 8601
    release_git_branch: str = ""  # of the templates
    release_git_commit: str = ""
    release_git_ref: str = ""
    previous_release_number: str = ""
    deployment_id: str = ""
    deployment_name: str = ""
    deployment_created: str = ""  # ISO 8601
    created_by_username: str = ""
    created_by_display_name: str = ""
    created_by_email: str = ""
    step_name: str = ""
    step_number: int | None = None
    server_uri: str = ""
    project_link: str = ""
    release_link: str = ""
    deployment_link: str = ""
    images: tuple[str, ...] = ()  # full references, e.g. "ghcr.io/acme/web:1.4.2"
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by the step's name, then the variable's


def system_variables(facts: DeploymentFacts) -> tuple[tuple[str, str], ...]:
    """Return name and value of the variables `Octopus.*` that exist for a deployment, e.g. ("Octopus.Release.Number", "1.4.2").

    A name without meaning here is absent: those of the tenant without one, of Git where templates come from an archive.
    Release notes are there even when they are empty, so that a template may use them always.
    They need not win over a project's variables: those may not have such names, see `is_reserved`.
    """
    return (*_simple(facts), *_of_images(facts.images), *_of_outputs(facts.outputs))


def _simple(facts: DeploymentFacts) -> Iterator[tuple[str, str]]:
    number = "" if facts.step_number is None else str(facts.step_number)
    groups: tuple[tuple[str, tuple[tuple[str, str | None], ...]], ...] = (
        ("Project", (("Id", facts.project_id), ("Name", facts.project_name), ("Slug", facts.project_slug))),
        ("Environment", (("Id", facts.environment_id), ("Name", facts.environment_name), ("Slug", facts.environment_slug))),
        ("Environment", (("SortOrder", "" if facts.environment_sort_order is None else str(facts.environment_sort_order)),)),
        ("Deployment.Tenant", (("Id", facts.tenant_id), ("Name", facts.tenant_name), ("Slug", facts.tenant_slug))),
        ("Release", (("Id", facts.release_id), ("Number", facts.release_number), ("Created", facts.release_created))),
        ("Release.Git", (("BranchName", facts.release_git_branch), ("CommitHash", facts.release_git_commit), ("Ref", facts.release_git_ref))),
        ("Release.Previous", (("Number", facts.previous_release_number),)),
        ("Deployment", (("Id", facts.deployment_id), ("Name", facts.deployment_name), ("Created", facts.deployment_created))),
        ("Deployment.CreatedBy", (("Username", facts.created_by_username), ("EmailAddress", facts.created_by_email))),
        ("Deployment.CreatedBy", (("DisplayName", facts.created_by_display_name or facts.created_by_username),)),
        ("Step", (("Name", facts.step_name), ("Number", number))),
        ("Action", (("Name", facts.step_name), ("Number", number))),
        ("Web", (("ServerUri", facts.server_uri), ("ProjectLink", facts.project_link), ("ReleaseLink", facts.release_link))),
        ("Web", (("DeploymentLink", facts.deployment_link),)),
    )
    for group, names in groups:
        yield from ((f"Octopus.{group}.{name}", value) for name, value in names if value)
    if facts.release_number:
        yield "Octopus.Release.Notes", facts.release_notes


def _of_images(images: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each image under its short name (the first one of that name) and under its full name without the tag."""
    seen: set[str] = set()
    for image in images:
        name, version = _split(image)
        host, _, rest = name.partition("/")
        is_qualified = bool(rest) and ("." in host or ":" in host or host == "localhost")
        facts = {
            "Image": image,
            "Registry": host if is_qualified else DEFAULT_REGISTRY,
            "PackageId": rest if is_qualified else name,
            "PackageVersion": version,
            "Version": version,
        }
        for reference in dict.fromkeys((name.rpartition("/")[2], name)):
            if reference.lower() not in seen:
                seen.add(reference.lower())
                yield from ((f"Octopus.Action.Package[{reference}].{fact}", value) for fact, value in facts.items())


def _split(image: str) -> tuple[str, str]:
    """Return the name and the tag, or the digest where there is no tag."""
    bare, _, digest = image.partition("@")
    folder, slash, last = bare.rpartition("/")
    short, _, tag = last.partition(":")
    return folder + slash + short, tag or digest


def _of_outputs(outputs: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    for step, values in outputs.items():
        yield from ((f"Octopus.Action[{step}].Output.{name}", value) for name, value in values.items())
