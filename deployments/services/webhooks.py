"""Webhooks in: addresses that Git hosts call, and what a call does. It only makes us look sooner, so one that is lost or forged changes nothing."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from deployments.forges.values import Kind
from deployments.forges.webhooks import Event, What, concerns, is_branch_of, new_secret, parse, verify
from deployments.models import Deployment, PullRequest, Webhook, WebhookDelivery
from deployments.services.errors import DeploymentError
from deployments.services.waking import AT_ONCE, wake_for_applications, wake_on_commit
from deployments.status import PullRequestState
from infrastructure.models import ApplicationSource
from infrastructure.repositories import BadRepositoryUrl, check_pattern
from infrastructure.secrets import SecretUnreadable, decrypt, encrypt
from infrastructure.sentences import counted, listed
from infrastructure.services.trail import record_event

log = structlog.get_logger(__name__)
KEPT = timedelta(days=7)  # deliveries' ids: longer than any host sends one again
NOTED_EVERY = timedelta(seconds=10)  # strangers' deliveries are written down no more often
SHORTEST_SECRET, LONGEST_SECRET = 16, 200


class WebhookInvalid(DeploymentError):
    """A webhook cannot be like this. `field` names the form's field, "" for the form as a whole."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Answer:
    """What the host is told."""

    status: int
    sentence: str


