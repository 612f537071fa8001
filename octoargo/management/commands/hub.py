"""manage.py hub: that part alone, for installations of several processes."""

from typing import Any

from octoargo.management.commands.serve import Command as Serve


class Command(Serve):
    help = "Run only the hub part. Needs OCTOARGO_BROKER_URL."

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **{**options, "only": ["hub"]})
