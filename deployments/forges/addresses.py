"""Pure: a repository's URL -> which host it is on, its identity there, where the API is, and its web pages."""

from dataclasses import dataclass, replace
from urllib.parse import quote

from deployments.forges.errors import ForgeError
from deployments.forges.values import Kind
from infrastructure.repositories import BadRepositoryUrl, RepositoryUrl, parse_url

CLOUD_HOSTS = {
    "github.com": Kind.GITHUB,
    "ssh.github.com": Kind.GITHUB,
    "gitlab.com": Kind.GITLAB,
    "altssh.gitlab.com": Kind.GITLAB,
    "codeberg.org": Kind.GITEA,
    "gitea.com": Kind.GITEA,
    "dev.azure.com": Kind.AZURE_DEVOPS,
    "ssh.dev.azure.com": Kind.AZURE_DEVOPS,
    "vs-ssh.visualstudio.com": Kind.AZURE_DEVOPS,
    "bitbucket.org": Kind.BITBUCKET_CLOUD,
    "altssh.bitbucket.org": Kind.BITBUCKET_CLOUD,
}
WEB_HOSTS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "ssh.dev.azure.com": "dev.azure.com",
    "vs-ssh.visualstudio.com": "dev.azure.com",
}
HINTS = {
    "github": Kind.GITHUB,
    "gitlab": Kind.GITLAB,
    "gitea": Kind.GITEA,
    "forgejo": Kind.GITEA,
    "bitbucket": Kind.BITBUCKET_DATA_CENTER,
}
SEGMENTS = {Kind.GITHUB: 2, Kind.GITEA: 2, Kind.BITBUCKET_CLOUD: 2, Kind.BITBUCKET_DATA_CENTER: 2, Kind.GITLAB: 0, Kind.AZURE_DEVOPS: 3}


class NotAForge(ForgeError):
    """The URL does not name a repository on a host of that kind."""


