"""Every change of what exists. One function per intention; see the modules for their errors."""

from infrastructure.services.credentials import credential_for, delete_credential, save_credential, secret_of, try_credential
from infrastructure.services.enrolment import enrol, request_rotation, revoke_gateway, rotate_key
from infrastructure.services.errors import (
    CredentialInvalid,
    GatewayRefused,
    InfrastructureError,
    InstanceInvalid,
    InstanceNameTaken,
    KeyRefused,
    KnownHostInvalid,
    RuleInvalid,
    ScopeInvalid,
    StaleEpoch,
    TokenRefused,
)
from infrastructure.services.health import check_instance
from infrastructure.services.instances import change_instance, register_instance, remove_instance
from infrastructure.services.known_hosts import add_known_hosts, ask_host_keys, confirm_host_key, forget_known_host, known_hosts_text
from infrastructure.services.mapping import Preview, delete_rule, preview_rule, remap, save_rule
from infrastructure.services.registration import current_token, new_registration_token
from infrastructure.services.scopes import delete_scope, order_environments, save_scope
from infrastructure.services.trail import record_event

__all__ = [
    "CredentialInvalid",
    "GatewayRefused",
    "InfrastructureError",
    "InstanceInvalid",
    "InstanceNameTaken",
    "KeyRefused",
    "KnownHostInvalid",
    "Preview",
    "RuleInvalid",
    "ScopeInvalid",
    "StaleEpoch",
    "TokenRefused",
    "add_known_hosts",
    "ask_host_keys",
    "change_instance",
    "check_instance",
    "confirm_host_key",
    "credential_for",
    "current_token",
    "delete_credential",
    "delete_rule",
    "delete_scope",
    "enrol",
    "forget_known_host",
    "known_hosts_text",
    "new_registration_token",
    "order_environments",
    "preview_rule",
    "record_event",
    "register_instance",
    "remap",
    "remove_instance",
    "request_rotation",
    "revoke_gateway",
    "rotate_key",
    "save_credential",
    "save_rule",
    "save_scope",
    "secret_of",
    "try_credential",
]
