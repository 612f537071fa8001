"""Pure: what a refused `git push` means, read from what the host's hooks print."""

import re
from dataclasses import dataclass
from enum import StrEnum

PROTECTED = (
    r"GH006|protected branch hook declined",  # GitHub
    r"GH013|push declined due to repository rule",
    r"not allowed to (force )?push (code )?to (a )?protected branch",  # GitLab, Gitea
    r"protected from force push",
    r"TF402455",  # Azure DevOps
    r"Permission denied to update branch",  # Bitbucket Cloud
    r"can only be modified through pull requests",  # Bitbucket Data Center
)
READ_ONLY = (r"repo(sitory)? (is|was) archived", r"archived so (it )?is read-only")
FORBIDDEN = (r"TF401027", r"returned error: 403", r"You are not allowed to push code to this project")
REJECTED = r"\[(remote )?rejected\]|hook declined"
MOST_LINES = 3


class Refused(StrEnum):
    PROTECTED_BRANCH = "protected_branch"
    READ_ONLY = "read_only"
    FORBIDDEN = "forbidden"
    PUSH_REJECTED = "push_rejected"


@dataclass(frozen=True)
class PushRefusal:
    """Why the host took no push, and its first words about it."""

    reason: Refused
    words: str


def read_push(stderr: str) -> PushRefusal | None:
    """Read what git printed on a failed push; None when no host refused it (a network failure, say)."""
    reasons = (
        (Refused.PROTECTED_BRANCH, PROTECTED),
        (Refused.READ_ONLY, READ_ONLY),
        (Refused.FORBIDDEN, FORBIDDEN),
        (Refused.PUSH_REJECTED, (REJECTED,)),
    )
    for reason, patterns in reasons:
        if any(re.search(pattern, stderr, re.IGNORECASE) for pattern in patterns):
            return PushRefusal(reason, _words(stderr))
    return None


def _words(stderr: str) -> str:
    told = [line.removeprefix("remote:").strip() for line in stderr.splitlines() if line.startswith("remote:")]
    told = [line for line in told if line] or [line.strip() for line in stderr.splitlines() if "rejected]" in line]
    return " ".join(told[:MOST_LINES])[:300]
