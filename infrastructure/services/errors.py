"""The expected failures of what exists. Each message is a sentence shown to the user as it is."""


class InfrastructureError(Exception):
    """An expected failure. Its message says what is wrong and what to do."""


class InstanceInvalid(InfrastructureError):
    """A property of an instance cannot be. `field` names the form's field."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class InstanceNameTaken(InstanceInvalid):
    """Another instance has the name."""


class TokenRefused(InfrastructureError):
    """A registration token is unknown, used up, replaced or too old."""


class KeyRefused(InfrastructureError):
    """A gateway's public key or its proof of possession is malformed or false."""


class GatewayRefused(InfrastructureError):
    """A gateway's key is unknown or revoked, or its signed token is not right."""


class StaleEpoch(InfrastructureError):
    """A newer stream of the same gateway has begun; what an older one says counts no more."""


class ScopeInvalid(InfrastructureError):
    """A project, environment or tenant cannot be saved as given."""


class RuleInvalid(InfrastructureError):
    """A mapping rule cannot be saved as given."""


class CredentialInvalid(InfrastructureError):
    """A Git credential cannot be saved as given."""


class KnownHostInvalid(InfrastructureError):
    """A host key cannot be added as given, or its host cannot be asked."""
