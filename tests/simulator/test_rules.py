"""Pure: RBAC, health, selectors, sync windows, comparison, accounts, configuration."""

from datetime import UTC, datetime

import pytest

from simulator.accounts import Accounts
from simulator.cluster import LiveObject
from simulator.comparison import Desired, compare
from simulator.config import Config, ConfigError
from simulator.health import of_application
from simulator.planning import plan
from simulator.policy import Policy
from simulator.selecting import selects
from simulator.shapes import ApiError, AppKey, key_of, normalise_url
from simulator.windows import blocks, is_active, seconds_of

NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
KEY = AppKey("argocd", "shop")


@pytest.mark.parametrize(
    ("subject", "action", "scope", "expected"),
    [
        ("octoargo", "get", "shop/web", True),
        ("octoargo", "get", "shop/team-a/web", True),
        ("octoargo", "get", "other/web", False),
        ("octoargo", "sync", "shop/web", False),
        ("octoargo", "sync", "shop/locked", False),
        ("deployer", "sync", "shop/web", True),
        ("deployer", "sync", "shop/locked", False),
        ("deployer", "action/apps/Deployment/restart", "shop/web", True),
        ("nobody", "get", "shop/web", False),
        ("admin", "delete", "any/thing", True),
    ],
)
def test_policy(subject, action, scope, expected):
    policy = Policy(
        """
        p, octoargo, applications, get, shop/*, allow
        g, deployer, role:deployer
        p, role:deployer, applications, sync, */*, allow
        p, role:deployer, applications, action/*, */*, allow
        p, role:deployer, applications, sync, shop/locked, deny
        nonsense
        """
    )

    assert policy.allows(subject, "applications", action, scope) is expected


def test_default_role_is_everybodys():
    assert Policy("", default="role:readonly").allows("anybody", "clusters", "get", "x") is True


def resource(kind, health=None, hook=False):
    return {"kind": kind, "hook": hook, **({"health": {"status": health}} if health else {})}


@pytest.mark.parametrize(
    ("resources", "release", "expected"),
    [
        ([], (3, 5), "Healthy"),
        ([resource("ConfigMap")], (3, 5), "Healthy"),
        ([resource("Deployment", "Degraded"), resource("Deployment", "Progressing")], (3, 5), "Degraded"),
        ([resource("ConfigMap"), resource("Deployment", "Missing")], (3, 5), "Healthy"),
        ([resource("ConfigMap"), resource("Deployment", "Missing")], (3, 3), "Missing"),
        ([resource("ConfigMap", "Missing"), resource("Deployment", "Healthy")], (3, 3), "Healthy"),
        ([resource("ConfigMap", "Missing"), resource("Deployment", "Missing")], (3, 5), "Missing"),
        ([resource("Deployment", "Healthy"), resource("Job", "Degraded", hook=True)], (3, 5), "Healthy"),
        ([resource("Deployment", "Suspended"), resource("Service", "Healthy")], (3, 5), "Suspended"),
    ],
)
def test_health_of_an_application(resources, release, expected):
    assert of_application(resources, release=release) == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", True),
        ("team=shop", True),
        ("team==shop,tier!=web", True),
        ("team!=shop", False),
        ("team in (a, shop)", True),
        ("team notin (shop)", False),
        ("team", True),
        ("!team", False),
        ("team in (a,b),x=y", False),
    ],
)
def test_selectors(selector, expected):
    assert selects(selector, {"team": "shop"}) is expected


def test_unparsable_selector():
    with pytest.raises(ApiError, match="unable to parse requirement"):
        selects("%%", {})


@pytest.mark.parametrize(
    ("schedule", "duration", "active"),
    [
        ("0 22 * * *", "8h", True),
        ("0 22 * * *", "30m", False),
        ("31 22 * * *", "1h", False),
        ("*/15 * * * *", "1m", True),
        ("0 22 * * 2", "1h", True),
        ("0 22 * * 1,3-5", "1h", False),
        ("0 22 24 11 *", "1h", True),
        ("nonsense", "1h", False),
    ],
)
def test_windows(schedule, duration, active):
    assert is_active({"schedule": schedule, "duration": duration}, NOW) is active


