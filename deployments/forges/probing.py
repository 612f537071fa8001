"""Which kind of Git host answers at an address, asked without a token. The caller keeps the answer for a day."""

from collections.abc import Callable
from urllib.parse import quote, urlsplit

from deployments.forges.addresses import NotAForge, propose_kind, recognise
from deployments.forges.client import Answer, Client
from deployments.forges.errors import ForgeError
from deployments.forges.values import Kind
from infrastructure.repositories import BadRepositoryUrl, parse_url

PROBE_TIMEOUT_S = 5.0
SURE = ("github.com", "gitlab.com", "codeberg.org", "gitea.com", "dev.azure.com", "bitbucket.org")


def probe_kind(url: str, *, web_base: str = "", allow_private: bool = False, timeout_s: float = PROBE_TIMEOUT_S) -> Kind | None:
    """Ask the host of a repository's URL what it is; None when it does not say. Five short calls at most, none to the known cloud hosts.

    Raises NotAForge when the URL cannot be read.
    """
    try:
        parsed = parse_url(url).over_https()
    except BadRepositoryUrl as error:
        raise NotAForge(str(error)) from error
    if parsed.host in SURE or parsed.host.endswith((".visualstudio.com", ".ghe.com")):
        return propose_kind(url)
    if parsed.scheme not in ("http", "https") and not web_base:
        return propose_kind(url)
    for kind, path, is_it in PROBES:
        base, collection = _where(url, kind, web_base or parsed.server)
        answer = _look(base, path.format(collection=collection), allow_private=allow_private, timeout_s=timeout_s)
        if answer is not None and is_it(answer):
            return kind
    return None


def _where(url: str, kind: Kind, server: str) -> tuple[str, str]:
    """Where a host of that kind would be by the repository's URL, perhaps below a path, and the first part of the repository's own path."""
    try:
        repository = recognise(url, kind=kind)
    except NotAForge:
        return server.rstrip("/"), "DefaultCollection"
    below = urlsplit(repository.web_base).path
    return server.rstrip("/").removesuffix(below) + below, quote(repository.path.split("/")[0])


def _look(base: str, path: str, *, allow_private: bool, timeout_s: float) -> Answer | None:
    try:
        return Client(base, {}, allow_private=allow_private, timeout_s=timeout_s).call("GET", path)
    except ForgeError:
        return None


def _is_gitea(answer: Answer) -> bool:
    return answer.is_fine and isinstance(answer.content, dict) and set(answer.content) == {"version"}


def _is_gitlab(answer: Answer) -> bool:
    return "x-gitlab-meta" in answer.headers or (answer.is_fine and isinstance(answer.content, dict) and "revision" in answer.content)


def _is_github(answer: Answer) -> bool:
    is_meta = answer.is_fine and isinstance(answer.content, dict) and "installed_version" in answer.content
    return is_meta or "x-github-enterprise-version" in answer.headers


def _is_data_center(answer: Answer) -> bool:
    return answer.is_fine and isinstance(answer.content, dict) and answer.content.get("displayName") == "Bitbucket"


def _is_azure(answer: Answer) -> bool:
    return "x-tfs-processid" in answer.headers or "x-vss-e2eid" in answer.headers


PROBES: tuple[tuple[Kind, str, Callable[[Answer], bool]], ...] = (
    (Kind.GITEA, "/api/v1/version", _is_gitea),
    (Kind.GITLAB, "/api/v4/version", _is_gitlab),
    (Kind.GITHUB, "/api/v3/meta", _is_github),
    (Kind.BITBUCKET_DATA_CENTER, "/rest/api/1.0/application-properties", _is_data_center),
    (Kind.AZURE_DEVOPS, "/{collection}/_apis/connectionData", _is_azure),
)
