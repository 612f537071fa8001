"""Pure: what a Git host's API allows a credential, in a sentence."""

from datetime import datetime

from infrastructure.sentences import at


def describe_rate(*, limit: int | None, remaining: int | None, reset_at: datetime | None, retry_at: datetime | None, said: str, now: datetime) -> str:
    """E.g. "4,812 of 5,000 calls left until 14:20." or "Backs off until 14:25: the host asks to wait."; None and "" where nothing is known."""
    if retry_at is not None and retry_at > now:
        why = said.strip()
        return f"Backs off until {at(retry_at, now=now)}" + (f": {why if why.endswith('.') else f'{why}.'}" if why else ".")
    if remaining is None:
        return "The host has not said."
    if reset_at is not None and reset_at <= now:
        return f"{limit:,} calls since {at(reset_at, now=now)}." if limit is not None else "The host has not said."
    of = f"{remaining:,} of {limit:,}" if limit is not None else f"{remaining:,}"
    return f"{of} calls left" + (f" until {at(reset_at, now=now)}." if reset_at is not None else ".")
