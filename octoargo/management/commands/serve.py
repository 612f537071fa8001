"""manage.py serve: everything in one process, or one part with --only."""

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import DatabaseError

from infrastructure.certificate import CertificateMissing
from infrastructure.secrets import check_keys
from octoargo.keys import created_once
from octoargo.logging import set_up_logging
from octoargo.serve import ALL_IN_ONE, Part, PortTaken, run


class Command(BaseCommand):
    help = "Run Octoargo: web, hub, worker and beat in this process (the default), or only some of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address of the web server")
        parser.add_argument("--port", type=int, default=8000, help="port of the web server; 0 chooses one")
        parser.add_argument("--only", action="append", choices=[part.value for part in Part], help="run only this part; may be repeated")

    def handle(self, *args: Any, **options: Any) -> None:
        set_up_logging()
        parts = frozenset(Part(name) for name in options["only"] or ALL_IN_ONE)
        if parts != ALL_IN_ONE and settings.BROKER_URL.startswith("memory"):
            raise CommandError("Parts in processes of their own need a broker: set OCTOARGO_BROKER_URL, for example redis://localhost:6379/0.")
        check_keys()
        try:
            if parts == ALL_IN_ONE:
                call_command("migrate", verbosity=0, interactive=False)
                self._first_person()
            run(parts, host=options["host"], port=options["port"], say=self._say)
        except (PortTaken, CertificateMissing) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            reason = str(error).strip().rstrip(".")
            raise CommandError(f"The database does not do its work: {reason}. Check OCTOARGO_DATABASE_URL, and that manage.py migrate ran.") from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _first_person(self) -> None:
        """An installation without people gets one, whose password waits in a file that only its owner can read."""
        if User.objects.exists():
            return
        path = settings.DATA_DIR / "admin-password"
        User.objects.create_superuser("admin", password=created_once(path, lambda: secrets.token_urlsafe(12)))
        self._say(f"First start: sign in as admin; the password is in {path}.")
