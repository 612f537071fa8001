"""Who may do everything in the admin."""

import pytest

from tests.factories import make_user


@pytest.fixture
def admin(client):
    user = make_user(is_superuser=True, is_staff=True)
    client.force_login(user)
    return user
