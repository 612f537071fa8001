"""What a delivery does: it makes due what it is about, once, and nothing else."""

from datetime import timedelta

import pytest

from deployments.forges.values import Kind
from deployments.models import Deployment, LiveState, PullRequest, StepRun, Target, Webhook, WebhookDelivery
from deployments.services import webhooks
from deployments.services.webhooks import KEPT, WebhookInvalid
from deployments.status import DeploymentStatus, PullRequestState, StepStatus, TargetOutcome
from infrastructure.models import Event
from infrastructure.secrets import encrypt
from tests.deployments.factories import make_release
from tests.deployments.forges.deliveries import SECRET, WEB, other, pull_request, push
from tests.factories import NOW, make_application, make_environment, make_source, make_user

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=10)
SHOP = f"{WEB}/acme/shop.git"


def make_webhook(kind=Kind.GITEA, *, secret=SECRET, **values):
    webhook = Webhook(kind=kind.value, created_at=NOW, **{"name": f"hook of {kind}", **values})
    webhook.secret_encrypted = encrypt(secret, row=f"webhook:{webhook.pk}")
    webhook.save()
    return webhook


def deliver(webhook, delivery, now=NOW):
    return webhooks.receive(webhook=webhook, headers=delivery.headers, body=delivery.body, now=now)


def make_live(url=SHOP, target_revision="main"):
    """A source whose live state is not due."""
    source = make_source(make_application(), repo_url=url, target_revision=target_revision)
    LiveState.objects.update_or_create(source=source, defaults={"due_at": None})
    return source


def make_waiting(source=None, *, status=DeploymentStatus.WAITING):
    """A deployment that waits, due in an hour, with its step run and a target on the source."""
    source = source or make_live()
    release = make_release(f"1.0.{Deployment.objects.count()}")
    deployment = Deployment.objects.create(
        release=release, project=release.project, environment=make_environment(), status=status, created_at=NOW, due_at=NOW + timedelta(hours=1)
    )
    run = StepRun.objects.create(deployment=deployment, position=1, name="Update", kind="update_images", status=StepStatus.WAITING)
    Target.objects.create(
        step_run=run, source=source, instance_name="eu", application_namespace="argocd", application_name="shop", repo_url=SHOP, outcome=TargetOutcome.UPDATED
    )
    return deployment


def make_pull_request(deployment=None, *, number=7, url=SHOP, **values):
    deployment = deployment or make_waiting()
    values = {"branch": "main", "head_branch": "octoargo/1", "head_sha": "c" * 40, "title": "Update", "web_url": SHOP, "opened_at": NOW, **values}
    return PullRequest.objects.create(
        step_run=deployment.step_runs.get(), repo_url=url, repository_key=url, forge_kind="gitea", number=number, due_at=NOW + timedelta(hours=1), **values
    )


def due(*rows):
    """Which of the rows are due now."""
    for row in rows:
        row.refresh_from_db()
    return [row.due_at is not None and row.due_at <= NOW for row in rows]


def live(*sources):
    return [LiveState.objects.get(source=source).due_at == NOW for source in sources]


# What it wakes


@pytest.mark.parametrize("kind", Kind)
def test_a_merged_pull_request_makes_ours_and_its_deployment_due(kind):
    url = f"{WEB}/fabrikam/acme/_git/shop" if kind is Kind.AZURE_DEVOPS else f"{WEB}/scm/ACME/shop" if kind is Kind.BITBUCKET_DATA_CENTER else SHOP
    row = make_pull_request(url=url)

    answer = deliver(make_webhook(kind), pull_request(kind))

    assert answer.status == 200
    assert due(row, row.step_run.deployment) == [True, True]
    assert row.state == PullRequestState.OPEN  # only the host's API says that it is merged
    assert "Looking again: 1 pull request." in answer.sentence


def test_other_pull_requests_stay_as_they_are():
    deployment = make_waiting()
    rows = [
        make_pull_request(deployment, number=8),
        make_pull_request(make_waiting(), url=f"{WEB}/acme/other.git"),
        make_pull_request(make_waiting(), state=PullRequestState.MERGED),
    ]

    deliver(make_webhook(), pull_request(Kind.GITEA))

    assert due(*rows) == [False, False, False]
    assert due(*Deployment.objects.all()) == [False, False, False]


def test_a_finished_deployment_is_not_woken():
    row = make_pull_request(make_waiting(status=DeploymentStatus.FAILED))

    deliver(make_webhook(), pull_request(Kind.GITEA))

    assert due(row, row.step_run.deployment) == [True, False]


