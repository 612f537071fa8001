"""Celery: workers and the tick. The broker only wakes; the database is the state, so it may lose everything."""

import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "octoargo.settings")

from django.conf import settings

app = Celery("octoargo")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    # The embedded broker is polled; an idle process stays under 1 % of a core so.
    broker_transport_options={"polling_interval": 0.05} if settings.BROKER_URL.startswith("memory") else {"socket_timeout": 10, "socket_connect_timeout": 5},
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    task_publish_retry=False,  # who publishes must not wait: the tick is the recovery
    timezone="UTC",
    beat_schedule_filename=str(settings.DATA_DIR / "beat-schedule"),
    beat_schedule={
        "tick": {"task": "deployments.tick", "schedule": settings.TICK_SECONDS, "options": {"expires": 10}},
        "sweep live states": {"task": "deployments.sweep_live", "schedule": 60.0, "options": {"expires": 60}},
        "mark silent gateways": {"task": "infrastructure.mark_silent_gateways", "schedule": 5.0, "options": {"expires": 10}},
        "expire enrolments": {"task": "infrastructure.expire_enrolments", "schedule": 60.0, "options": {"expires": 60}},
        "tidy mirrors": {"task": "deployments.tidy_mirrors", "schedule": 6 * 3600.0, "options": {"expires": 3600}},
        "prune webhook deliveries": {"task": "deployments.prune_webhook_deliveries", "schedule": 6 * 3600.0, "options": {"expires": 3600}},
        "prune history": {"task": "infrastructure.prune_history", "schedule": 3600.0, "options": {"expires": 3600}},
    },
)
app.autodiscover_tasks(["infrastructure", "deployments"])


@signals.setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Celery sets up no logging when somebody listens here."""
