"""Filters for Base64 and hashes. Pure."""

import base64
import binascii
import hashlib
from collections.abc import Callable

from deployments.templating.filters.context import Context, FilterFailed, count

_ENCODINGS = {"utf8": "utf-8", "utf-8": "utf-8", "unicode": "utf-16-le"}


def _encoding(options: list[str]) -> str | None:
    if len(options) > 1:
        return None
    return _ENCODINGS.get(options[0].lower() if options else "utf8")


def _decode(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)


def _to_base64(text: str, options: list[str], context: Context) -> str | None:
    encoding = _encoding(options)
    return base64.b64encode(text.encode(encoding, "replace")).decode() if encoding else None


def _from_base64(text: str, options: list[str], context: Context) -> str | None:
    encoding = _encoding(options)
    try:
        return _decode(text).decode(encoding, "replace") if encoding else None
    except (binascii.Error, ValueError) as error:
        raise FilterFailed("The text is not valid Base64.") from error


def _hash(algorithm: str) -> Callable[[str, list[str], Context], str | None]:
    def digest(text: str, options: list[str], context: Context) -> str | None:
        """Options in any order: how many bytes to keep, and how the text becomes bytes."""
        sizes = [number for option in options if (number := count(option))]
        names = [option.lower() for option in options if option.lower() in (*_ENCODINGS, "base64")]
        if len(sizes) > 1 or len(names) > 1 or len(sizes) + len(names) != len(options):
            return None
        try:
            raw = _decode(text) if names == ["base64"] else text.encode(_ENCODINGS[names[0] if names else "utf8"], "replace")
        except (binascii.Error, ValueError):
            return None
        return hashlib.new(algorithm, raw, usedforsecurity=False).digest()[: sizes[0] if sizes else None].hex()

    return digest


FILTERS: dict[str, Callable[[str, list[str], Context], str | None]] = {
    "ToBase64": _to_base64,
    "FromBase64": _from_base64,
    **{name: _hash(name.lower()) for name in ("Md5", "Sha1", "Sha256", "Sha384", "Sha512")},
}