@pytest.mark.parametrize("kind", Kind)
def test_a_push_makes_live_states_and_waiting_deployments_due(kind):
    url = f"{WEB}/fabrikam/acme/_git/shop" if kind is Kind.AZURE_DEVOPS else f"{WEB}/scm/ACME/shop" if kind is Kind.BITBUCKET_DATA_CENTER else SHOP
    ours, of_another_branch, of_another_repository = make_live(url), make_live(url, "stable"), make_live(f"{WEB}/acme/other")
    waiting, another = make_waiting(ours), make_waiting(of_another_branch)

    answer = deliver(make_webhook(kind), push(kind))

    assert live(ours, of_another_branch, of_another_repository) == [True, False, False]
    assert due(waiting, another) == [True, False]
    assert answer.sentence.endswith("Looking again: 1 application.")


@pytest.mark.parametrize("branch", ["main", "octoargo/1"])
def test_a_push_to_either_branch_of_a_pull_request_makes_it_due(branch):
    row = make_pull_request()

    deliver(make_webhook(), push(Kind.GITEA, branches=[branch]))

    assert due(row, row.step_run.deployment) == [True, True]


@pytest.mark.parametrize("kind", [Kind.AZURE_DEVOPS, Kind.BITBUCKET_CLOUD, Kind.BITBUCKET_DATA_CENTER])
def test_every_branch_of_a_push_counts(kind):
    url = f"{WEB}/fabrikam/acme/_git/shop" if kind is Kind.AZURE_DEVOPS else f"{WEB}/scm/ACME/shop" if kind is Kind.BITBUCKET_DATA_CENTER else SHOP
    sources = [make_live(url, branch) for branch in ("main", "stable", "next")]

    deliver(make_webhook(kind), push(kind, branches=["stable", "next"]))

    assert live(*sources) == [False, True, True]


def test_many_applications_on_one_repository(settings):
    sources = [make_live() for _ in range(30)]

    assert "30 applications" in deliver(make_webhook(), push(Kind.GITEA)).sentence
    assert all(live(*sources))


def test_a_webhook_speaks_only_for_its_repositories():
    source, row = make_live(), make_pull_request()
    webhook = make_webhook(repositories=f"{WEB}/platform/*")

    deliver(webhook, push(Kind.GITEA, delivery="1"))
    deliver(webhook, pull_request(Kind.GITEA, delivery="2"))

    assert live(source) == [False]
    assert due(row) == [False]


def test_a_worker_is_told_once_the_transaction_is_committed(django_capture_on_commit_callbacks):
    make_pull_request()

    with django_capture_on_commit_callbacks() as callbacks:
        deliver(make_webhook(), pull_request(Kind.GITEA))

    assert len(callbacks) == 1


# Who is let in, and how often


@pytest.mark.parametrize("kind", Kind)
def test_a_wrong_signature_is_refused_and_wakes_nothing(kind):
    row = make_pull_request()
    webhook = make_webhook(kind)

    answer = deliver(webhook, pull_request(kind, secret="another secret"))

    assert answer.status == 401
    assert due(row) == [False]
    assert not WebhookDelivery.objects.exists()
    webhook.refresh_from_db()
    assert webhook.last_delivery_said.startswith("Refused: ")


@pytest.mark.parametrize("kind", Kind)
def test_the_same_delivery_again_is_no_work(kind):
    webhook, source = make_webhook(kind), make_live()
    deliver(webhook, push(kind))
    LiveState.objects.update(due_at=None)

    answer = deliver(webhook, push(kind), now=LATER)

    assert (answer.status, answer.sentence) == (200, "Delivered before: nothing done.")
    assert live(source) == [False]
    assert WebhookDelivery.objects.count() == 1


def test_two_webhooks_may_get_the_same_delivery():
    one, two = make_webhook(name="one"), make_webhook(name="two")

    assert [deliver(webhook, push(Kind.GITEA)).sentence for webhook in (one, two)] == [deliver(make_webhook(name="three"), push(Kind.GITEA)).sentence] * 2


def test_after_a_week_a_delivery_is_forgotten():
    webhook = make_webhook()
    deliver(webhook, push(Kind.GITEA, delivery="old"))
    deliver(webhook, push(Kind.GITEA, delivery="new"), now=NOW + KEPT)

    assert webhooks.prune_deliveries(now=NOW + KEPT + timedelta(seconds=1)) == 1
    assert [row.delivery_id for row in WebhookDelivery.objects.all()] == ["new"]
    assert "Push to main" in deliver(webhook, push(Kind.GITEA, delivery="old"), now=NOW + KEPT + timedelta(seconds=2)).sentence


def test_a_week_counts_though_nothing_was_pruned():
    webhook = make_webhook()
    deliver(webhook, push(Kind.GITEA))

    assert "Push to main" in deliver(webhook, push(Kind.GITEA), now=NOW + KEPT + timedelta(seconds=1)).sentence


