"""What a simulated Argo CD consists of, read from YAML or a dict:

version: v3.5.1
speed: 10                      # divides every wait
seed: blue                     # makes the applications' uids; two simulators want two seeds
signing_key: any text          # of the tokens
accounts:
  admin: {password: secret, capabilities: [login]}
  octoargo: {capabilities: [apiKey], tokens: [{id: gateway, token: optional literal, expires_in: 3600}]}
policy: "p, role:octoargo, applications, get, */*, allow"     # policy.csv; default: section 4 of the reference
policy_default: ""
projects: [{metadata: {name: shop}, spec: {...}}]              # "default" exists anyway
clusters: [{server: https://kubernetes.default.svc, name: in-cluster, annotations: {...}}]
repositories: [{url: https://git/x.git, username: u, password: p}]
applications: [{metadata: {...}, spec: {...}, initially: synced}]   # or absent: nothing lives in the cluster yet
settings: {url: https://argocd.example.test}
knobs: {reconcile_seconds: 120, ...}
"""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Self

import yaml

from simulator.shapes import Json

IN_CLUSTER = "https://kubernetes.default.svc"
DEFAULT_POLICY = """
p, role:octoargo, applications, get, */*, allow
p, role:octoargo, applications, sync, */*, allow
p, role:octoargo, logs, get, */*, allow
p, role:octoargo, projects, get, *, allow
p, role:octoargo, clusters, get, *, allow
p, role:octoargo, repositories, get, *, allow
g, octoargo, role:octoargo
"""
DEFAULT_PROJECT: Json = {
    "metadata": {"name": "default"},
    "spec": {
        "sourceRepos": ["*"],
        "destinations": [{"namespace": "*", "server": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        "sourceNamespaces": ["*"],
    },
}


class ConfigError(Exception):
    """The configuration cannot be used; the message says which key and why."""


@dataclass
class Knobs:
    """Seconds are divided by the speed. Defaults are the real ones where Argo CD has one."""

    reconcile_seconds: float = 120
    jitter_seconds: float = 60
    refresh_seconds: float = 0.4
    op_pickup_seconds: float = 0.2
    apply_seconds_per_resource: float = 0.05
    wave_delay_seconds: float = 2
    hook_seconds: float = 2
    rollout_seconds: float = 5
    post_sync_refresh_seconds: float = 0.5
    sse_keepalive_seconds: float = 15
    repo_error_grace_seconds: float = 180
    self_heal_first_seconds: float = 2
    self_heal_factor: float = 3
    self_heal_max_seconds: float = 300
    watch_buffer: int = 1000
    max_pod_logs: int = 10
    git_timeout_seconds: float = 60  # real seconds
    list_resource_health: str = "never"  # or "seen": as a server that has already shown the application; or "always"
    post_sync_order: str = "synced_first"  # or "reconciled_first": both were seen on a real one
    double_self_heal: bool = True  # lesson 11: self-heal adds a second, partial operation to an automated one

    @classmethod
    def read(cls, given: Json) -> Self:
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise ConfigError(f"Unknown knobs: {', '.join(unknown)}. Known are {', '.join(sorted(known))}.")
        return cls(**given)


@dataclass
class Config:
    version: str = "v3.5.1"
    speed: float = 1
    seed: str = "simulator"
    signing_key: str = "octoargo-simulator-signing-key-32"
    control_namespace: str = "argocd"
    accounts: dict[str, Json] = field(default_factory=dict)
    policy: str = DEFAULT_POLICY
    policy_default: str = ""
    projects: list[Json] = field(default_factory=list)
    clusters: list[Json] = field(default_factory=list)
    repositories: list[Json] = field(default_factory=list)
    applications: list[Json] = field(default_factory=list)
    settings: Json = field(default_factory=dict)
    knobs: Knobs = field(default_factory=Knobs)

    @classmethod
    def read(cls, given: Json) -> Self:
        """Raises ConfigError when a key is unknown or an application has no name."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise ConfigError(f"Unknown keys: {', '.join(unknown)}. Known are {', '.join(sorted(known))}.")
        values = {key: value for key, value in given.items() if value is not None}
        config = cls(**{**values, "knobs": Knobs.read(values.get("knobs") or {})})
        for application in config.applications:
            check_application(application)
        config.accounts = {"admin": {"password": "admin", "capabilities": ["login"]}, **config.accounts}
        config.accounts.setdefault("octoargo", {"capabilities": ["apiKey"], "tokens": [{"id": "gateway"}]})
        if not any(project["metadata"]["name"] == "default" for project in config.projects):
            config.projects = [DEFAULT_PROJECT, *config.projects]
        if not any(cluster.get("server", IN_CLUSTER) == IN_CLUSTER for cluster in config.clusters):
            config.clusters = [{"server": IN_CLUSTER, "name": "in-cluster"}, *config.clusters]
        return config

    @property
    def release(self) -> tuple[int, int]:
        """The version as a pair, e.g. (3, 5): what the differences of section 2.9 hang on."""
        major, minor, *_ = self.version.removeprefix("v").split("+")[0].split(".")
        return int(major), int(minor)


def load(path: Path) -> Config:
    given = yaml.safe_load(path.read_text()) or {}
    if not isinstance(given, dict):
        raise ConfigError(f"{path} is not a mapping.")
    return Config.read(given)


def check_application(application: Json) -> None:
    meta, spec = application.get("metadata") or {}, application.get("spec") or {}
    if not meta.get("name"):
        raise ConfigError("An application has no metadata.name.")
    if not (spec.get("source") or spec.get("sources") or spec.get("sourceHydrator")):
        raise ConfigError(f"The application {meta['name']} has no spec.source, spec.sources or spec.sourceHydrator.")
