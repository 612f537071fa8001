"""What the simulated hosts send, read by what takes webhooks: cases 32 and 36 to 38 from the sender's side."""

from datetime import UTC, datetime

import pytest

from deployments.forges import State
from deployments.forges.webhooks import What, parse, verify
from simulator.forges.azure_devops_shapes import delivered
from simulator.forges.azure_devops_shapes import pull_request_payload as azure_payload
from simulator.forges.bitbucket_data_center_shapes import ping
from simulator.forges.events import Hook, PullChanged, RefChanged
from simulator.forges.state import ZEROS
from tests.deployments.forges.worlds import proposal

SECRET = "c2VjcmV0LW9mLWEtd2ViaG9vay1vZi1vdXJzLQ"


def deliver(world, event):
    """As it arrives here."""
    sent = world.server.vendor.pack(event, Hook(world.host.path, "http://127.0.0.1/", SECRET))
    assert verify(world.host.kind, sent.headers, sent.body, SECRET, now=datetime.now(UTC)) is None
    assert verify(world.host.kind, sent.headers, sent.body, f"{SECRET}x", now=datetime.now(UTC)) is not None
    return parse(world.host.kind, sent.headers, sent.body)


def opened(world):
    world.branch()
    return world.forge.open_or_find(proposal()).pull_request.number


def test_a_push_names_its_branch_and_commits(simulator):
    before, after = simulator.head(), simulator.branch()

    event = deliver(simulator, RefChanged(simulator.host.path, "refs/heads/octo/x", before, after))

    assert event.what is What.PUSH
    assert [(ref.branch, ref.before, ref.after, ref.is_deleted) for ref in event.refs] == [("octo/x", before, after, False)]
    assert simulator.host.path.endswith(event.path)


def test_a_deleted_branch_is_gone(simulator):
    event = deliver(simulator, RefChanged(simulator.host.path, "refs/heads/octo/x", simulator.head(), ZEROS))

    assert [(ref.branch, ref.is_deleted) for ref in event.refs] == [("octo/x", True)]


@pytest.mark.parametrize(("action", "says"), [("opened", State.OPEN), ("synchronized", State.OPEN), ("closed", State.CLOSED), ("merged", State.MERGED)])
def test_a_pull_request_tells_its_number_branches_and_state(simulator, action, says):
    number = opened(simulator)
    if action == "closed":
        simulator.close(number)
    if action == "merged":
        simulator.merge(number)

    event = deliver(simulator, PullChanged(simulator.pull(number), action))

    assert (event.what, event.number, event.head, event.base, event.says) == (What.PULL_REQUEST, number, "octo/x", "main", says)
    assert simulator.host.path.endswith(event.path)


@pytest.mark.hosts("azure_devops")
def test_case_36_a_merge_that_was_only_tried_is_told_like_one_and_is_none(simulator):
    number = opened(simulator)
    payload = azure_payload(simulator.server.url, simulator.pull(number), "tried")
    sent = delivered(payload, SECRET)

    event = parse(simulator.host.kind, sent.headers, sent.body)

    assert payload["eventType"] == "git.pullrequest.merged"
    assert event.says is State.OPEN


@pytest.mark.hosts("bitbucket_data_center")
def test_case_35_the_test_button_is_not_signed(simulator):
    sent = ping()

    assert "X-Hub-Signature" not in sent.headers
    assert verify(simulator.host.kind, sent.headers, sent.body, SECRET, now=datetime.now(UTC)) is None
    assert parse(simulator.host.kind, sent.headers, sent.body).what is What.PING


@pytest.mark.hosts("bitbucket_data_center")
def test_an_older_server_names_no_host(simulator):
    simulator.state.quirks.add("no_links")

    event = deliver(simulator, RefChanged("ACME/shop", "refs/heads/main", ZEROS, simulator.head()))

    assert (event.path, event.urls) == ("ACME/shop", ())
