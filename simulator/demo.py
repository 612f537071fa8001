"""python -m simulator.demo --directory DIR: the demo's world. A Git host with pull requests, and two Argo CDs that read its repositories.

Prints one line "ready" when all answer; DIR/world.json then tells addresses and credentials. Runs until SIGTERM.
Started again on the same directory it serves the same repositories, on the same ports.
"""

import argparse
import json
import secrets
import signal
import socket
import threading
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from simulator import demo_files
from simulator.config import Config
from simulator.forge import GitServer, make_repository, running
from simulator.service import Simulator

GIT_USER = "octoargo"
PREFERRED_PORTS = {"git": 8480, "eu-west": 8481, "us-east": 8482, "eu-west-admin": 8491, "us-east-admin": 8492}
SPEED = 4


def free_port(preferred: int) -> int:
    """The preferred port of 127.0.0.1 if nobody has it, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise OSError("No free port on 127.0.0.1.")


def open_world(directory: Path) -> dict[str, Any]:
    """Read the world's description, or make one: repositories, ports and credentials."""
    path = directory / "world.json"
    if path.exists():
        return dict(json.loads(path.read_text()))
    world = {
        "ports": {name: free_port(port) for name, port in PREFERRED_PORTS.items()},
        "git": {"username": GIT_USER, "password": secrets.token_urlsafe(16)},
        "argocd": {name: {"token_id": "gateway", "signing_key": secrets.token_urlsafe(32)} for name in ("eu-west", "us-east")},
    }
    path.touch(0o600)
    path.write_text(json.dumps(world, indent=2))
    return world


def argocd_config(name: str, world: dict[str, Any], git_url: str) -> Config:
    """One Argo CD of the world, its applications already synced to what is in Git."""
    git = world["git"]
    applications = demo_files.applications(name, git_url)
    return Config.read(
        {
            "seed": name,
            "speed": SPEED,
            "signing_key": world["argocd"][name]["signing_key"],
            "repositories": [
                {"url": f"{git_url}/{repository}", "username": git["username"], "password": git["password"]} for repository in demo_files.repositories()
            ],
            "applications": [{**application, "initially": "synced"} for application in applications],
            "settings": {"url": f"http://127.0.0.1:{world['ports'][name]}"},
        }
    )


def _git_host(directory: Path, world: dict[str, Any]) -> AbstractContextManager[GitServer]:
    """It speaks Gitea's API, and anybody may merge on its pages."""
    git = world["git"]
    for name, files in demo_files.repositories().items():
        if not (directory / "git" / name).exists():  # a world made by an earlier version
            make_repository(directory / "git" / name, files)
    return running(
        directory / "git",
        users={git["username"]: git["password"]},
        port=world["ports"]["git"],
        vendor="gitea",
        open_pages=True,
        state_file=directory / "forge.json",
    )


def serve(directory: Path) -> None:
    """Run the world until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    directory.mkdir(parents=True, exist_ok=True)
    world = open_world(directory)
    ports = world["ports"]
    with ExitStack() as running_parts:
        host = running_parts.enter_context(_git_host(directory, world))
        world["git"]["url"] = host.url
        for name in ("eu-west", "us-east"):
            config = argocd_config(name, world, host.url)
            simulated = running_parts.enter_context(Simulator(config, port=ports[name], admin_port=ports[f"{name}-admin"]))
            world["argocd"][name] |= {"url": simulated.url, "admin_url": simulated.admin_url, "token": simulated.token}
        (directory / "world.json").write_text(json.dumps(world, indent=2))
        print("ready", flush=True)
        stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The demo's Git host and Argo CDs, on 127.0.0.1.")
    parser.add_argument("--directory", type=Path, required=True, help="keeps repositories, ports and credentials")
    serve(parser.parse_args().directory)
