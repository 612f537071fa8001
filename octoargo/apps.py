"""Loads Celery with Django, so that tasks are sent to our broker from every process; holds the commands that run processes."""

from django.apps import AppConfig


class OctoargoConfig(AppConfig):
    name = "octoargo"

    def ready(self) -> None:
        from octoargo import celery  # noqa: F401  after the settings
