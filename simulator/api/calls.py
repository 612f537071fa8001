"""What every handler needs: who calls, what they may do, the application they mean, and typed query values."""

from dataclasses import dataclass
from datetime import UTC, datetime

from simulator.accounts import Session
from simulator.controller import Controller
from simulator.http import Request, as_json
from simulator.operations import Operations
from simulator.shapes import INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED, ApiError, AppKey, Json, stamp
from simulator.status import without_resource_health
from simulator.store import App
from simulator.world import World


@dataclass
class Call:
    """One request on its way through the API; `arguments` are the parts of its path."""

    world: World
    controller: Controller
    operations: Operations
    request: Request
    arguments: dict[str, str]

    def token(self) -> str:
        header = self.request.header("authorization")
        if header.lower().startswith("bearer "):
            return header[7:].strip()
        cookies = dict(part.strip().partition("=")[::2] for part in self.request.header("cookie").split(";"))
        return cookies.get("argocd.token", self.request.header("token"))

    def session(self) -> Session:
        """Raises ApiError 16 when nobody valid calls."""
        token = self.token()
        if not token:
            raise ApiError(UNAUTHENTICATED, "no session information")
        return self.world.accounts.authenticate(token)

    def session_or_none(self) -> Session | None:
        try:
            return self.session()
        except ApiError:
            return None

    def body(self) -> Json:
        try:
            return as_json(self.request.body)
        except ValueError as error:
            raise ApiError(INVALID_ARGUMENT, str(error)) from None

    def allows(self, resource: str, action: str, scope: str) -> bool:
        return self.world.policy.allows(self.session().subject, resource, action, scope)

    def require(self, resource: str, action: str, scope: str) -> None:
        if not self.allows(resource, action, scope):
            session = self.session()
            since = stamp(_moment(session.issued_at))
            raise ApiError(PERMISSION_DENIED, f"permission denied: {resource}, {action}, {scope}, sub: {session.subject}, iat: {since}")

    def scope_of(self, app: App) -> str:
        return app.rbac_object(self.world.config.control_namespace)

    def may_see(self, app: App) -> bool:
        return self.allows("applications", "get", self.scope_of(app))

    def application(self, *, name: str = "", namespace: str = "", project: str = "") -> App:
        """The application meant, by path and query or body. 403 for a missing one, unless `project` is given: then 404."""
        control = self.world.config.control_namespace
        name = self.arguments.get("name") or name
        namespace = self.request.one("appNamespace") or namespace or control
        project = self.request.one("project") or project
        app = self.world.store.apps.get(AppKey(namespace, name))
        if project:
            middle = "" if namespace == control else f"{namespace}/"
            if not self.allows("applications", "get", f"{project}/{middle}{name}"):
                raise ApiError(PERMISSION_DENIED, "permission denied")
            if app is None or app.project != project:
                raise ApiError(NOT_FOUND, f'applications.argoproj.io "{name}" not found')
        elif app is None or not self.may_see(app):
            self.session()
            raise ApiError(PERMISSION_DENIED, "permission denied")
        return app

    def application_in_body(self, body: Json) -> App:
        return self.application(namespace=str(body.get("appNamespace") or ""), project=str(body.get("project") or ""))

    def view(self, app: App) -> Json:
        """As get and the watch show it: with the resources' health."""
        app.was_read = True
        return app.doc

    def stored_view(self, app: App) -> Json:
        """As lists and the answers of writes show it."""
        knob = self.world.config.knobs.list_resource_health
        if self.world.release < (3, 0) or knob == "always" or (knob == "seen" and app.was_read):
            return app.doc
        return {**app.doc, "status": without_resource_health(app.status)}

    def number(self, name: str, default: int) -> int:
        """Raises ApiError 3 for what is not a number."""
        text = self.request.one(name)
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise ApiError(INVALID_ARGUMENT, f'type mismatch, parameter: {name}, error: strconv.ParseInt: parsing "{text}": invalid syntax') from None

    def flag(self, name: str) -> bool:
        text = self.request.one(name)
        if text.lower() not in ("", "true", "false", "1", "0", "t", "f"):
            raise ApiError(INVALID_ARGUMENT, f'type mismatch, parameter: {name}, error: strconv.ParseBool: parsing "{text}": invalid syntax')
        return text.lower() in ("true", "1", "t")


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
