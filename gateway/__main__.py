"""`python -m gateway`: run the gateway as its environment variables say."""

import argparse
import os
import sys
import time
from pathlib import Path

from gateway import __version__

_STALE_S = 60.0


def main() -> int:
    """Return the exit code: 0 after a clean stop, 1 if not alive, 2 for wrong settings."""
    options = _arguments().parse_args()
    if options.check_alive:
        return _check_alive(Path(os.environ.get("OCTOARGO_ALIVE_FILE") or "/tmp/octoargo-alive"))  # noqa: S108 (the chart's own empty volume)
    from gateway.run import run

    return run(dict(os.environ))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gateway",
        description="Connects one Argo CD to an Octoargo hub. It dials out; nothing listens. All settings are environment variables:",
        epilog=(
            "OCTOARGO_HUB_ADDRESS host:port; OCTOARGO_HUB_CA_FILE, OCTOARGO_HUB_THUMBPRINT or OCTOARGO_HUB_PLAINTEXT=true; "
            "OCTOARGO_REGISTRATION_TOKEN[_FILE]; OCTOARGO_STATE_DIR or OCTOARGO_STATE_SECRET; OCTOARGO_MAY_SYNC; OCTOARGO_LEASE_NAME; "
            "ARGOCD_URL; ARGOCD_TOKEN[_FILE]; ARGOCD_TLS (verify, custom_ca, skip_verify, plaintext); ARGOCD_CA_FILE; ARGOCD_SERVER_NAME."
        ),
    )
    parser.add_argument("--version", action="version", version=f"Octoargo gateway {__version__}")
    parser.add_argument("--check-alive", action="store_true", help="exit with 0 if the running gateway has touched OCTOARGO_ALIVE_FILE in the last minute")
    return parser


def _check_alive(file: Path) -> int:
    try:
        return 0 if time.time() - file.stat().st_mtime < _STALE_S else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
