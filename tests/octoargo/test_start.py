"""What cannot start says why in one sentence, without a traceback."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.journey


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("OCTOARGO_DATA_DIR", "/proc/octoargo", "The directory /proc/octoargo cannot be made or written"),
        ("OCTOARGO_HUB_PORT", "many", "OCTOARGO_HUB_PORT must be a number"),
        ("OCTOARGO_SECRET_KEY_FILE", "/nowhere/key", "OCTOARGO_SECRET_KEY_FILE names a file that cannot be read"),
        ("OCTOARGO_ENCRYPTION_KEYS", "short", "OCTOARGO_ENCRYPTION_KEYS must be 32 bytes in base64"),
        ("OCTOARGO_HUB_CERTIFICATE_FILE", "/nowhere/hub.pem", "OCTOARGO_HUB_CERTIFICATE_FILE names /nowhere/hub.pem, which cannot be read"),
    ],
)
def test_serve_says_what_is_wrong_with_its_settings(tmp_path, name, value, sentence):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OCTOARGO_DATA_DIR": str(tmp_path / "data"), "OCTOARGO_HUB_PORT": "0", name: value}

    ended = subprocess.run([sys.executable, "manage.py", "serve", "--port", "0"], env=environment, capture_output=True, text=True, timeout=120)

    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_data_directory_is_its_owners_only(tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OCTOARGO_DATA_DIR": str(tmp_path / "data")}

    subprocess.run([sys.executable, "manage.py", "check"], env=environment, capture_output=True, check=True, timeout=120)

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_beat_stops_though_its_broker_is_away(tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "OCTOARGO_DATA_DIR": str(tmp_path / "data"),
        "OCTOARGO_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    beat = subprocess.Popen([sys.executable, "manage.py", "beat"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_for_line(beat, "Connection error")

        beat.terminate()

        assert beat.wait(30) == 0
    finally:
        beat.kill()
        beat.communicate()


def wait_for_line(process, text):
    """Read what the process says until a line holds the text."""
    assert any(text in line for line in process.stdout), "It ended before."
