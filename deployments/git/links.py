"""Pure: what people call a repository, and where a commit's page is on the hosts we know."""

from urllib.parse import quote, urlsplit

from infrastructure.repositories import BadRepositoryUrl, RepositoryUrl, parse_url

GITEA_HOSTS = ("codeberg.org", "gitea.com")


def repository_name(url: str) -> str:
    """A repository as people say it: "https://git.example.com/platform/shop-config.git" is "platform/shop-config"."""
    path = urlsplit(url).path if "://" in url else url.partition(":")[2] or url
    return path.strip("/").removesuffix(".git")


def commit_url(repo_url: str, sha: str) -> str:
    """The commit's page, or "" when the host is none we know. Self-hosted ones are known by a name like gitlab.example.com."""
    try:
        url = parse_url(repo_url)
    except BadRepositoryUrl:
        return ""
    if url.scheme not in ("http", "https", "ssh") or not sha.isalnum():
        return ""
    base = _web_address(url)
    if _is(url, "gitlab.com", "gitlab"):
        return f"{base}/-/commit/{sha}"
    if url.host == "bitbucket.org":
        return f"{base}/commits/{sha}"
    if _is_azure(url):
        return f"{base}/commit/{sha}" if "/_git/" in url.path else ""
    if _is(url, "github.com", "github") or url.host.endswith(".ghe.com") or url.host in GITEA_HOSTS or _is(url, "", "gitea", "forgejo"):
        return f"{base}/commit/{sha}"
    return ""


def _web_address(url: RepositoryUrl) -> str:
    path = quote(url.path, safe="/~@:+,;=!$&()*")
    if url.scheme == "ssh":  # the web is not on the SSH port
        return f"https://{url.host}{path}"
    return f"{url.server}{path}"


def _is(url: RepositoryUrl, domain: str, *labels: str) -> bool:
    first = url.host.split(".")[0]
    return first in labels or (domain != "" and (url.host == domain or url.host.endswith(f".{domain}")))


def _is_azure(url: RepositoryUrl) -> bool:
    return url.host == "dev.azure.com" or url.host.endswith(".visualstudio.com")
