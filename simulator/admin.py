"""The admin API on its own loopback port: change the world and inject failures while it runs. JSON in, JSON out.

GET    /state                                applications, tokens by account, active faults, URLs, and `failures`: the simulator's own bugs
POST   /inject  {"kind", "application"?, "path"?, "count"?, "seconds"?, ...}      -> {"id"}; kinds as in `faults.KINDS` (section 3.5), and
         token_revoke/token_expire/account_disable/account_enable {"account", "id"?}, rbac {"policy"}, rv_reset {"to"?}, conn_refused {"seconds"},
         server_restart {"seconds"}, big {"applications", "resources"?, "prefix"?}, git_push {"repo", "branch"?, "files": {path: text or null}, "message"?},
         webhook {"repo", "branch"?}, delete_app/rename {"to"}/move_project {"project"}/change_destination {"destination"} with "application": "ns/name"
         parameters: refresh_delay {"delay"}, degraded {"message"?, "now"?}, flap {"period"?}, progressing_forever {"now"?},
         sync_fail {"resource"?, "text"?}, sync_error {"text"?}, hook_fail {"text"?}, latency {"delay"}, http {"status", "html"?, "retry_after"?, "text"?},
         stream_cut {"how": "end" or "reset", "after"?: events}, stream_error {"text"?}
DELETE /inject            or /inject?kind=K  end all faults, or those of one kind                       -> {"ended"}
POST   /applications      {"metadata", "spec", "initially"?}   create, or replace the spec, labels and annotations
DELETE /applications/{namespace}/{name}
POST   /drift             {"application", "kind", "name", "patch": {...} or null to delete the object}  a change by hand of a live object
POST   /projects          an AppProject, created or replaced        POST /clusters, POST /repositories   as in the configuration
POST   /knobs             {"rollout_seconds": 2, ...}               POST /password {"account", "password"}
"""

from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

from simulator.config import ConfigError
from simulator.edits import EditError, Edits
from simulator.faults import KINDS
from simulator.http import Answer, Request, Response, as_json
from simulator.policy import Policy
from simulator.repos import SourceError
from simulator.shapes import ApiError, Json
from simulator.world import World


class Lifecycle:
    """What the program lends to the admin API: its servers."""

    def __init__(self, refuse: Callable[[float], None], restart: Callable[[float], None], describe: Callable[[], Json]) -> None:
        self.refuse, self.restart, self.describe = refuse, restart, describe


class Admin:
    def __init__(self, world: World, edits: Edits, lifecycle: Lifecycle) -> None:
        self._world, self._edits, self._lifecycle = world, edits, lifecycle

    async def handle(self, request: Request) -> Answer:
        try:
            return Response.of(await self._answer(request))
        except (EditError, ConfigError, ApiError, SourceError, KeyError, ValueError, TypeError) as error:
            text = f"{error} is missing" if isinstance(error, KeyError) else getattr(error, "message", str(error))
            return Response.of({"error": text}, 400)

    async def _answer(self, request: Request) -> Json:
        body = as_json(request.body)
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["state"]:
                return self._state()
            case "POST", ["inject"]:
                return await self._inject(body)
            case "DELETE", ["inject"]:
                return {"ended": self._world.faults.clear(request.one("kind"))}
            case "POST", ["applications"]:
                return {"application": str(self._edits.put_application(body).key)}
            case "DELETE", ["applications", namespace, name]:
                return await self._edits.delete_application(f"{namespace}/{name}")
            case "POST", ["drift"]:
                return self._edits.drift(body)
            case "POST", ["projects"]:
                return self._edits.put_project(body)
            case "POST", ["clusters"]:
                return self._edits.put_cluster(body)
            case "POST", ["repositories"]:
                return self._edits.put_repository(body)
            case "POST", ["knobs"]:
                return self._set_knobs(body)
            case "POST", ["password"]:
                return self._edits.change_password(body)
        raise EditError(f"There is no {request.method} {request.path} here.")

    def _state(self) -> Json:
        world = self._world
        apps = {str(app.key): app.doc for app in world.store.sorted_apps()}
        faults = [fault.document() for fault in world.faults.active]
        state: Json = {"version": world.config.version, "resourceVersion": world.store.version, "tokens": world.accounts.minted}
        state["streams"] = len(world.streams)
        return {**state, "faults": faults, "applications": apps, **self._lifecycle.describe()}

    def _set_knobs(self, body: Json) -> Json:
        knobs = self._world.config.knobs
        known = {f.name for f in fields(knobs)}
        for name, value in body.items():
            if name not in known:
                raise EditError(f"There is no knob {name}.")
            setattr(knobs, name, value)
        return {f.name: getattr(knobs, f.name) for f in fields(knobs)}

    async def _inject(self, body: Json) -> Json:
        kind = str(body.get("kind", ""))
        if kind in KINDS:
            fault = self._world.faults.inject(body)
            self._wake_streams()
            return {"id": fault.id}
        deeds: dict[str, Callable[[Json], Awaitable[Any] | Any]] = {
            "token_revoke": self._edits.revoke_token,
            "token_expire": self._edits.expire_token,
            "account_disable": lambda b: self._edits.set_enabled(b, enabled=False),
            "account_enable": lambda b: self._edits.set_enabled(b, enabled=True),
            "rbac": self._replace_policy,
            "rv_reset": lambda b: self._world.store.reset_version(int(b.get("to", 100))),
            "conn_refused": lambda b: self._lifecycle.refuse(float(b.get("seconds", 5))),
            "server_restart": lambda b: self._lifecycle.restart(float(b.get("seconds", 2))),
            "big": self._edits.make_big,
            "git_push": self._edits.push,
            "webhook": self._edits.announce,
            "delete_app": lambda b: self._edits.delete_application(b["application"]),
            "rename": self._edits.rename,
            "move_project": lambda b: self._edits.change_spec(b["application"], {"project": b["project"]}),
            "change_destination": lambda b: self._edits.change_spec(b["application"], {"destination": b["destination"]}),
        }
        if kind not in deeds:
            raise EditError(f"There is no injection {kind!r}. Known are {', '.join(sorted(KINDS | deeds.keys()))}.")
        done = deeds[kind](body)
        if isinstance(done, Awaitable):
            done = await done
        return done if isinstance(done, dict) else {}

    def _wake_streams(self) -> None:
        for ready in self._world.streams:
            ready.set()

    def _replace_policy(self, body: Json) -> None:
        self._world.policy = Policy(str(body["policy"]), default=str(body.get("default", self._world.config.policy_default)))
