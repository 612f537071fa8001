"""Pure: what a Git host posts to us: is it really from the host (`verify`), and what does it say (`parse`).

A delivery only says "look": whoever acts on it reads the host's API first.
"""

from deployments.forges.webhooks.matching import concerns, is_branch_of
from deployments.forges.webhooks.parsing import parse
from deployments.forges.webhooks.signatures import Refusal, new_secret, verify
from deployments.forges.webhooks.values import Event, Ref, What

__all__ = ["Event", "Ref", "Refusal", "What", "concerns", "is_branch_of", "new_secret", "parse", "verify"]
