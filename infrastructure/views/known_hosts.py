"""The page of SSH known hosts: which keys are trusted; paste some, ask a host and compare what it presents, or forget one."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from infrastructure.known_host_forms import AskHostForm, PasteForm
from infrastructure.models import KnownHost
from infrastructure.requests import Request
from infrastructure.sentences import counted
from infrastructure.services import KnownHostInvalid, add_known_hosts, ask_host_keys, confirm_host_key, forget_known_host
from infrastructure.ssh import PORT, KnownKey
from infrastructure.views.access import missing_permission, needs

PER_PAGE = 50
ADD, DELETE = "infrastructure.add_knownhost", "infrastructure.delete_knownhost"


@dataclass(frozen=True)
class Presented:
    """A key that a host presents now, and what we know of it."""

    known: KnownKey
    is_trusted: bool


@needs("infrastructure.view_knownhost")
@require_http_methods(["GET", "POST"])
def index(request: Request) -> HttpResponse:
    """The list; a POST names in `do` what it wants: ask, paste, confirm or forget."""
    if request.method == "GET":
        return _page(request)
    actions = {"ask": (ADD, _ask), "paste": (ADD, _paste), "confirm": (ADD, _confirm), "forget": (DELETE, _forget)}
    permission, action = actions.get(request.POST.get("do", ""), ("", _page))
    if permission and not request.user.has_perm(permission):
        raise PermissionDenied(missing_permission(permission))
    return action(request)


def _ask(request: Request) -> HttpResponse:
    form = AskHostForm(request.POST)
    if not form.is_valid():
        return _page(request, ask=form, status=422)
    host, port = form.cleaned_data["host"], form.cleaned_data["port"]
    try:
        found = ask_host_keys(host=host, port=port)
    except KnownHostInvalid as error:
        form.add_error("host", str(error))
        return _page(request, ask=form, status=422)
    trusted = list(KnownHost.objects.filter(host=host, port=port))
    keys = {row.key for row in trusted}
    presented = [Presented(known, known.key.key in keys) for known in found]
    is_changed = bool(trusted) and not any(each.is_trusted for each in presented)
    return _page(request, ask=form, presented=presented, asked=host if port == PORT else f"{host}, port {port},", is_changed=is_changed)


def _paste(request: Request) -> HttpResponse:
    form = PasteForm(request.POST)
    if form.is_valid():
        try:
            added = add_known_hosts(text=form.cleaned_data["lines"], by=request.user, now=timezone.now())
        except KnownHostInvalid as error:
            form.add_error("lines", str(error))
        else:
            messages.success(request, f"{counted(len(added), 'host key')} added." if added else "All of these host keys were known already.")
            return HttpResponseRedirect(reverse("known-hosts"))
    return _page(request, paste=form, status=422)


def _confirm(request: Request) -> HttpResponse:
    port = request.POST.get("port", "")
    try:
        row = confirm_host_key(
            host=request.POST.get("host", ""),
            port=int(port) if port.isdecimal() and len(port) < 6 else 0,
            key_type=request.POST.get("key_type", ""),
            key=request.POST.get("key", ""),
            by=request.user,
            now=timezone.now(),
        )
    except KnownHostInvalid as error:
        messages.warning(request, f"Not confirmed: {error}")
    else:
        messages.success(request, f"{row} is trusted now: {row.fingerprint}.")
    return HttpResponseRedirect(reverse("known-hosts"))


def _forget(request: Request) -> HttpResponse:
    asked = request.POST.get("known_host", "")
    row = KnownHost.objects.visible_to(request.user).filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
    if row is None:
        raise Http404("There is no such host key. It may have been forgotten already.")
    forget_known_host(known_host=row, by=request.user, now=timezone.now())
    messages.success(request, f"{row} is forgotten. Repositories there fail until a key of the host is confirmed again.")
    return HttpResponseRedirect(reverse("known-hosts"))


def _page(request: Request, *, status: int = 200, **found: Any) -> HttpResponse:
    sought = request.GET.get("q", "").strip()[:100]
    rows = KnownHost.objects.visible_to(request.user).select_related("added_by")
    if sought:
        rows = rows.filter(Q(host__icontains=sought) | Q(fingerprint__icontains=sought))
    context = {
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "q": sought,
        "ask": AskHostForm(),
        "paste": PasteForm(),
        "may_add": request.user.has_perm(ADD),
        "may_forget": request.user.has_perm(DELETE),
        **found,
    }
    return render(request, "infrastructure/known_hosts.html", context, status=status)
