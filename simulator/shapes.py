"""Pure: the small shapes everything shares: JSON documents, times, object keys, and how errors look on the wire."""

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

Json = dict[str, Any]

HTTP_STATUS = {1: 408, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401}
REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_WRAPPED = re.compile(r"^rpc error: code = \w+ desc = (.*)$", re.DOTALL)


class Key(NamedTuple):
    """Names a Kubernetes object inside one cluster."""

    group: str
    kind: str
    namespace: str
    name: str


class AppKey(NamedTuple):
    """Names an Application."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass
class ApiError(Exception):
    """A gRPC status; a message that is itself a wrapped status shows only its inner text."""

    code: int
    message: str

    def __post_init__(self) -> None:
        wrapped = _WRAPPED.match(self.message)
        if wrapped:
            self.message = wrapped[1]

    @property
    def http_status(self) -> int:
        return HTTP_STATUS.get(self.code, 500)

    def unary(self) -> Json:
        return {"error": self.message, "code": self.code, "message": self.message}

    def streamed(self) -> Json:
        status = self.http_status
        return {"error": {"grpc_code": self.code, "http_code": status, "message": self.message, "http_status": REASONS[status]}}


INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION, UNKNOWN, UNAUTHENTICATED = 3, 5, 7, 9, 2, 16
DEADLINE_EXCEEDED = 4


def stamp(moment: datetime) -> str:
    """RFC 3339, UTC, whole seconds: the only way Kubernetes writes times."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def new_uid() -> str:
    """A random UUID's text; load of 10,000 applications needs many."""
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def parse_stamp(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def group_of(manifest: Json) -> str:
    group, slash, _ = str(manifest.get("apiVersion", "v1")).rpartition("/")
    return group if slash else ""


def version_of(manifest: Json) -> str:
    return str(manifest.get("apiVersion", "v1")).rpartition("/")[2]


def key_of(manifest: Json) -> Key:
    meta = manifest.get("metadata") or {}
    return Key(group_of(manifest), str(manifest.get("kind", "")), str(meta.get("namespace", "")), str(meta.get("name", "")))


def annotations_of(manifest: Json) -> dict[str, str]:
    return dict((manifest.get("metadata") or {}).get("annotations") or {})


def pod_template(manifest: Json) -> Json:
    """The pod template of a workload or a Job, the spec of a Pod, {} for all else."""
    spec = manifest.get("spec") or {}
    match manifest.get("kind"):
        case "Pod":
            return {"spec": spec}
        case "CronJob":
            return dict(((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {})
        case "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "Rollout":
            return dict(spec.get("template") or {})
    return {}


def images_of(manifest: Json) -> list[str]:
    """Image references of the containers, in the order of the file, without repeats."""
    spec = pod_template(manifest).get("spec") or {}
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    return list(dict.fromkeys(str(c["image"]) for c in containers if isinstance(c, dict) and c.get("image")))


def normalise_url(url: str) -> str:
    """Compare repository URLs the way Argo CD does: case, user, `.git` and the slash at the end do not matter."""
    bare = re.sub(r"^(\w+://)[^/@]*@", r"\1", url.strip()).lower()
    return bare.rstrip("/").removesuffix(".git").rstrip("/")
