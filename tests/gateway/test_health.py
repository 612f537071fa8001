"""Each leg says what was found and what to do; what lies behind a failed one waits for it."""

import ssl
import time
from dataclasses import replace

import jwt
import pytest

from gateway.agent import Agent
from gateway.config import ArgoCdTls, Secret
from gateway.expiry import judge_expiry
from gateway.keystore import FileStore
from tests.gateway.conftest import running, until
from tests.gateway.fake_argocd import FakeArgoCd, make_application
from tests.gateway.fake_hub import Certificate


def leg(report, name):
    return next(leg for leg in report.legs if leg.leg == name)


def words(report):
    return {leg.leg: leg.status for leg in report.legs}


async def check(config, **argocd):
    """One look, without a hub."""
    agent = Agent(replace(config, argocd=replace(config.argocd, **argocd)), FileStore(config.state.directory))
    async with agent._argocd:
        return await agent.health.check()


@pytest.fixture
async def tls_argocd(tmp_path):
    certificate = Certificate()
    files = tmp_path / "tls.crt", tmp_path / "tls.key"
    for file, content in zip(files, (certificate.pem, certificate.key_pem), strict=True):
        file.write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    async with FakeArgoCd(make_application("shop")).with_tls(context) as running_argocd:
        running_argocd.ca_file = files[0]
        yield running_argocd


async def test_all_legs_pass_and_are_reported_with_those_to_the_hub(hub, config):
    async with running(config):
        report = await hub.next_of("health", where=lambda report: set(words(report).values()) == {"passed"})

    assert [leg.leg for leg in report.legs] == [
        *("hub", "identity", "stream", "argocd_reachable", "argocd_tls", "argocd_version"),
        *("token", "permissions", "watch", "applications"),
    ]
    assert "pinned by its thumbprint" in leg(report, "hub").evidence
    assert leg(report, "argocd_version").evidence == "Argo CD v3.5.1+abc1234."
    assert leg(report, "applications").evidence == "2 applications are visible."


async def test_a_token_revoked_mid_stream_fails_its_leg_and_closes_the_watch(hub, argocd, config):
    async with running(config, userinfo_s=0.2):
        await hub.next_of("health", where=lambda report: words(report)["applications"] == "passed")
        argocd.token_is_valid = False
        report = await hub.next_of("health", where=lambda report: words(report)["token"] == "failed")
        await until(lambda: argocd.watch_count == 0)
        argocd.token_is_valid = True
        seen = len(hub.messages)
        await hub.next_of("health", after=seen, where=lambda report: words(report)["watch"] == "passed")

    assert "revoked" in leg(report, "token").evidence
    assert "argocd account generate-token" in leg(report, "token").advice
    assert leg(report, "permissions").evidence == "Waits for the token."


