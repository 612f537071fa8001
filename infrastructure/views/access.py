"""Who may come in, and what every view of an instance starts with."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect

from infrastructure.models import ArgoInstance
from infrastructure.requests import Request

P = ParamSpec("P")
View = Callable[Concatenate[Request, P], HttpResponse]


def needs(*permissions: str) -> Callable[[View[P]], View[P]]:
    """Let in who is signed in and has the permissions, e.g. "infrastructure.add_argoinstance"; else 403 names what is missing.

    Without permissions: who is signed in.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: Request, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            missing = [permission for permission in permissions if not request.user.has_perm(permission)]
            if missing:
                raise PermissionDenied(missing_permission(missing[0]))
            return view(request, *args, **kwargs)

        return login_required(guarded)  # type: ignore[return-value]  # its stub loses the parameters

    return decorate


def missing_permission(permission: str) -> str:
    return f"This needs the permission {permission}."


def find_instance(request: Request, name: str) -> ArgoInstance:
    """The instance a page is about.

    Raises Http404 with a sentence when there is none that this person may see.
    """
    instance: ArgoInstance | None = ArgoInstance.objects.visible_to(request.user).select_related("gateway", "created_by").filter(name=name).first()
    if instance is None:
        raise Http404(f"There is no instance named {name}. It may have been removed.")
    return instance


def back_to(instance: ArgoInstance) -> HttpResponseRedirect:
    return HttpResponseRedirect(instance.get_absolute_url())
