"""What infrastructure tells whoever listens, in the transaction of the change. It knows no listener."""

from django.dispatch import Signal

# Sent with `application_ids: list[int]` and `now: datetime` after a batch of reports was written, and with
# `instance_id: int` too when a gateway connected or was lost.
applications_reported = Signal()
