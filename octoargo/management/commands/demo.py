"""manage.py demo: a world to try Octoargo in. Ctrl-C stops it; it starts again on the same data."""

import json
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from octoargo.demo import environment, setup
from octoargo.demo.children import ChildDidNotStart, Children


class Command(BaseCommand):
    help = "Run Octoargo with two simulated Argo CDs, a Git host and gateways, all on 127.0.0.1."

    def handle(self, *args: Any, **options: Any) -> None:
        environment.enter()
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        children = Children(settings.DATA_DIR / "logs")
        try:
            self._start(children)
            self._say(self._welcome())
            while not stop.wait(1):
                self._look_after(children)
        except ChildDidNotStart as error:
            raise CommandError(str(error)) from error
        finally:
            self._say("Stopping …")
            children.stop_all()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _welcome(self) -> str:
        login = f"{setup.LOGIN} / {setup.password()}"
        return f"\n  Octoargo: {settings.PUBLIC_URL}\n  Sign in:  {login}\n\n  manage.py demo_story performs in it. Ctrl-C stops it."

    def _start(self, children: Children) -> None:
        world_directory = settings.DATA_DIR / "world"
        self._say("Starting the Git host and two Argo CDs …")
        children.start("world", ["-m", "simulator.demo", "--directory", str(world_directory)], ready=lambda said: "ready" in said.split())
        self.world = json.loads((world_directory / "world.json").read_text())
        call_command("migrate", verbosity=0, interactive=False)
        setup.fill(self.world)
        self._say("Starting Octoargo …")
        port = str(environment.ports()["web"])
        is_embedded = settings.BROKER_URL.startswith("memory")
        for part in ["serve"] if is_embedded else ["hub", "web", "worker", "beat"]:
            children.start(part, ["manage.py", part, "--port", port], ready=lambda said: "ready web=" in said)
        self._say("Starting two gateways …")
        for name in setup.INSTANCES:
            self._start_gateway(children, name)

    def _start_gateway(self, children: Children, name: str) -> None:
        from infrastructure.hub.tls import thumbprint

        children.start(f"gateway-{name}", ["-m", "gateway"], environment=setup.gateway_environment(name, self.world, thumbprint=thumbprint()))

    def _look_after(self, children: Children) -> None:
        """A gateway may be paused by a file (demo_story does); one that ended by itself starts again."""
        for child in children.dead():
            if not child.name.startswith("gateway-"):
                raise ChildDidNotStart(f"{child.name} ended with exit code {child.process.returncode}; its log is {child.log}")
        for name in setup.INSTANCES:
            is_paused = (settings.DATA_DIR / f"pause-{name}").exists()
            is_running = children.is_running(f"gateway-{name}")
            if is_paused and is_running:
                children.stop(f"gateway-{name}")
            elif not is_paused and not is_running:
                self._start_gateway(children, name)
