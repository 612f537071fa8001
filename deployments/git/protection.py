"""Pure: whether a host refuses a push because the branch is protected, read from what its hooks print."""

import re

PROTECTED = re.compile(
    r"GH006|protected branch hook declined|"  # GitHub
    r"GH013|push declined due to repository rule|"  # GitHub's rulesets
    r"not allowed to (?:force )?push (?:code )?to (?:a )?protected branch|"  # GitLab, Gitea
    r"force push code to a protected branch|protected from force push|"
    r"TF402455|"  # Azure DevOps
    r"permission denied to update branch|"  # Bitbucket Cloud
    r"can only be modified through pull requests",  # Bitbucket Data Center
    re.IGNORECASE,
)


def is_protected(printed: str) -> bool:
    """Whether what git printed on a refused push is a host's text for a protected branch; other hooks' words are not."""
    return PROTECTED.search(printed) is not None
