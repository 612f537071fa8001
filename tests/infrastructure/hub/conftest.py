"""A hub and a gateway that is enrolled with it."""

import pytest
from django.utils import timezone

from infrastructure.services.registration import new_registration_token
from tests.factories import make_instance
from tests.hub import FakeGateway, running_hub


@pytest.fixture
def hub(transactional_db):
    with running_hub() as running:
        yield running


@pytest.fixture
def instance(transactional_db):
    return make_instance("eu-west")


@pytest.fixture
def token(instance):
    return new_registration_token(instance=instance, by=None, now=timezone.now())[1]


@pytest.fixture
def gateway(hub, token):
    """Enrolled, not connected."""
    made = FakeGateway(hub.address)
    made.enrol(token)
    yield made
    made.close()