@pytest.mark.parametrize("kind", Kind)
def test_what_is_not_used_is_answered_and_written_down(kind):
    webhook = make_webhook(kind)

    answer = deliver(webhook, other(kind))

    assert answer.status == 200
    webhook.refresh_from_db()
    assert (webhook.last_delivery_at, webhook.last_delivery_said) == (NOW, answer.sentence)
    assert not WebhookDelivery.objects.exists()


def test_data_centers_unsigned_ping_is_answered():
    webhook = make_webhook(Kind.BITBUCKET_DATA_CENTER)

    answer = webhooks.receive(webhook=webhook, headers={"X-Event-Key": "diagnostics:ping"}, body=b'{"test": true}', now=NOW)

    assert answer.status == 200


def test_a_stranger_cannot_make_us_write_at_will():
    webhook = make_webhook()
    deliver(webhook, push(Kind.GITEA))
    webhook.refresh_from_db()

    deliver(webhook, push(Kind.GITEA, secret="wrong"), now=NOW + timedelta(seconds=9))
    webhook.refresh_from_db()
    assert webhook.last_delivery_said.startswith("Push to main")
    deliver(webhook, push(Kind.GITEA, secret="wrong"), now=NOW + timedelta(seconds=10))
    webhook.refresh_from_db()
    assert webhook.last_delivery_said.startswith("Refused")


def test_a_secret_whose_key_is_gone_is_told_and_lets_nobody_in():
    webhook = make_webhook()
    Webhook.objects.update(secret_encrypted=encrypt(SECRET, row="webhook:of another row"))
    webhook.refresh_from_db()

    answer = deliver(webhook, push(Kind.GITEA))

    assert answer.status == 503
    assert SECRET not in answer.sentence


# Making and unmaking


@pytest.mark.parametrize("kind", Kind)
def test_create_returns_the_secret_once_and_keeps_it_encrypted(kind):
    person = make_user()

    webhook, secret = webhooks.create_webhook(name=" Acme ", kind=kind.value, repositories=f"{WEB}/acme/*\n", by=person, now=NOW)

    assert len(secret) >= 43
    webhook.refresh_from_db()
    assert webhook.name == "Acme"
    assert webhook.patterns() == [f"{WEB}/acme/*"]
    assert secret not in webhook.secret_encrypted
    assert deliver(webhook, push(kind, secret=secret)).status == 200
    event = Event.objects.get()
    assert (event.kind, event.object_name, event.by) == ("webhook_added", "Acme", person)
    assert secret not in str(event.detail)


def test_create_takes_a_given_secret():
    webhook, secret = webhooks.create_webhook(name="Acme", kind="gitlab", secret="given-by-the-host", by=None, now=NOW)

    assert secret == "given-by-the-host"
    assert deliver(webhook, push(Kind.GITLAB, secret=secret)).status == 200


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "taken"}, "name"),
        ({"kind": "subversion"}, "kind"),
        ({"secret": "short"}, "secret"),
        ({"secret": "with blanks in it, long enough"}, "secret"),
        ({"secret": "ä" * 20}, "secret"),
        ({"repositories": "https://*/x"}, "repositories"),
        ({"repositories": "https://me:secret@git.example.test/*"}, "repositories"),
        ({"name": "x" * 101}, ""),
    ],
)
def test_create_refuses(values, field):
    make_webhook(name="taken")

    with pytest.raises(WebhookInvalid) as refused:
        webhooks.create_webhook(**{"name": "Acme", "kind": "github", "by": None, "now": NOW, **values})

    assert refused.value.field == field
    assert Webhook.objects.count() == 1


def test_rotate_makes_the_old_secret_worthless():
    webhook, old = webhooks.create_webhook(name="Acme", kind="github", by=None, now=NOW)

    new = webhooks.rotate_secret(webhook=webhook, by=None, now=NOW)

    webhook.refresh_from_db()
    assert deliver(webhook, push(Kind.GITHUB, secret=old)).status == 401
    assert deliver(webhook, push(Kind.GITHUB, secret=new)).status == 200


def test_change_keeps_the_secret_and_delete_forgets_all():
    webhook, secret = webhooks.create_webhook(name="Acme", kind="github", by=None, now=NOW)

    webhooks.change_webhook(webhook=webhook, name="Acme shops", repositories=f"{WEB}/acme/*", by=None, now=NOW)
    assert deliver(Webhook.objects.get(name="Acme shops"), push(Kind.GITHUB, secret=secret)).status == 200

    webhooks.delete_webhook(webhook=webhook, by=None, now=NOW)
    assert not Webhook.objects.exists()
    assert not WebhookDelivery.objects.exists()
    assert [event.kind for event in Event.objects.order_by("pk")] == ["webhook_added", "webhook_changed", "webhook_deleted"]
