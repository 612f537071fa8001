"""What goes wrong with Git, as sentences for the page.

GitError
  RepositoryAway        the host does not answer, or answers with a fault of its own; try again later
    TooSlow             it answered too slowly
  RepositoryMissing     the host knows no such repository (or hides it)
  RepositoryRefused     its address or protocol is not allowed here
  HostKeyUnknown        the host's SSH key is none that a person has confirmed; nothing was sent
  HostKeyChanged        the host's SSH key is another one than was confirmed; nothing was sent
  CredentialRefused     the host does not take the credential, or the credential may not read
  NoCredential          the host asks for one, and none is registered for the URL
  BranchMissing         the repository has no such branch
  NotABranch            the target revision is a tag, a commit or a range of versions
  PushForbidden         the host refuses the push: rights, protection, a hook
    BranchProtected     the branch takes pull requests only
  PushRaceLost          others were faster, again and again
  BadPath               a path that leaves the repository, or a symbolic link where a file was expected
"""

import re

AWAY = re.compile(
    r"could not resolve host|failed to connect|couldn.t connect|connection (?:refused|reset|timed out|closed)|timed? ?out|network is unreachable|"
    r"returned error: (?:5\d\d|429)|early eof|hung up unexpectedly|unexpected disconnect|recv failure|send failure|empty reply|\bssl|\btls|gnutls|http2|"
    r"operation too slow|curl \d+|rpc failed|"
    r"closed by remote host|connection closed by|no route to host|broken pipe|not responding|kex_exchange_identification|banner exchange|"
    r"expected flush|bad line length|expected .?version|invalid server response|protocol error",
    re.IGNORECASE,
)
UNAUTHENTICATED = re.compile(
    r"authentication failed|could not read (?:username|password)|returned error: 401|invalid credentials|http basic: access denied", re.IGNORECASE
)
FORBIDDEN = re.compile(
    r"returned error: 403|permission (?:to .* )?denied|access denied|not allowed to (?:push|read|write)|"
    r"not authorized to|does not have write access|marked as read[ -]only|(?:is|was|been) archived",
    re.IGNORECASE,
)
MISSING = re.compile(
    r"returned error: 404|repository .*not found|cannot find repository|could not be found|"
    r"does not appear to be a git repository|does not exist|no such file or directory",
    re.IGNORECASE,
)
NO_BRANCH = re.compile(r"couldn.t find remote ref|remote branch .* not found", re.IGNORECASE)
NO_PROTOCOL = re.compile(r"transport '([\w-]+)' not allowed", re.IGNORECASE)
UNTRUSTED = re.compile(r"certificate (?:problem|verif)|certificate subject name", re.IGNORECASE)
VAGUE = re.compile(r"failed to push some refs|returned error: 403|could not read from remote repository", re.IGNORECASE)  # the host's own words say more
ADVICE = re.compile(r"could not read from remote repository|make sure you have the correct access rights|and the repository exists", re.IGNORECASE)
EMPTY = re.compile(r"(?:(?:fatal|error|remote):\s*)*", re.IGNORECASE)  # Gitea frames what it says with such lines
SENTENCE_LENGTH = 300


class GitError(Exception):
    """An expected failure. Its message is a sentence shown to the user as it is; it never holds a secret."""


class RepositoryAway(GitError):
    """The host does not answer; later it may."""


class TooSlow(RepositoryAway):
    """A call took longer than its timeout."""


class RepositoryMissing(GitError):
    """The host knows no repository at the URL."""


class RepositoryRefused(GitError):
    """We may not call the URL: its protocol or address is not allowed."""


class HostKeyUnknown(GitError):
    """Nobody has confirmed the host key that the host presents."""


class HostKeyChanged(GitError):
    """The host presents another key than the one that was confirmed."""


class CredentialRefused(GitError):
    """The host refused the credential."""


class NoCredential(GitError):
    """The host asks for a credential and there is none for the URL."""


class BranchMissing(GitError):
    """The repository has no such branch."""


class NotABranch(GitError):
    """The target revision is no branch, so nothing can be committed to it."""


class PushForbidden(GitError):
    """The host took the credential and refused the push."""


class BranchProtected(PushForbidden):
    """The host's protection of the branch refused the push."""


class PushRaceLost(GitError):
    """The branch moved at each of our tries; trying later may work."""


class BadPath(GitError):
    """A path that leaves the repository or is no plain file."""


def explain(stderr: str, *, address: str, has_credential: bool, is_push: bool = False) -> GitError:
    """Turn what Git wrote into our error. `address` has no user information."""
    why = reason(stderr)
    if UNAUTHENTICATED.search(stderr):
        if address.startswith("ssh:"):
            return CredentialRefused(f"{address} refused the SSH key. Add its public key on the host, or correct the user name.")
        if has_credential:
            return CredentialRefused(f"{address} refused the credential. Check its user name and password or token, and that it has not expired.")
        return NoCredential(f"{address} asks for a credential, and no Git credential's allow-list covers it. Add one under Git credentials.")
    if protocol := NO_PROTOCOL.search(stderr):
        return RepositoryRefused(f"{address} uses the protocol {protocol[1]}, which is not allowed here. Use https.")
    if FORBIDDEN.search(stderr):
        return _forbidden(address, why, has_credential=has_credential, is_push=is_push)
    if NO_BRANCH.search(stderr):
        return BranchMissing(f"{address} has no such branch: {why}.")
    if MISSING.search(stderr):
        return RepositoryMissing(f"{address} was not found. Check the URL, and that the credential may read the repository.")
    if UNTRUSTED.search(stderr):
        return RepositoryAway(f"{address} presents a certificate that is not trusted here: {why}. Add its authority to this machine's.")
    if AWAY.search(stderr):
        return RepositoryAway(f"{address} does not answer: {why}.")
    return GitError(f"Git failed on {address}: {why}.")


def reason(stderr: str) -> str:
    """The first telling line, without Git's prefixes and final stop."""
    lines = [line.strip() for line in stderr.splitlines() if not EMPTY.fullmatch(line.strip())]
    telling = [line for line in lines if line.lower().startswith(("fatal:", "error:"))] or lines or ["no reason given"]
    if VAGUE.search(telling[0]):
        words = [line for line in lines if re.search(r"\w", line.removeprefix("remote:"))]
        telling = [line for line in words if line.startswith("remote:")] or [line for line in words if not ADVICE.search(line)] or telling
    text = re.sub(r"^(?:fatal|error|remote):\s*(?:unable to access '[^']*':\s*)?", "", telling[0], flags=re.IGNORECASE)
    return "".join(character for character in text if character.isprintable())[:SENTENCE_LENGTH].rstrip(". ")


def _forbidden(address: str, why: str, *, has_credential: bool, is_push: bool) -> GitError:
    if is_push:
        return PushForbidden(f"{address} forbids the push: {why}. Give the credential the right to write, or ask whoever protects the branch.")
    if has_credential:
        return CredentialRefused(f"{address} refused the credential: it may not read this repository.")
    return NoCredential(f"{address} refuses to answer without a credential. Add one under Git credentials.")
