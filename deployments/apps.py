"""The app of what we do to what exists."""

from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to what infrastructure tells, and lend it the Git adapter for a credential's test button and a host's keys."""
        from deployments.services.lifecycle import refuse_removal
        from deployments.services.variables import refuse_widening
        from deployments.services.waking import on_applications_reported
        from deployments.steps.repositories import scan_host_keys, test_credential_access
        from infrastructure.services import credentials, known_hosts
        from infrastructure.signals import applications_reported, instance_removing, scope_removing

        applications_reported.connect(on_applications_reported, dispatch_uid="deployments.on_applications_reported")
        scope_removing.connect(refuse_widening, dispatch_uid="deployments.refuse_widening")
        instance_removing.connect(refuse_removal, dispatch_uid="deployments.refuse_removal")
        credentials.access_test = test_credential_access
        known_hosts.host_key_scan = scan_host_keys
