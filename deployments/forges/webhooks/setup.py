"""Pure: what a person enters on the host, word for word as the host names it."""

from dataclasses import dataclass

from deployments.forges.values import Kind


@dataclass(frozen=True)
class Setup:
    """Where the host's page is, what its fields are called, and what to choose there."""

    where: str
    address_field: str
    secret_field: str
    events: str
    others: tuple[tuple[str, str], ...] = ()  # (field, what to choose)
    remark: str = ""


SETUPS = {
    Kind.GITHUB: Setup(
        where="Repository or organisation, Settings, Webhooks, Add webhook",
        address_field="Payload URL",
        secret_field="Secret",  # noqa: S106  its label
        events="Let me select individual events: Pushes, Pull requests",
        others=(("Content type", "application/json"), ("SSL verification", "Enable")),
        remark="GitHub sends a ping at once. It never tries a delivery again by itself; what is missed is found by asking.",
    ),
    Kind.GITLAB: Setup(
        where="Project or group, Settings, Webhooks, Add new webhook",
        address_field="URL",
        secret_field="Signing token if your GitLab has that field, else Secret token",  # noqa: S106  its label
        events="Push events, Merge request events",
        others=(("SSL verification", "Enable"),),
        remark="GitLab sends no event for a push that changes more than three branches; those are found by asking.",
    ),
    Kind.GITEA: Setup(
        where="Repository, organisation or site, Settings, Webhooks, Add webhook, Gitea or Forgejo",
        address_field="Target URL",
        secret_field="Secret",  # noqa: S106  its label
        events="Custom events: Push, Delete, Pull request, Pull request synchronized",
        others=(("HTTP method", "POST"), ("POST content type", "application/json"), ("Branch filter", "*")),
        remark="If Octoargo has a private address, the host’s administrator must allow it: ALLOWED_HOST_LIST in the section webhook.",
    ),
    Kind.AZURE_DEVOPS: Setup(
        where="Project settings, Service hooks, Create subscription, Web Hooks: one subscription for each event",
        address_field="URL",
        secret_field="Basic authentication password",  # noqa: S106  its label
        events="Code pushed, Pull request created, Pull request updated, Pull request merge attempted",
        others=(("Basic authentication username", "octoargo"), ("Resource details to send", "All")),
        remark="Azure DevOps signs nothing: keep the URL to yourself too. Azure DevOps Services reaches public addresses only.",
    ),
    Kind.BITBUCKET_CLOUD: Setup(
        where="Repository settings or workspace settings, Webhooks, Add webhook",
        address_field="URL",
        secret_field="Secret",  # noqa: S106  its label
        events="Repository: Push. Pull request: Created, Updated, Merged, Declined",
        others=(("Status", "Active"),),
        remark="Bitbucket sends no event that is longer than 256 KB; those are found by asking.",
    ),
    Kind.BITBUCKET_DATA_CENTER: Setup(
        where="Repository or project settings, Webhooks, Create webhook",
        address_field="URL",
        secret_field="Secret",  # noqa: S106  its label
        events="Repository: Push. Pull request: Opened, Source branch updated, Modified, Merged, Declined, Deleted",
        others=(("Active", "Yes"),),
        remark="The host’s Test connection is answered, and does nothing.",
    ),
}
