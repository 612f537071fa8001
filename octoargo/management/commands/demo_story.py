"""manage.py demo_story: performs in the running demo and prints a line for each thing that happens."""

import json
import sys
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from infrastructure.models import Application
from octoargo.demo import environment, setup


class Command(BaseCommand):
    help = "Deploy, drift, break and mend things in the running demo, and print what the pages say."

    def handle(self, *args: Any, **options: Any) -> None:
        environment.enter()
        import httpx2

        from octoargo.demo.browser import Person
        from octoargo.demo.story import Story

        try:
            world = json.loads((settings.DATA_DIR / "world" / "world.json").read_text())
            with Person(settings.PUBLIC_URL, name=setup.LOGIN, password=setup.password()) as person:
                story = Story(person, world, settings.DATA_DIR, lambda name: Application.objects.get(name=name).get_absolute_url())
                right = [self._tell(number, line) for number, line in enumerate(story.perform(), 1)]
        except (FileNotFoundError, httpx2.ConnectError) as error:
            raise CommandError("The demo does not run. Start it with `make demo`, and this beside it.") from error
        if not all(right):
            sys.exit(1)

    def _tell(self, number: int, line: Any) -> bool:
        mark = "ok " if line.is_right else "NOT RIGHT "
        self.stdout.write(f"{number}. {mark}{line.done}. The page says: {line.shown}")
        self.stdout.flush()
        return bool(line.is_right)
