"""What infrastructure tells whoever listens, in the transaction of the change. It knows no listener."""

from django.dispatch import Signal

# Sent with `application_ids: list[int]` and `now: datetime` after a batch of reports was written, and with
# `instance_id: int` too when a gateway connected or was lost.
applications_reported = Signal()

# Sent with `instance` and `now` before an instance is removed. A receiver that still needs it raises an
# InfrastructureError (infrastructure.services) whose sentence says why; nothing is removed then.
instance_removing = Signal()

# Sent with `row` (a Project, Environment or Tenant) before it is deleted. A receiver that still needs it raises a
# ScopeInvalid (infrastructure.services) whose sentence says why; nothing is deleted then.
scope_removing = Signal()
