"""Pure: what an Argo CD token says about itself. The signature is Argo CD's to verify, not ours."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from infrastructure.sentences import at, duration

EXPIRES_SOON = timedelta(days=14)
_RENEW = "Make one with: argocd account generate-token --account octoargo --expires-in 2160h"


@dataclass(frozen=True)
class TokenCheck:
    """`label` and `tone` make its badge; an unusable token is refused."""

    is_usable: bool
    tone: str
    label: str
    sentence: str


def check_token(token: str, *, now: datetime) -> TokenCheck:
    """Decode the token's expiry and account. The answer never holds the token or a part of it."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return TokenCheck(
            False, "bad", "Not a JWT", f"This is not a JWT, and every Argo CD token is one. Copy all of it: three parts with two dots between. {_RENEW}"
        )
    account = str(claims.get("sub") or "").removesuffix(":apiKey")
    expires_at = _moment(claims.get("exp"))
    if expires_at is not None and expires_at <= now:
        return TokenCheck(False, "bad", "Expired", f"This token expired on {at(expires_at, now=now)}. {_RENEW}")
    if account.endswith(":login"):
        return TokenCheck(True, "warn", "A login session", _session_sentence(account.removesuffix(":login"), expires_at, now))
    whose = f"It is the token of account {account}" if account else "It names no account"
    if expires_at is None:
        return TokenCheck(True, "good", "Does not expire", f"{whose} and never expires. One that does is safer.")
    left = duration(expires_at - now)
    if expires_at - now <= EXPIRES_SOON:
        return TokenCheck(True, "warn", "Expires soon", f"{whose} and expires in {left}, on {at(expires_at, now=now)}. {_RENEW}")
    return TokenCheck(True, "good", f"Valid for {left}", f"{whose} and expires on {at(expires_at, now=now)}.")


def _session_sentence(person: str, expires_at: datetime | None, now: datetime) -> str:
    end = f" It ends at {at(expires_at, now=now)}." if expires_at else ""
    return f"This is a login session of {person}, not a token of an account.{end} {_RENEW}"


def _moment(value: object) -> datetime | None:
    """None for a missing `exp` and for one that is no time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return None
