"""Pure: is a delivery from the host that knows our secret? Every comparison takes constant time; an empty secret is nobody's."""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deployments.forges.values import Kind
from deployments.forges.webhooks.fields import lowered, payload

PREFIX = "sha256="
SIGNING_PREFIX = "whsec_"
TOLERANCE_S = 300
DC_PING = "diagnostics:ping"
GITEA_SIGNATURES = ("x-forgejo-signature", "x-gitea-signature", "x-gogs-signature")
GITEA_EVENTS = ("x-forgejo-event", "x-gitea-event", "x-gogs-event")
WRONG = "The signature does not fit the secret and the body."


@dataclass(frozen=True)
class Refusal:
    """Why a delivery is not taken; the sentence holds nothing secret."""

    sentence: str


def verify(kind: Kind, headers: Mapping[str, str], body: bytes, secret: str, *, now: datetime) -> Refusal | None:
    """None if the delivery was signed with the secret (or is a ping that its host never signs), else why not."""
    given = lowered(headers)
    if not secret:
        return Refusal("This webhook has no secret, so nothing is taken.")
    match effective(kind, given):
        case Kind.GITHUB:
            return _signed(given.get("x-hub-signature-256"), body, secret, name="X-Hub-Signature-256")
        case Kind.GITLAB:
            return _gitlab(given, body, secret, now)
        case Kind.GITEA:
            return _gitea(given, body, secret)
        case Kind.AZURE_DEVOPS:
            return _basic(given, secret)
        case Kind.BITBUCKET_CLOUD:
            return _signed(given.get("x-hub-signature"), body, secret, name="X-Hub-Signature")
        case Kind.BITBUCKET_DATA_CENTER:
            return _data_center(given, body, secret)


def effective(kind: Kind, given: dict[str, str]) -> Kind:
    """Gitea and Forgejo also send GitHub's headers, but sign and name things their own way."""
    return Kind.GITEA if kind is Kind.GITHUB and any(name in given for name in GITEA_EVENTS) else kind


def new_secret(kind: Kind, random: bytes) -> str:
    """A secret in the form that the host wants, from 32 random bytes. GitLab's serves as a signing token and as a plain one."""
    encoded = base64.b64encode(random) if kind is Kind.GITLAB else base64.urlsafe_b64encode(random).rstrip(b"=")
    return (SIGNING_PREFIX if kind is Kind.GITLAB else "") + encoded.decode()


def _signed(given: str | None, body: bytes, secret: str, *, name: str) -> Refusal | None:
    if not given:
        return Refusal(f"The delivery has no {name}. Enter the secret on the host.")
    if not given.startswith(PREFIX):
        return Refusal(f"{name} does not begin with {PREFIX}.")
    return None if _equal(given.removeprefix(PREFIX), _hex(secret, body)) else Refusal(WRONG)


def _gitea(given: dict[str, str], body: bytes, secret: str) -> Refusal | None:
    """The first of its headers that is there, empty or not; what is signed is the JSON, also when it comes in a form."""
    signature = next((given[name] for name in GITEA_SIGNATURES if name in given), "")
    if not signature:
        return Refusal("The delivery has no X-Gitea-Signature. Enter the secret on the host.")
    return None if _equal(signature, _hex(secret, payload(body, given))) else Refusal(WRONG)


def _gitlab(given: dict[str, str], body: bytes, secret: str, now: datetime) -> Refusal | None:
    """A signature that is there decides; the plain token counts only without one."""
    if "webhook-signature" not in given:
        if not given.get("x-gitlab-token"):
            return Refusal("The delivery has neither X-Gitlab-Token nor webhook-signature. Enter the secret on the host.")
        return None if _equal(given["x-gitlab-token"], secret) else Refusal("X-Gitlab-Token is not the secret.")
    sent = given.get("webhook-timestamp", "")
    if not re.fullmatch(r"[0-9]{1,12}", sent, re.ASCII) or abs(now.timestamp() - int(sent)) > TOLERANCE_S:
        return Refusal("webhook-timestamp is missing or more than 5 minutes off. Check the clocks.")
    signed = b".".join([_bytes(given.get("webhook-id", "")), sent.encode(), body])
    expected = base64.b64encode(hmac.digest(_signing_key(secret), signed, "sha256")).decode()
    fits = [_equal(each, f"v1,{expected}") for each in given["webhook-signature"].split(" ")[:20]]
    return None if any(fits) else Refusal(WRONG)


def _signing_key(secret: str) -> bytes:
    """The bytes after whsec_; a secret of another form is its own key."""
    if secret.startswith(SIGNING_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(SIGNING_PREFIX), validate=True) or secret.encode()
        except (binascii.Error, ValueError):
            pass
    return secret.encode()


def _data_center(given: dict[str, str], body: bytes, secret: str) -> Refusal | None:
    """Its test button signs nothing, and does nothing here."""
    if given.get("x-event-key") == DC_PING:
        return None
    if "x-hub-signature" in given or "authorization" not in given:
        return _signed(given.get("x-hub-signature"), body, secret, name="X-Hub-Signature")
    return _basic(given, secret)


def _basic(given: dict[str, str], secret: str) -> Refusal | None:
    """The password is the secret; the user name is free."""
    scheme, _, encoded = given.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return Refusal("The delivery has no Basic authentication. Enter the user name and the secret as password on the host.")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    _, _, password = decoded.partition(b":")
    return None if hmac.compare_digest(password, _bytes(secret)) else Refusal("The password of the Basic authentication is not the secret.")


def _hex(secret: str, signed: bytes) -> str:
    return hmac.digest(_bytes(secret), signed, "sha256").hex()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
