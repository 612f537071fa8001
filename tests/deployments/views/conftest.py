"""People for the pages."""

import pytest

from tests.factories import make_user


@pytest.fixture
def admin(client):
    """A superuser who is signed in."""
    user = make_user(is_superuser=True, is_staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def reader(client):
    """Somebody who is signed in and has no permission at all."""
    user = make_user()
    client.force_login(user)
    return user