@dataclass(frozen=True)
class ForgeRepository:
    """A repository on a host with pull requests."""

    kind: Kind
    path: str  # "acme/shop", "group/sub/shop", "org/project/repo"; decoded
    web_base: str  # "https://git.example.com", with the prefix of an installation below a path
    api_base: str

    @property
    def owner(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def web_url(self) -> str:
        owner, name = quote(self.owner), quote(self.name)
        if self.kind is Kind.BITBUCKET_DATA_CENTER:
            where = f"users/{owner[1:]}" if owner.startswith("~") else f"projects/{owner}"
            return f"{self.web_base}/{where}/repos/{name}"
        return f"{self.web_base}/{owner}/_git/{name}" if self.kind is Kind.AZURE_DEVOPS else f"{self.web_base}/{owner}/{name}"

    def commit_url(self, sha: str) -> str:
        word = {Kind.GITLAB: "-/commit", Kind.BITBUCKET_CLOUD: "commits", Kind.BITBUCKET_DATA_CENTER: "commits"}.get(self.kind, "commit")
        return f"{self.web_url}/{word}/{sha}"

    def file_url(self, sha: str, path: str) -> str:
        file = quote(path)
        match self.kind:
            case Kind.GITHUB:
                return f"{self.web_url}/blob/{sha}/{file}"
            case Kind.GITLAB:
                return f"{self.web_url}/-/blob/{sha}/{file}"
            case Kind.GITEA:
                return f"{self.web_url}/src/commit/{sha}/{file}"
            case Kind.AZURE_DEVOPS:
                return f"{self.web_url}?path=/{file}&version=GC{sha}"
            case Kind.BITBUCKET_CLOUD:
                return f"{self.web_url}/src/{sha}/{file}"
            case Kind.BITBUCKET_DATA_CENTER:
                return f"{self.web_url}/browse/{file}?at={sha}"

    def pull_request_url(self, number: int) -> str:
        words = {Kind.GITHUB: "pull", Kind.GITLAB: "-/merge_requests", Kind.GITEA: "pulls", Kind.AZURE_DEVOPS: "pullrequest"}
        return f"{self.web_url}/{words.get(self.kind, 'pull-requests')}/{number}"


def propose_kind(url: str) -> Kind | None:
    """The kind of host by its name: certain for the cloud hosts, a guess for the others; None if the name says nothing."""
    parsed = _read(url)
    host = parsed.host
    if host.endswith(".visualstudio.com") or "/_git/" in f"{parsed.path}/":
        return Kind.AZURE_DEVOPS
    if host.endswith(".ghe.com"):
        return Kind.GITHUB
    return CLOUD_HOSTS.get(host) or next((kind for hint, kind in HINTS.items() if hint in host), None)


def recognise(url: str, *, kind: Kind | None = None, web_base: str = "", api_base: str = "") -> ForgeRepository:
    """Read a repository's URL; `kind` overrides what its host's name says, `web_base` names an installation below a path or of another address,
    `api_base` an API that is not where it usually is.

    Raises NotAForge when the host or the repository cannot be told.
    """
    parsed, kind = _read(url), kind or propose_kind(url)
    if kind is None:
        raise NotAForge(f"What kind of Git host {parsed.host} is cannot be told from its name. Choose it on the Git credential.")
    found = _azure(parsed, web_base) if kind is Kind.AZURE_DEVOPS else _identify(parsed, kind, web_base)
    return replace(found, api_base=api_base.rstrip("/")) if api_base else found


def _identify(parsed: RepositoryUrl, kind: Kind, web_base: str) -> ForgeRepository:
    base = web_base.rstrip("/") or _web_base(parsed)
    segments = _segments(parsed, base)
    if kind is Kind.BITBUCKET_DATA_CENTER:
        base, segments = _data_center(base, segments)
    if kind is Kind.GITLAB and "-" in segments:
        segments = segments[: segments.index("-")]
    if wanted := SEGMENTS[kind]:
        if not web_base and len(segments) > wanted and kind is Kind.GITEA:
            base, segments = "/".join([base, *segments[:-wanted]]), segments[-wanted:]
        if len(segments) != wanted:
            raise NotAForge(f"{parsed.address} is no repository's URL: it should end with an owner and a name, like acme/shop.")
    if len(segments) < 2:
        raise NotAForge(f"{parsed.address} is no repository's URL: it should end with a group and a name, like acme/shop.")
    return ForgeRepository(kind, "/".join(segments), base, _api_base(kind, base))


def _read(url: str) -> RepositoryUrl:
    try:
        return parse_url(url)
    except BadRepositoryUrl as error:
        raise NotAForge(str(error)) from error


def _web_base(parsed: RepositoryUrl) -> str:
    host = WEB_HOSTS.get(parsed.host, parsed.host)
    is_web = parsed.scheme in ("http", "https")
    return replace(parsed, host=host, scheme=parsed.scheme if is_web else "https", port=parsed.port if is_web else None).server


def _segments(parsed: RepositoryUrl, base: str) -> list[str]:
    path, prefix = parsed.path, "/" + "/".join(base.split("/")[3:])
    if prefix != "/" and path.lower().startswith(f"{prefix.lower()}/"):
        path = path[len(prefix) :]
    return [segment for segment in path.split("/") if segment]


def _data_center(base: str, segments: list[str]) -> tuple[str, list[str]]:
    """https://HOST/prefix/scm/KEY/slug, /prefix/projects/KEY/repos/slug or /users/NAME/repos/slug, ssh://HOST/KEY/slug."""
    words = [segment.lower() for segment in segments]
    if "repos" in words[1:]:
        at = words.index("repos")
        owner = ("~" if words[at - 2] == "users" else "") + segments[at - 1]
        return "/".join([base, *segments[: at - 2]]), [owner, *segments[at + 1 : at + 2]]
    if "scm" in words:
        at = words.index("scm")
        return "/".join([base, *segments[:at]]), segments[at + 1 :]
    return base, segments


def _azure(parsed: RepositoryUrl, web_base: str) -> ForgeRepository:
    segments = [*_segments(parsed, web_base.rstrip("/"))]
    segments[-1:] = [segments[-1] + parsed.suffix] if segments else []  # ".git" may be part of the name here
    base = web_base.rstrip("/") or _web_base(parsed)
    if segments[:1] == ["v3"]:
        segments = [*segments[1:3], "_git", *segments[3:]]
    elif parsed.host.endswith(".visualstudio.com"):
        base = "https://dev.azure.com"
        segments = [parsed.host.split(".")[0], *(segment for segment in segments if segment.lower() != "defaultcollection")]
    if "_git" not in segments or not segments[segments.index("_git") + 1 :]:
        raise NotAForge(f"{parsed.address} is no repository's URL: it should end like organisation/project/_git/repository.")
    at = segments.index("_git")
    before, rest = segments[:at], [segment for segment in segments[at + 1 :] if segment not in ("_full", "_optimized")]
    name = rest[0] if rest else ""
    if len(before) - (before[:1] == ["tfs"]) == 1:  # the project has the repository's name
        before = [*before, name]
    if len(before) < 2 or not name:
        raise NotAForge(f"{parsed.address} names no organisation or collection.")
    base = "/".join([base, *(quote(segment) for segment in before[:-2])])
    path = "/".join([*before[-2:], name])
    return ForgeRepository(Kind.AZURE_DEVOPS, path, base, base)


def _api_base(kind: Kind, base: str) -> str:
    host = base.split("://")[1]
    match kind:
        case Kind.GITHUB if host == "github.com":
            return "https://api.github.com"
        case Kind.GITHUB if host.endswith(".ghe.com"):
            return f"https://api.{host}"
        case Kind.BITBUCKET_CLOUD if host == "bitbucket.org":
            return "https://api.bitbucket.org/2.0"
    paths = {Kind.GITHUB: "api/v3", Kind.GITLAB: "api/v4", Kind.GITEA: "api/v1", Kind.BITBUCKET_CLOUD: "2.0"}
    return f"{base}/{paths.get(kind, '')}".rstrip("/")
