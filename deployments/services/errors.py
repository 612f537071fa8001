"""The expected failures of what we do. Each message is a sentence shown to the user as it is."""


class DeploymentError(Exception):
    """An expected failure. Its message is a sentence shown to the user as it is."""


class InvalidRelease(DeploymentError):
    """A release cannot be made like this. `field` names the form's field, "" for the form as a whole."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class InvalidVariable(DeploymentError):
    """A variable, or a set of them, cannot be like this. `field` names the form's field, "" for the form as a whole."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NoMappedApplications(DeploymentError):
    """No application is mapped to the deployment's project, environment and tenant."""


class NotCancelled(DeploymentError):
    """The deployment is over."""


class NotRetried(DeploymentError):
    """The deployment still runs, or succeeded."""


class NotRefreshed(DeploymentError):
    """No application is waited for."""


class NotAccepted(DeploymentError):
    """There is no drift to accept."""
