"""Where the demo keeps its data and listens: settings of its own, in place before Django reads any."""

import json
import os
import sys
from pathlib import Path

from simulator.demo import free_port

BASE_DIR = Path(__file__).resolve().parent.parent.parent
PREFERRED_PORTS = {"web": 8000, "hub": 8443}
MARK = "OCTOARGO_DEMO_DIR"


def directory() -> Path:
    return Path(os.environ.get(MARK) or BASE_DIR / "demo-data")


def ports() -> dict[str, int]:
    """{"web": 8000, "hub": 8443}, or free ones at the first start if those are taken; the same from then on."""
    path = directory() / "ports.json"
    if not path.exists():
        directory().mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({name: free_port(port) for name, port in PREFERRED_PORTS.items()}))
    return dict(json.loads(path.read_text()))


def enter() -> None:
    """Run this command again with the demo's settings, unless it runs with them already."""
    if os.environ.get("OCTOARGO_DATA_DIR") == str(directory()):
        return
    chosen = ports()
    os.environ.update(
        {
            MARK: str(directory()),
            "OCTOARGO_DATA_DIR": str(directory()),
            # The embedded default, unless a database and a broker are given for the demo: then it runs in the production shape.
            "OCTOARGO_DATABASE_URL": os.environ.get("OCTOARGO_DEMO_DATABASE_URL", ""),
            "OCTOARGO_BROKER_URL": os.environ.get("OCTOARGO_DEMO_BROKER_URL", ""),
            "OCTOARGO_ALLOW_PRIVATE_ADDRESSES": "true",
            "OCTOARGO_HUB_PORT": str(chosen["hub"]),
            "OCTOARGO_HUB_LISTEN": "127.0.0.1",
            "OCTOARGO_HUB_ADDRESS": f"127.0.0.1:{chosen['hub']}",
            "OCTOARGO_PUBLIC_URL": f"http://127.0.0.1:{chosen['web']}",
        }
    )
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606  the same program, the same arguments
