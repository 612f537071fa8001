"""Our word for every mapped source: is what runs what we meant?"""

from django.db import models

from deployments.models.deployment import Deployment, Target
from deployments.models.release import Release
from deployments.status import LiveSync
from infrastructure.models import ApplicationSource
from infrastructure.models.base import VisibleQuerySet


class LiveState(models.Model):
    """The last judgement of one application source: live sync, why, and from what facts."""

    source = models.OneToOneField(ApplicationSource, primary_key=True, on_delete=models.CASCADE, related_name="live")
    live_sync = models.CharField(max_length=20, choices=LiveSync, default=LiveSync.UNKNOWN)
    reason = models.TextField(blank=True, default="")
    # {"scenario": 4, "file": "…", "place": "…", "expected": "…", "found": "…", "commit": "…", "author": "…", "at": "2026-11-24T10:00:00Z", "history": […]}
    detail = models.JSONField(default=dict)
    target = models.ForeignKey(Target, null=True, on_delete=models.SET_NULL, related_name="+")  # the last one that wrote or found its change
    release = models.ForeignKey(Release, null=True, on_delete=models.SET_NULL, related_name="+")  # the version shown
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.SET_NULL, related_name="+")  # the newest that touched it, any state
    deployed_at = models.DateTimeField(null=True, blank=True)
    checked_revision = models.CharField(max_length=40, blank=True, default="")  # where Argo CD looked when the files were compared
    checked_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # compare (again) from here on; None: nothing to do
    claimed_until = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)  # somebody accepted what is in Git
    objects = VisibleQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["live_sync"], name="live_states_by_word"),
            models.Index(fields=["-checked_at"], name="newest_checked_live_states"),  # the event stream asks for the newest each second
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="live_states_by_due_time"),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.get_live_sync_display()}"
