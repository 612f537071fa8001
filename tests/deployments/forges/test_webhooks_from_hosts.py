"""Simulated hosts deliver over HTTP to our door, in their own shapes: a pull request is opened and merged, and ours becomes due."""

import pytest

from deployments.models import LiveState, PullRequest, WebhookDelivery
from deployments.services.webhooks import create_webhook
from simulator.forges.events import Hook
from tests.deployments.services.test_webhooks import make_live, make_pull_request, make_waiting
from tests.factories import NOW


@pytest.fixture
def hooked(simulator, live_server, transactional_db):
    """The host knows our webhook, and sends everything twice and in the opposite order."""
    webhook, secret = create_webhook(name="host", kind=simulator.host.kind.value, by=None, now=NOW)
    options = {"signing_token": secret} if simulator.host.kind == "gitlab" else {}
    courier = simulator.state.courier
    courier.hooks.append(Hook("", f"{live_server.url}/hooks/{webhook.kind}/{webhook.pk}", secret, options))
    courier.is_reversed = courier.sends_twice = True
    return simulator


def test_case_36_each_delivery_of_a_merge_is_work_once(hooked):
    source = make_live(hooked.url)
    hooked.branch("octo/x")
    pull = hooked.state.open(hooked.host.path, head="octo/x", base="main", title="Update", body="", author="octoargo")
    hooked.state.courier.wait()
    ours = make_pull_request(make_waiting(source), url=hooked.url, number=pull.number)
    other = make_pull_request(make_waiting(make_live("https://git.example.test/acme/other")), url="https://git.example.test/acme/other", number=pull.number)

    hooked.merge(pull.number)
    hooked.state.courier.wait()

    sent = hooked.state.courier.sent
    assert {each.status for each in sent} == {200}
    assert len(sent) == 6  # opened, merged, push: each twice
    assert WebhookDelivery.objects.count() == 3
    was = {row.pk: row.due_at for row in (ours, other)}
    assert {row.pk: row.due_at == was[row.pk] for row in PullRequest.objects.all()} == {ours.pk: False, other.pk: True}
    assert LiveState.objects.get(source=source).due_at is not None


def test_case_32_a_host_with_another_secret_is_refused(hooked):
    hook = hooked.state.courier.hooks.pop()
    wrong = "whsec_" + "A" * 43 + "="
    hooked.state.courier.hooks.append(Hook(hook.repository, hook.url, wrong, {"signing_token": wrong} if hook.options else {}))
    hooked.branch("octo/x")

    hooked.state.open(hooked.host.path, head="octo/x", base="main", title="Update", body="", author="octoargo")
    hooked.state.courier.wait()

    assert {each.status for each in hooked.state.courier.sent} == {401}
    assert not WebhookDelivery.objects.exists()
