"""The door that Git hosts call, and the pages of webhooks: the list, a new one, one of them."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deployments.forges.values import Kind
from deployments.forges.webhooks.setup import SETUPS
from deployments.models import Webhook
from deployments.services import webhooks
from deployments.services.webhooks import WebhookInvalid
from deployments.webhook_forms import ChangeWebhookForm, WebhookForm
from infrastructure.requests import Request
from infrastructure.views.access import needs

LONGEST_BODY = 25 * 1024 * 1024
CHUNK = 64 * 1024
PAGE_SIZE = 50
VIEW, ADD, CHANGE, DELETE = (f"deployments.{verb}_webhook" for verb in ("view", "add", "change", "delete"))


@csrf_exempt
@require_POST
def receive(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """A Git host's delivery. Its signature is all that lets it in: no session, no cookie; an address that is not known answers the same whatever is wrong."""
    webhook = _find(kind, key)
    if webhook is None:
        return _told(404, "There is no webhook at this address.")
    body = _read_body(request)
    if body is None:
        return _told(413, "The delivery is longer than 25 MB.")
    answer = webhooks.receive(webhook=webhook, headers=request.headers, body=body, now=timezone.now())
    return _told(answer.status, answer.sentence)


receive.takes_raw_body = True  # type: ignore[attr-defined]  # a mark for octoargo.middleware, which would read the body as a form


def _find(kind: str, key: str) -> Webhook | None:
    try:
        return Webhook.objects.filter(pk=UUID(key), kind=kind).first()
    except ValueError:
        return None


def _read_body(request: HttpRequest) -> bytes | None:
    """The raw bytes; None when they are too many. The rest is read away then, so that the host hears our answer."""
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    stream = request.META["wsgi.input"] if is_chunked else request  # Django reads nothing without a length
    body: bytes = stream.read(LONGEST_BODY + 1)
    if len(body) <= LONGEST_BODY:
        return body
    del body
    for _ in range(3 * LONGEST_BODY // CHUNK):
        if not stream.read(CHUNK):
            break
    return None


def _told(status: int, sentence: str) -> HttpResponse:
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")


@needs(VIEW)
@require_GET
def webhook_list(request: Request) -> HttpResponse:
    """All webhooks by name."""
    rows = Webhook.objects.visible_to(request.user).order_by("name", "pk")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "webhooks/list.html", {"place": "webhooks", "page_obj": page})


@never_cache
@sensitive_post_parameters("secret")
@sensitive_variables("form", "secret")
@needs(ADD)
@require_http_methods(["GET", "POST"])
def webhook_new(request: Request) -> HttpResponse:
    """Make a webhook. A valid form is answered with its page, because the secret on it is shown only once."""
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            webhook, secret = webhooks.create_webhook(**form.cleaned_data, by=request.user, now=timezone.now())
        except WebhookInvalid as error:
            form.add_error(error.field or None, str(error))
        else:
            return _page(request, webhook, secret=secret)
    return render(request, "webhooks/form.html", {"place": "webhooks", "form": form}, status=422 if request.method == "POST" else 200)


@needs(VIEW)
@require_GET
def webhook_detail(request: Request, pk: UUID) -> HttpResponse:
    """How to set it up on the host, and what it last delivered; without the secret."""
    return _page(request, _of(request, pk))


@needs(CHANGE)
@require_http_methods(["GET", "POST"])
def webhook_edit(request: Request, pk: UUID) -> HttpResponse:
    """Change its name and the repositories it may speak for."""
    webhook = _of(request, pk)
    form = ChangeWebhookForm(request.POST or None, initial={"name": webhook.name, "repositories": webhook.repositories})
    if request.method == "POST" and form.is_valid():
        try:
            webhooks.change_webhook(webhook=webhook, **form.cleaned_data, by=request.user, now=timezone.now())
        except WebhookInvalid as error:
            form.add_error(error.field or None, str(error))
            webhook = _of(request, pk)
        else:
            messages.success(request, f"{webhook.name} was changed.")
            return redirect("webhook", pk=pk)
    context = {"place": "webhooks", "form": form, "webhook": webhook}
    return render(request, "webhooks/form.html", context, status=422 if request.method == "POST" else 200)


@never_cache
@sensitive_variables("secret")
@needs(CHANGE)
@require_POST
def webhook_rotate(request: Request, pk: UUID) -> HttpResponse:
    """A new secret, and the page with it: this answer is the only place that shows it."""
    webhook = _of(request, pk)
    secret = webhooks.rotate_secret(webhook=webhook, by=request.user, now=timezone.now())
    return _page(request, webhook, secret=secret)


@needs(DELETE)
@require_POST
def webhook_delete(request: Request, pk: UUID) -> HttpResponse:
    """Delete it, and go to the list."""
    webhook = _of(request, pk)
    webhooks.delete_webhook(webhook=webhook, by=request.user, now=timezone.now())
    messages.success(request, f"{webhook.name} was deleted. Deliveries to its address are answered with 404.")
    return redirect("webhooks")


def _of(request: Request, pk: UUID) -> Webhook:
    return get_object_or_404(Webhook.objects.visible_to(request.user).select_related("created_by"), pk=pk)


@sensitive_variables("secret", "context")
def _page(request: Request, webhook: Webhook, *, secret: str = "") -> HttpResponse:
    context: dict[str, Any] = {
        "place": "webhooks",
        "webhook": webhook,
        "address": f"{settings.PUBLIC_URL}{reverse('hook', args=[webhook.kind, webhook.pk])}",
        "setup": SETUPS[Kind(webhook.kind)],
        "secret": secret,
        "is_private": settings.PUBLIC_URL.startswith("http://"),
    }
    return render(request, "webhooks/detail.html", context)
