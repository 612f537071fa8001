"""What goes wrong with a Git host's API, as sentences for the page.

ForgeError
  Unauthenticated        the host does not know the token, or it has expired
  Forbidden              the token lacks a right
    SsoRequired          its organisation wants the token authorised for single sign-on first
  NotFoundOrForbidden    the host knows no such thing, or hides it
  ReadOnly               the repository is archived or disabled
  BranchMissing          the pull request's branch is not there
  NoChanges              the branches do not differ
  Duplicate              there is one already
  Conflict               the thing changed under us
  ForgeRefused           its address, or where it sends us, is not allowed
  UnexpectedAnswer       it is no API of the kind we think
  TryLater               it does not answer now; `retry_after_s` says when to ask again
    RateLimited          we asked too often
"""


class ForgeError(Exception):
    """An expected failure. Its message is a sentence shown to the user as it is; it never holds a secret."""


class Unauthenticated(ForgeError):
    """The host does not take the token."""


class Forbidden(ForgeError):
    """The token is known and lacks a right."""


class SsoRequired(Forbidden):
    """The token has to be authorised for the organisation's single sign-on."""


class NotFoundOrForbidden(ForgeError):
    """Hosts hide what a token may not see."""


class ReadOnly(ForgeError):
    """The repository is archived or disabled."""


class BranchMissing(ForgeError):
    """The host knows no such branch; shortly after a push this may pass."""


class NoChanges(ForgeError):
    """The two branches hold the same."""


class Duplicate(ForgeError):
    """An open pull request for the same branches exists; `number` if the host told it."""

    def __init__(self, sentence: str, *, number: int | None = None) -> None:
        super().__init__(sentence)
        self.number = number


class Conflict(ForgeError):
    """Somebody else changed it at the same time."""


class ForgeRefused(ForgeError):
    """We do not call this address."""


class UnexpectedAnswer(ForgeError):
    """The answer is not in the host's own shape."""


class TryLater(ForgeError):
    """The host does not answer now."""

    def __init__(self, sentence: str, *, retry_after_s: float) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class RateLimited(TryLater):
    """We asked too often, or the host is busy."""