def receive(*, webhook: Webhook, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
    """Take a delivery: what it is about becomes due at once.

    200 also for what is ignored or was delivered before, 401 when it is not the host's, 503 when our secret cannot be read.
    """
    kind = Kind(webhook.kind)
    try:
        secret = decrypt(webhook.secret_encrypted, row=_row(webhook))
    except SecretUnreadable as unreadable:
        return _note(webhook, Answer(503, str(unreadable)), now, is_known=False)
    if refusal := verify(kind, headers, body, secret, now=now):
        log.warning("webhook_refused", webhook=webhook.name, reason=refusal.sentence)
        return _note(webhook, Answer(401, f"Refused: {refusal.sentence}"), now, is_known=False)
    event = parse(kind, headers, body)
    if event.what is What.PING:
        return _note(webhook, Answer(200, event.sentence), now, is_known=False)  # some hosts do not sign it
    if event.what is What.IGNORED:
        return _note(webhook, Answer(200, event.sentence), now)
    return _take(webhook, event, now)


@transaction.atomic
def _take(webhook: Webhook, event: Event, now: datetime) -> Answer:
    """Once per delivery, in one transaction with its id: what fails in between may be delivered again."""
    same = WebhookDelivery.objects.filter(webhook=webhook, delivery_id=event.delivery_id)
    same.filter(received_at__lt=now - KEPT).delete()
    _, is_new = WebhookDelivery.objects.get_or_create(webhook=webhook, delivery_id=event.delivery_id, defaults={"received_at": now})
    if not is_new:
        return Answer(200, "Delivered before: nothing done.")
    pull_requests = _wake_pull_requests(webhook, event, now)
    applications = _wake_sources(webhook, event, now) if event.what is What.PUSH else 0
    looks = [counted(number, noun) for number, noun in ((pull_requests, "pull request"), (applications, "application")) if number]
    sentence = f"{event.sentence} {f'Looking again: {listed(looks)}.' if looks else 'Nothing of ours follows it.'}"
    log.info("webhook_taken", webhook=webhook.name, what=event.what.value, pull_requests=pull_requests, applications=applications)
    return _note(webhook, Answer(200, sentence), now)


def _wake_pull_requests(webhook: Webhook, event: Event, now: datetime) -> int:
    """Ours that the event is about are asked for at once, and their deployments go on."""
    rows = PullRequest.objects.filter(state=PullRequestState.OPEN)
    if event.what is What.PULL_REQUEST:
        rows = rows.filter(number=event.number or 0)
    branches = {ref.branch for ref in event.refs}
    found = [
        row
        for row in rows.select_related("step_run").order_by("pk")
        if (event.what is What.PULL_REQUEST or branches & {row.branch, row.head_branch}) and _is_about(webhook, event, row.repo_url)
    ]
    for start in range(0, len(found), AT_ONCE):
        some = found[start : start + AT_ONCE]
        PullRequest.objects.filter(pk__in=[row.pk for row in some], state=PullRequestState.OPEN).update(due_at=now)
        unfinished = Deployment.objects.unfinished().filter(pk__in={row.step_run.deployment_id for row in some})
        ids = list(unfinished.values_list("pk", flat=True))
        Deployment.objects.filter(pk__in=ids).update(due_at=now)
        wake_on_commit(ids)
    return len(found)


def _wake_sources(webhook: Webhook, event: Event, now: datetime) -> int:
    """Live states, and deployments that wait, of the applications with a source on a pushed branch."""
    sources = ApplicationSource.objects.filter(is_mapped=True, removed_at__isnull=True, application__gone_at__isnull=True).order_by()
    urls = [url for url in sources.values_list("repo_url", flat=True).distinct() if _is_about(webhook, event, url)]
    concerned: set[int] = set()
    for start in range(0, len(urls), AT_ONCE):
        found = sources.filter(repo_url__in=urls[start : start + AT_ONCE]).values_list("application", "target_revision")
        concerned |= {application for application, revision in found if is_branch_of(event, revision)}
    ids = sorted(concerned)
    for start in range(0, len(ids), AT_ONCE):
        wake_for_applications(application_ids=ids[start : start + AT_ONCE], now=now)
    return len(ids)


def _is_about(webhook: Webhook, event: Event, url: str) -> bool:
    return concerns(event, url, kind=Kind(webhook.kind), patterns=webhook.patterns())


def _note(webhook: Webhook, answer: Answer, now: datetime, *, is_known: bool = True) -> Answer:
    """What stands on the webhook's page. Whoever has not proved anything cannot make us write at will."""
    last = webhook.last_delivery_at
    if is_known or last is None or now - last >= NOTED_EVERY:
        Webhook.objects.filter(pk=webhook.pk).update(last_delivery_at=now, last_delivery_said=answer.sentence)
    return answer


def prune_deliveries(*, now: datetime) -> int:
    """Forget the ids of old deliveries; returns how many."""
    return WebhookDelivery.objects.filter(received_at__lt=now - KEPT).delete()[0]


@transaction.atomic
def create_webhook(*, name: str, kind: str, repositories: str = "", secret: str = "", by: Any, now: datetime) -> tuple[Webhook, str]:
    """Make a webhook; returns it with its secret, which is shown now and never again. `secret` "" makes one.

    Raises WebhookInvalid.
    """
    webhook = Webhook(name=name.strip(), kind=kind, repositories=repositories.strip(), created_at=now, created_by=by)
    secret = secret or _new_secret(webhook)
    _check(webhook, secret)
    webhook.secret_encrypted = encrypt(secret, row=_row(webhook))
    _save(webhook)
    record_event(kind="webhook_added", object_name=webhook.name, by=by, now=now, host=webhook.kind, patterns=webhook.patterns())
    return webhook, secret


@transaction.atomic
def change_webhook(*, webhook: Webhook, name: str, repositories: str, by: Any, now: datetime) -> None:
    """Change its name and the repositories it may speak for. Raises WebhookInvalid."""
    webhook.name, webhook.repositories = name.strip(), repositories.strip()
    _check(webhook, None)
    _save(webhook)
    record_event(kind="webhook_changed", object_name=webhook.name, by=by, now=now, patterns=webhook.patterns())


@transaction.atomic
def rotate_secret(*, webhook: Webhook, by: Any, now: datetime) -> str:
    """Give the webhook a new secret; returns it, to be shown now and never again. The old one is worthless at once."""
    secret = _new_secret(webhook)
    Webhook.objects.filter(pk=webhook.pk).update(secret_encrypted=encrypt(secret, row=_row(webhook)))
    record_event(kind="webhook_secret_rotated", object_name=webhook.name, by=by, now=now)
    return secret


@transaction.atomic
def delete_webhook(*, webhook: Webhook, by: Any, now: datetime) -> None:
    """Delete the webhook: its address is unknown from now on, and we ask the host by ourselves, less often."""
    record_event(kind="webhook_deleted", object_name=webhook.name, by=by, now=now)
    webhook.delete()


def _new_secret(webhook: Webhook) -> str:
    known = webhook.kind in list(Kind)
    return new_secret(Kind(webhook.kind), secrets.token_bytes(32)) if known else secrets.token_urlsafe(32)


def _check(webhook: Webhook, secret: str | None) -> None:
    if not webhook.name:
        raise WebhookInvalid("Give the webhook a name, for example the organisation whose repositories it is for.", field="name")
    if webhook.kind not in list(Kind):
        raise WebhookInvalid("Choose which kind of Git host calls.", field="kind")
    if Webhook.objects.filter(name=webhook.name).exclude(pk=webhook.pk).exists():
        raise _taken(webhook)
    if secret is not None and (not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET or any(not "!" <= each <= "~" for each in secret)):
        raise WebhookInvalid(f"Use {SHORTEST_SECRET} to {LONGEST_SECRET} letters, digits and signs without blanks, or leave it empty.", field="secret")
    try:
        for pattern in webhook.patterns():
            check_pattern(pattern)
    except BadRepositoryUrl as error:
        raise WebhookInvalid(str(error), field="repositories") from error
    try:
        webhook.full_clean(exclude={"created_by"}, validate_unique=False)
    except ValidationError as error:
        raise WebhookInvalid(" ".join(error.messages)) from error


def _save(webhook: Webhook) -> None:
    try:
        with transaction.atomic():
            webhook.save()
    except IntegrityError as error:  # somebody else was faster
        raise _taken(webhook) from error


def _taken(webhook: Webhook) -> WebhookInvalid:
    return WebhookInvalid(f"There is a webhook named {webhook.name} already. Choose another name.", field="name")


def _row(webhook: Webhook) -> str:
    return f"webhook:{webhook.pk}"
