"""Settings from the environment, and a sentence for each mistake."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.config import ArgoCdTls, ConfigError, load

ROOT = Path(__file__).parents[2]
GOOD = {
    "OCTOARGO_HUB_ADDRESS": "octoargo.example.test:8443",
    "OCTOARGO_STATE_DIR": "/var/lib/octoargo",
    "ARGOCD_URL": "https://argocd-server.argocd.svc.cluster.local/",
    "ARGOCD_TOKEN": "argo-secret",
}


def test_load_reads_what_is_needed_and_defaults_the_rest():
    config = load({**GOOD, "OCTOARGO_HUB_THUMBPRINT": ":".join(["AB"] * 32), "OCTOARGO_LIST_SECONDS": "12.5", "OCTOARGO_MAY_SYNC": "false"})

    assert (config.hub.host, config.hub.port, config.hub.thumbprint) == ("octoargo.example.test", 8443, "ab" * 32)
    assert (config.argocd.url, config.argocd.tls) == ("https://argocd-server.argocd.svc.cluster.local", ArgoCdTls.VERIFY)
    assert (config.timing.list_s, config.timing.coalesce_s, config.may_sync) == (12.5, 1.0, False)


def test_load_never_shows_a_secret():
    assert "argo-secret" not in repr(load({**GOOD, "OCTOARGO_REGISTRATION_TOKEN": "argo-secret"}))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"OCTOARGO_HUB_ADDRESS": ""}, "OCTOARGO_HUB_ADDRESS is not set"),
        ({"OCTOARGO_HUB_ADDRESS": "https://octoargo.example.test"}, "without a scheme"),
        ({"OCTOARGO_HUB_ADDRESS": "octoargo.example.test"}, "host and port"),
        ({"OCTOARGO_HUB_THUMBPRINT": "abc"}, "not a SHA-256"),
        ({"OCTOARGO_HUB_THUMBPRINT": "a" * 64, "OCTOARGO_HUB_PLAINTEXT": "true"}, "exclude each other"),
        ({"OCTOARGO_HUB_CA_FILE": "/nowhere/ca.pem"}, "no such file"),
        ({"OCTOARGO_STATE_DIR": ""}, "OCTOARGO_STATE_SECRET"),
        ({"OCTOARGO_STATE_SECRET": "state"}, "Set either"),
        ({"ARGOCD_URL": "http://argocd-server"}, "plaintext"),
        ({"ARGOCD_TLS": "plaintext"}, "starts with https"),
        ({"ARGOCD_TLS": "none"}, "one of verify, custom_ca, skip_verify, plaintext"),
        ({"ARGOCD_TLS": "custom_ca"}, "ARGOCD_CA_FILE"),
        ({"ARGOCD_URL": "argocd-server"}, "whole address"),
        ({"ARGOCD_TOKEN": ""}, "argocd account generate-token"),
        ({"ARGOCD_TOKEN_FILE": "/run/token"}, "both set"),
        ({"OCTOARGO_MAY_SYNC": "maybe"}, "true or false"),
        ({"OCTOARGO_LIST_SECONDS": "soon"}, "number of seconds"),
        ({"OCTOARGO_LIST_SECONDS": "nan"}, "number of seconds"),
        ({"OCTOARGO_LOG_LEVEL": "loud"}, "one of debug"),
    ],
)
def test_load_refuses_with_a_sentence_that_says_what_to_do(change, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load({**GOOD, **change})


def test_plaintext_needs_its_explicit_flag():
    plain = load({**GOOD, "OCTOARGO_HUB_PLAINTEXT": "true", "ARGOCD_URL": "http://argocd-server", "ARGOCD_TLS": "plaintext"})

    assert plain.hub.plaintext
    assert not load(GOOD).hub.plaintext


def test_a_ca_file_must_hold_certificates(tmp_path):
    (tmp_path / "ca.pem").write_text("not PEM")

    with pytest.raises(ConfigError, match="must be PEM"):
        load({**GOOD, "OCTOARGO_HUB_CA_FILE": str(tmp_path / "ca.pem")})


WITHOUT_DJANGO = "import sys; sys.modules['django'] = None; sys.argv[1:] = {arguments}; import runpy; runpy.run_module('gateway', run_name='__main__')"


def run(arguments, **environment):
    command = [sys.executable, "-c", WITHOUT_DJANGO.format(arguments=arguments)]
    return subprocess.run(command, cwd=ROOT, env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True, timeout=30, check=False)


def test_the_program_runs_without_django():
    imports = (
        "import sys; sys.modules['django'] = None; import gateway.run, gateway.agent, gateway.lease, gateway.keystore; assert 'kubernetes' not in sys.modules"
    )

    assert "dials out; nothing listens" in run(["--help"]).stdout
    assert subprocess.run([sys.executable, "-c", imports], cwd=ROOT, timeout=30, check=False).returncode == 0


def test_wrong_settings_are_one_line_and_exit_2():
    result = run([])

    assert result.returncode == 2
    assert result.stderr == "The gateway cannot start: OCTOARGO_HUB_ADDRESS is not set. Set it, for example to octoargo.example.com:8443.\n"


def test_check_alive_looks_at_the_age_of_the_file(tmp_path):
    file = tmp_path / "alive"

    missing = run(["--check-alive"], OCTOARGO_ALIVE_FILE=str(file))
    file.touch()
    fresh = run(["--check-alive"], OCTOARGO_ALIVE_FILE=str(file))
    os.utime(file, (1, 1))
    stale = run(["--check-alive"], OCTOARGO_ALIVE_FILE=str(file))

    assert [missing.returncode, fresh.returncode, stale.returncode] == [1, 0, 1]
