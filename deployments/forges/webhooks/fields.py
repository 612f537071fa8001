"""Pure: reading strangers' JSON without trusting any of its types."""

import json
from typing import Any
from urllib.parse import unquote_to_bytes

LONGEST = 1000
MOST_REFS = 500
HEADS = "refs/heads/"
BIGGEST_NUMBER = 2**31


class NotReadable(Exception):
    """The body is no JSON object. The message is a sentence."""


def decode(body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """The payload as an object, from JSON or a form's `payload`. Raises NotReadable."""
    try:
        content = json.loads(payload(body, headers))
    except (ValueError, RecursionError) as error:
        raise NotReadable("The body is not JSON.") from error
    if not isinstance(content, dict):
        raise NotReadable("The body is JSON, but no object.")
    return content


def payload(body: bytes, headers: dict[str, str]) -> bytes:
    """The JSON bytes: the body, or for a form its field `payload`, decoded."""
    if not headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return body
    for pair in body.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name == b"payload":
            return unquote_to_bytes(value.replace(b"+", b" "))
    return b""


def lowered(headers: Any) -> dict[str, str]:
    """Header names in small letters."""
    return {str(name).lower(): str(value) for name, value in headers.items()}


def at(content: Any, *keys: str) -> Any:
    """The value at a path of keys, or None."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def text(content: Any, *keys: str) -> str:
    """The text at a path of keys; "" if there is none, or one that is too long or cannot be stored."""
    value = at(content, *keys)
    if not isinstance(value, str) or len(value) > LONGEST or "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        return ""
    return value.strip()


def number(content: Any, *keys: str) -> int | None:
    """The positive whole number at a path of keys, or None."""
    value = at(content, *keys)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < BIGGEST_NUMBER else None


def entries(content: Any, *keys: str) -> list[Any]:
    """The list at a path of keys, or []."""
    value = at(content, *keys)
    return value[:MOST_REFS] if isinstance(value, list) else []


def branch_of(ref: str) -> str:
    """The branch that a full ref names; "" for tags and others."""
    return ref.removeprefix(HEADS) if ref.startswith(HEADS) else ""


def is_zero(sha: str) -> bool:
    """Hosts write a branch that is not there as zeros."""
    return bool(sha) and not sha.strip("0")


def addresses(*found: str) -> tuple[str, ...]:
    """The texts that may be addresses, each once."""
    return tuple(dict.fromkeys(each for each in found if "://" in each or ":" in each))
