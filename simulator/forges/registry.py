"""The hosts by name."""

from simulator.forges.azure_devops import AzureDevOps
from simulator.forges.bitbucket_cloud import BitbucketCloud
from simulator.forges.bitbucket_data_center import BitbucketDataCenter
from simulator.forges.gitea import Gitea
from simulator.forges.github import GitHub
from simulator.forges.gitlab import GitLab
from simulator.forges.state import ForgeState
from simulator.forges.vendor import Vendor

VENDORS: dict[str, type[Vendor]] = {
    "gitea": Gitea,
    "github": GitHub,
    "gitlab": GitLab,
    "azure_devops": AzureDevOps,
    "bitbucket_cloud": BitbucketCloud,
    "bitbucket_data_center": BitbucketDataCenter,
}


def make_vendor(name: str, state: ForgeState) -> Vendor:
    """Raises KeyError for an unknown name."""
    return VENDORS[name](state)