def test_windows_know_their_time_zone():
    assert is_active({"schedule": "30 23 * * *", "duration": "5m", "timeZone": "Europe/Berlin"}, NOW) is True


def window(kind, modifier=""):
    schedule = "0 1 * * *" if modifier == "shut" else "* * * * *"
    return {"kind": kind, "manualSync": modifier == "manual", "schedule": schedule, "duration": "1h"}


@pytest.mark.parametrize(
    ("kinds", "manual", "blocked"),
    [
        (["deny"], False, True),
        (["deny"], True, True),
        (["deny manual"], True, False),
        (["deny manual", "deny"], True, True),
        (["allow"], False, False),
        (["allow shut"], False, True),
        (["allow shut", "allow"], False, False),
        (["allow", "deny"], False, True),
        ([], False, False),
    ],
)
def test_what_windows_block(kinds, manual, blocked):
    given = [window(*kind.split()) for kind in kinds]

    assert blocks(given, NOW, manual=manual) is blocked


@pytest.mark.parametrize(("text", "seconds"), [("5s", 5), ("3m", 180), ("1h30m", 5400)])
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


def manifest(kind="ConfigMap", name="a", annotations=None, **rest):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "x", "annotations": annotations or {}}, **rest}


def live(given):
    return LiveObject(key_of(given), given, KEY, 1, NOW)


def test_comparison_honours_ignored_differences():
    desired, changed = Desired([], [], [manifest(data={"a": "1", "b": "2"})]), live(manifest(data={"a": "1", "b": "3"}))
    ignore = [{"kind": "ConfigMap", "jsonPointers": ["/data/b"]}]

    assert compare(desired, [changed], ignore=[], release=(3, 5)).sync_status == "OutOfSync"
    assert compare(desired, [changed], ignore=ignore, release=(3, 5)).sync_status == "Synced"


def test_status_of_an_object_is_no_difference():
    assert compare(Desired([], [], [manifest()]), [live(manifest(status={"x": 1}))], ignore=[], release=(3, 5)).sync_status == "Synced"


def test_plan_orders_phases_waves_and_kinds():
    hook = manifest("Job", "after", {"argocd.argoproj.io/hook": "PostSync"})
    early = manifest("Service", "early", {"argocd.argoproj.io/sync-wave": "-1"})
    desired = Desired(["f" * 40], [""], [hook, manifest("Service", "s"), manifest("ConfigMap", "c"), early])

    batches = plan(desired, {"sync": {}}, extra_live=[manifest("ConfigMap", "old")], namespace="x", sha="f" * 40, started_at=NOW)

    assert [[task.key.name for task in batch.tasks] for batch in batches] == [["x"], ["early"], ["c", "s", "old"], ["after"]]
    assert [task.prunes for task in batches[2].tasks] == [False, False, True]


@pytest.mark.parametrize(
    "url",
    [
        "https://Git.example.test/Shop/x.git",
        "https://git.example.test/shop/x",
        "https://user@git.example.test/shop/x.git/",
        "https://u:p@git.example.test/shop/x",
    ],
)
def test_addresses_of_the_same_repository(url):
    assert normalise_url(url) == "https://git.example.test/shop/x"


def test_wrapped_status_shows_its_inner_message():
    assert ApiError(2, "rpc error: code = Unknown desc = the cause").unary()["message"] == "the cause"


def test_account_without_the_capability():
    accounts = Accounts({"octoargo": {"capabilities": ["apiKey"], "tokens": [{"id": "a"}]}}, signing_key="k")
    accounts.accounts["octoargo"].capabilities = []

    with pytest.raises(ApiError, match="does not have 'apiKey' capability"):
        accounts.authenticate(accounts.minted["octoargo"])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"knob": {}}, "Unknown keys: knob"),
        ({"knobs": {"speed": 1}}, "Unknown knobs: speed"),
        ({"applications": [{"spec": {}}]}, "no metadata.name"),
        ({"applications": [{"metadata": {"name": "x"}, "spec": {}}]}, "no spec.source"),
    ],
)
def test_configuration_says_what_is_wrong(given, text):
    with pytest.raises(ConfigError, match=text):
        Config.read(given)
