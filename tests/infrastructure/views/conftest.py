"""People for the pages, and a valid first step of the wizard."""

import time

import jwt
import pytest
from django.contrib.auth.models import Permission

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


def permit(user, *names):
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


def argocd_token(**claims):
    return jwt.encode({"iss": "argocd", "sub": "octoargo:apiKey", "exp": int(time.time()) + 90 * 86_400, **claims}, "k" * 40, algorithm="HS256")


def describe(**values):
    """The fields of step 1."""
    return {
        "name": "eu-west",
        "environments": ["production"],
        "new_environments": "",
        "web_ui_url": "",
        "api_url": "https://argocd-server.argocd.svc.cluster.local",
        "tls_mode": "verify",
        "ca_bundle": "",
        "may": "sync",
        "argocd_token": argocd_token(),
        "token_secret": "",
        **values,
    }
