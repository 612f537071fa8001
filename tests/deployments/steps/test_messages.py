"""What a commit says is text that Git, a database and a host's page take."""

import pytest

from deployments.steps.messages import message_of
from deployments.steps.variables import variables_for
from tests.deployments.factories import make_release
from tests.factories import make_environment

pytestmark = pytest.mark.django_db


def test_a_message_holds_nothing_that_ends_it_early_or_cannot_be_written():
    release, environment = make_release(), make_environment()
    step = {"commit_summary": "Deploy\nthe\x00 shop\x1b[31m \ud800", "commit_description": "One\x00\r\nTwo\x07\n\tThree \udfff\n"}
    variables = variables_for(release=release, environment=environment, tenant=None, step_name="Update", step_number=1)

    message = message_of(step=step, release=release, environment=environment, tenant=None, variables=variables)

    assert message.summary == "Deploy the shop[31m ?"
    assert message.description == "One\nTwo\n\tThree ?"
    assert str(message).encode()
