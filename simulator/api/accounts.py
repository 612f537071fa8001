"""Version, settings, session and accounts."""

from simulator.api.calls import Call
from simulator.http import Response
from simulator.policy import RESOURCES
from simulator.shapes import INVALID_ARGUMENT, ApiError, Json

_TOOLS = {(2, 14): "v3.16.3", (3, 0): "v3.17.1", (3, 1): "v3.18.4", (3, 2): "v3.18.4", (3, 3): "v3.19.2", (3, 4): "v3.19.4"}


async def version(call: Call) -> Response:
    config = call.world.config
    text = config.version if "+" in config.version else f"{config.version}+5a1e2c3"
    document: Json = {"Version": text}
    if call.session_or_none():
        helm = _TOOLS.get(config.release, "v4.2.0")
        document |= {"BuildDate": "2026-08-22T10:00:00Z", "GitCommit": "5a1e2c3" + "0" * 33, "GitTag": text.split("+")[0], "GitTreeState": "clean"}
        document |= {"GoVersion": "go1.26.1", "Compiler": "gc", "Platform": "linux/amd64", "KustomizeVersion": "v5.8.1"}
        document |= {"HelmVersion": helm, "KubectlVersion": "v0.34.0", "JsonnetVersion": "v0.21.0"}
    return Response.of(document)


async def settings(call: Call) -> Response:
    world = call.world
    document: Json = {"appLabelKey": "app.kubernetes.io/instance", "trackingMethod": "label" if world.release < (3, 0) else "annotation"}
    document |= {"appsInAnyNamespaceEnabled": True, "userLoginsDisabled": False, **world.config.settings}
    if call.session_or_none():
        document["controllerNamespace"] = world.config.control_namespace
    return Response.of(document)


async def userinfo(call: Call) -> Response:
    session = call.session_or_none()
    return Response.of({"loggedIn": True, "username": session.subject, "iss": "argocd"} if session else {})


async def log_in(call: Call) -> Response:
    body = call.body()
    token = call.world.accounts.log_in(str(body.get("username", "")), str(body.get("password", "")))
    answer = Response.of({"token": token})
    answer.headers["Set-Cookie"] = f"argocd.token={token}; path=/; SameSite=lax; httpOnly; Secure"
    return answer


async def log_out(call: Call) -> Response:
    return Response.of({})


async def can_i(call: Call) -> Response:
    resource, action, scope = call.arguments["resource"], call.arguments["action"], call.arguments["scope"]
    call.session()
    if resource not in RESOURCES:
        raise ApiError(INVALID_ARGUMENT, f"{resource} is not a valid resource")
    actions = RESOURCES[resource] - ({"rollback"} if call.world.release < (3, 6) else set())
    if action.split("/")[0] not in actions:
        raise ApiError(INVALID_ARGUMENT, f"{action} is not a valid action")
    parts = scope.split("/")
    if call.world.release >= (3, 4) and len(parts) == 3 and parts[1] == call.world.config.control_namespace:
        scope = f"{parts[0]}/{parts[2]}"
    if resource == "logs" and call.world.release < (3, 0):
        return Response.of({"value": "yes"})
    return Response.of({"value": "yes" if call.allows(resource, action, scope) else "no"})


async def list_accounts(call: Call) -> Response:
    visible = [a for a in call.world.accounts.accounts.values() if _may_read(call, a.name)]
    return Response.of({"items": [a.document() for a in sorted(visible, key=lambda a: a.name)]})


async def get_account(call: Call) -> Response:
    name = call.arguments["account"]
    if not _may_read(call, name):
        call.require("accounts", "get", name)
    return Response.of(call.world.accounts.get(name).document())


async def mint(call: Call) -> Response:
    name, body = call.arguments["account"], call.body()
    if call.session().subject != name:
        call.require("accounts", "update", name)
    expires = body.get("expiresIn") or 0
    if not str(expires).lstrip("-").isdigit():
        raise ApiError(INVALID_ARGUMENT, "json: cannot unmarshal string into Go value of type int64")
    return Response.of({"token": call.world.accounts.mint(name, token_id=str(body.get("id") or ""), expires_in=int(expires))})


async def delete_token(call: Call) -> Response:
    name = call.arguments["account"]
    if call.session().subject != name:
        call.require("accounts", "update", name)
    call.world.accounts.delete_token(name, call.arguments["id"])
    return Response.of({})


def _may_read(call: Call, name: str) -> bool:
    return call.session().subject == name or call.allows("accounts", "get", name)