async def test_a_token_in_a_file_is_replaced_without_a_restart(config, argocd, tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    secret = Secret(file=file)
    assert secret.read() == "first"

    file.write_text("second\n")

    assert secret.read() == "second"
    assert words(await check(config, token=secret))["argocd_reachable"] == "passed"


async def test_a_certificate_that_is_not_trusted_fails_its_leg_and_the_rest_waits(config, tls_argocd):
    report = await check(config, url=tls_argocd.url, tls=ArgoCdTls.VERIFY)

    assert words(report) == {
        "argocd_reachable": "passed",
        "argocd_tls": "failed",
        **dict.fromkeys(("argocd_version", "token", "permissions", "watch", "applications"), "waiting"),
    }
    assert leg(report, "token").evidence == "Waits for the certificate."
    assert "argocd.caBundle" in leg(report, "argocd_tls").advice


@pytest.mark.parametrize("mode", ["skip", "ca", "name"])
async def test_the_other_ways_to_trust_argocd(config, tls_argocd, mode):
    values = {
        "skip": {"tls": ArgoCdTls.SKIP_VERIFY},
        "ca": {"tls": ArgoCdTls.CUSTOM_CA, "ca_file": tls_argocd.ca_file},
        "name": {"tls": ArgoCdTls.CUSTOM_CA, "ca_file": tls_argocd.ca_file, "server_name": "localhost"},
    }[mode]

    assert words(await check(config, url=tls_argocd.url, **values))["argocd_version"] == "passed"


async def test_another_server_name_is_refused(config, tls_argocd):
    values = {"tls": ArgoCdTls.CUSTOM_CA, "ca_file": tls_argocd.ca_file, "server_name": "argocd.example.test"}

    refused = leg(await check(config, url=tls_argocd.url, **values), "argocd_tls")
    assert refused.status == "failed"
    assert refused.evidence.endswith("certificate is not valid for 'argocd.example.test'.")
    assert refused.advice.startswith("Set argocd.serverName to a name that Argo CD's certificate carries")


async def test_argocd_away_is_named(config, argocd):
    url = argocd.url
    await argocd.__aexit__()

    report = await check(config, url=url)

    assert leg(report, "argocd_reachable").status == "failed"
    assert "cannot be reached" in leg(report, "argocd_reachable").evidence
    assert leg(report, "applications").evidence == "Waits for Argo CD to be reachable."


async def redirect(writer):
    writer.write(b"HTTP/1.1 307 X\r\nLocation: https://argocd.example.test/\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def test_plain_http_to_an_argocd_with_tls_is_recognised(config, argocd):
    argocd.answers["GET", "/api/version"] = [redirect]

    report = await check(config)

    assert "wants https" in leg(report, "argocd_tls").evidence


async def test_something_else_than_argocd_is_recognised(config, argocd):
    argocd.answers["GET", "/api/version"] = [(200, "<html>Welcome</html>")]

    report = await check(config)

    assert words(report)["argocd_version"] == "failed"
    assert "instead of JSON" in leg(report, "argocd_version").evidence


async def test_missing_permissions_warn_and_name_the_policy_line(config, argocd):
    argocd.denied = {"applications/sync"}

    report = await check(config)

    assert leg(report, "permissions").status == "warning"
    assert "p, role:octoargo, applications, sync, */*, allow" in leg(report, "permissions").advice
    assert words(await check(replace(config, may_sync=False)))["permissions"] == "passed"


@pytest.mark.parametrize(("days", "status"), [(13.5, "warning"), (30, "passed"), (None, "passed")])
def test_judge_expiry_warns_two_weeks_before_the_end(days, status):
    now = time.time()
    claims = {"sub": "octoargo:apiKey"} | ({"exp": int(now + days * 86_400)} if days else {})

    found, evidence, _ = judge_expiry(jwt.encode(claims, "s" * 32), account="octoargo", now=now)

    assert found == status
    assert ("does not expire" in evidence) == (days is None)


async def test_an_expired_or_strange_token_is_explained(config, argocd):
    argocd.token_is_valid = False
    expired = jwt.encode({"exp": 1_700_000_000}, "s" * 32)

    assert "expired on 14 November 2023" in leg(await check(config, token=Secret(expired)), "token").evidence
    assert "not a JWT" in leg(await check(config, token=Secret("abc")), "token").evidence


async def test_the_clusters_default_registries_are_told(config, argocd):
    annotations = {"argo.octopus.com/default-container-registry": "registry.example.test"}
    argocd.clusters = [{"server": "https://kubernetes.default.svc", "name": "in-cluster", "annotations": annotations}, {"server": "https://other", "name": "o"}]

    told = (await check(config)).registries.by_destination

    assert dict(told) == {"https://kubernetes.default.svc": "registry.example.test", "in-cluster": "registry.example.test"}


async def test_registries_that_argocd_does_not_tell_are_absent(config, argocd):
    argocd.answers["GET", "/api/v1/clusters"] = [(403, {"error": "permission denied", "code": 7})]

    assert not (await check(config)).HasField("registries")
    assert (await check(config)).HasField("registries")
