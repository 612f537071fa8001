"""Secrets at rest under a new key: all of them, and only those that a key opens."""

import base64

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from deployments.models import Variable, Webhook
from deployments.services.keys import HOLDERS, rotate_secrets
from deployments.services.variables import row_name, save_variable, set_of
from infrastructure.models import Event, GitCredential
from infrastructure.secrets import decrypt, encrypt
from infrastructure.services.credentials import save_credential, secret_of
from tests.factories import NOW, make_project

pytestmark = pytest.mark.django_db
OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


@pytest.fixture
def secrets(settings):
    """One secret of each kind, under the old key."""
    settings.OCTOARGO_ENCRYPTION_KEYS = [OLD]
    credential = save_credential(
        credential=GitCredential(name="shop", username="bot", repositories="https://git.example.test/*"), secret="s1", by=None, now=NOW
    )
    variable = Variable(variable_set=set_of(make_project()), name="Token", is_sensitive=True)
    save_variable(variable=variable, value="s2", environments=[], tenants=[], steps=[], by=None, now=NOW)
    webhook = Webhook.objects.create(name="github", kind="github", created_at=NOW)
    webhook.secret_encrypted = encrypt("s3", row=f"webhook:{webhook.pk}")
    webhook.save()
    return credential, variable, webhook


def test_every_secret_is_readable_with_the_new_key_alone(secrets, settings):
    credential, variable, webhook = secrets
    settings.OCTOARGO_ENCRYPTION_KEYS = [NEW, OLD]

    first = rotate_secrets(by=None, now=NOW)
    second = rotate_secrets(by=None, now=NOW)

    assert (first.rotated, first.unchanged, first.unreadable) == (3, 0, ())
    assert (second.rotated, second.unchanged) == (0, 3)
    settings.OCTOARGO_ENCRYPTION_KEYS = [NEW]
    for row in secrets:
        row.refresh_from_db()
    assert secret_of(credential) == "s1"
    assert decrypt(variable.value_encrypted, row=row_name(variable)) == "s2"
    assert decrypt(webhook.secret_encrypted, row=f"webhook:{webhook.pk}") == "s3"
    assert Event.objects.filter(kind="secrets_rotated").count() == 2


def test_a_secret_that_no_key_opens_is_named_and_the_others_are_done(secrets, settings, capsys):
    settings.OCTOARGO_ENCRYPTION_KEYS = [NEW, OLD]
    Variable.objects.update(value_encrypted="v1:odd:text")

    with pytest.raises(CommandError, match=r"(?s)enter these again:\nvariable Token: The stored secret cannot be read"):
        call_command("rotate_secrets")

    assert capsys.readouterr().out == "2 secrets encrypted again, 0 had the first key already.\n"


def test_no_table_with_an_encrypted_field_is_forgotten():
    fields = {(model, field.name) for model in apps.get_models() for field in model._meta.get_fields() if field.name.endswith("_encrypted")}

    assert fields == {(model, field) for model, field, _ in HOLDERS}
