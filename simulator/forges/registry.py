"""The hosts by name."""

from simulator.forges.gitea import Gitea
from simulator.forges.github import GitHub
from simulator.forges.gitlab import GitLab
from simulator.forges.state import ForgeState
from simulator.forges.vendor import Vendor

VENDORS: dict[str, type[Vendor]] = {"gitea": Gitea, "github": GitHub, "gitlab": GitLab}


def make_vendor(name: str, state: ForgeState) -> Vendor:
    """Raises KeyError for an unknown name."""
    return VENDORS[name](state)
