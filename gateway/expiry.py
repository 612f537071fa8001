"""When Argo CD's token ends, and what to say about it. Pure."""

from datetime import UTC, datetime

import jwt

RENEW = "argocd account generate-token --account octoargo --expires-in 2160h"
_EXPIRES_SOON_DAYS = 14


def expiry(token: str) -> float | None:
    """When a token ends, in Unix seconds; None if it does not say so or is not a JWT."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        return float(claims["exp"]) if "exp" in claims else None
    except (jwt.PyJWTError, ValueError, TypeError):
        return None


def judge_expiry(token: str, *, account: str, now: float) -> tuple[str, str, str]:
    """Return status, evidence and advice for a token that Argo CD accepts."""
    expires_at = expiry(token)
    if expires_at is None:
        return "passed", f"Argo CD knows it as {account}; it does not expire.", ""
    days = int((expires_at - now) // 86_400)
    if days < _EXPIRES_SOON_DAYS:
        soon = "today" if days <= 0 else "in 1 day" if days == 1 else f"in {days} days"
        evidence = f"Valid for {account}, but expires {soon}, on {day(expires_at)}."
        return "warning", evidence, f"Create the next one now, and replace it in the Secret: {RENEW}"
    return "passed", f"Valid for {account} until {day(expires_at)}.", ""


def day(moment: float) -> str:
    """E.g. "26 November 2026, 09:00 UTC"."""
    return f"{datetime.fromtimestamp(moment, tz=UTC):%d %B %Y, %H:%M} UTC".lstrip("0")
