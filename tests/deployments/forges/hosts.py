"""The hosts of the contract tests: what differs between them, as a table. The cases are those of the reference's section 8."""

from collections.abc import Callable
from dataclasses import dataclass, field

from deployments.forges import Kind

PROTECTED_LINES = {
    Kind.GITHUB: ["error: GH006: Protected branch update failed for refs/heads/main.", "error: At least 1 approving review is required."],
    Kind.GITLAB: ["GitLab: You are not allowed to push code to protected branches on this project."],
    Kind.GITEA: ["error: Not allowed to push to protected branch main"],
    Kind.AZURE_DEVOPS: ["TF402455: Pushes to this branch are not permitted; you must use a pull request to update this branch."],
    Kind.BITBUCKET_CLOUD: ["Permission denied to update branch main."],
    Kind.BITBUCKET_DATA_CENTER: ["Branch refs/heads/main can only be modified through pull requests."],
}


def linked_page(elsewhere):
    """A first page whose Link header leads to another server."""
    return [], (("Link", f'<{elsewhere}/next?page=2>; rel="next"'),)


def next_elsewhere(elsewhere):
    """A first page whose body leads to another server."""
    return {"values": [], "next": f"{elsewhere}/next?page=2"}, ()


@dataclass(frozen=True)
class Host:
    """One host. `path` is its repository below the simulator's root, without ".git"; `clone` is the URL's path."""

    kind: Kind
    vendor: str
    path: str = "acme/shop"
    clone: str = "acme/shop.git"
    fork: str = "bea/shop"  # another owner's copy; "" where pull requests from forks are left out
    pulls_path: str = "/pulls"  # part of the path of the call that creates one
    page_elsewhere: Callable | None = linked_page  # the content and headers of a page whose next one is on another server
    follows_links: bool = True
    filter_quirks: frozenset = field(default_factory=lambda: frozenset({"no_filters"}))  # makes lists show every branch
    has_labels: bool = True
    knows_mergeable: bool = True
    tells_unknown: bool = True  # mergeable: "not known yet" differs from "no"
    can_be_archived: bool = True
    refuses_author_as_reviewer: bool = True
    missing_right: str = ""  # in the sentence of a refusal
    states: tuple[str, str, str, str] = ("pending", "success", "failure", "error")  # waiting, passed, failed, error

    def __str__(self):
        return self.vendor


HOSTS = {
    host.vendor: host
    for host in (
        Host(Kind.GITHUB, "github", missing_right="statuses=write"),
        Host(
            Kind.GITLAB,
            "gitlab",
            path="acme/platform/shop",
            clone="acme/platform/shop.git",
            fork="bea/platform/shop",
            pulls_path="/merge_requests",
            refuses_author_as_reviewer=False,
            states=("running", "success", "failed", "failed"),
        ),
        Host(Kind.GITEA, "gitea", follows_links=False, tells_unknown=False, missing_right="write:repository"),
        Host(
            Kind.AZURE_DEVOPS,
            "azure_devops",
            path="acme/platform/shop",
            clone="acme/platform/_git/shop",
            fork="bea/platform/shop",
            pulls_path="/pullrequests",
            page_elsewhere=None,
            missing_right="PullRequestContribute",
            states=("pending", "succeeded", "failed", "error"),
        ),
        Host(
            Kind.BITBUCKET_CLOUD,
            "bitbucket_cloud",
            pulls_path="/pullrequests",
            page_elsewhere=next_elsewhere,
            has_labels=False,
            can_be_archived=False,
            knows_mergeable=False,
            missing_right="pullrequest:write",
            states=("INPROGRESS", "SUCCESSFUL", "FAILED", "FAILED"),
        ),
        Host(
            Kind.BITBUCKET_DATA_CENTER,
            "bitbucket_data_center",
            path="ACME/shop",
            clone="scm/ACME/shop.git",
            fork="BEA/shop",
            pulls_path="/pull-requests",
            page_elsewhere=None,
            has_labels=False,
            states=("INPROGRESS", "SUCCESSFUL", "FAILED", "FAILED"),
        ),
    )
}
