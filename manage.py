#!/usr/bin/env python
"""The door for commands: serve, web, hub, worker, beat, migrate, demo, demo_story, …"""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "octoargo.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Octoargo cannot start: {error}")
