"""The page of an unexpected error."""

import re

import pytest
from django.test import RequestFactory
from django.urls import get_resolver

from octoargo import errors


def test_server_error_gives_a_reference_without_session_or_database():
    answer = errors.server_error(RequestFactory().get("/deployments/421/"))

    assert answer.status_code == 500
    assert re.search(r"Reference <code>[0-9a-f]{6}</code>", answer.content.decode())


def test_server_error_is_wired():
    assert get_resolver().resolve_error_handler(500) is errors.server_error


@pytest.mark.django_db
def test_not_found_says_what_was_looked_for(client):
    answer = client.get("/no-such-page/")

    assert answer.status_code == 404
    assert "/no-such-page/" in answer.content.decode()


@pytest.mark.django_db
def test_sign_in_refuses_with_a_sentence(client):
    answer = client.post("/sign-in/", {"username": "wren", "password": "wrong"})

    assert "Not signed in." in answer.content.decode()
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_pages_are_kept_apart_from_their_parts_in_caches(client):
    assert "HX-Request" in client.get("/sign-in/").headers["Vary"]


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["idna", "bogus", "utf-16", "unicode_escape"])
def test_a_request_in_a_strange_encoding_is_answered(charset):
    from octoargo.asgi import read_as_utf_8

    environ = RequestFactory().post("/healthz?q=%5Cud800", data=b"a=1", content_type="application/x-www-form-urlencoded").environ
    environ["CONTENT_TYPE"] += f"; charset={charset}"
    statuses = []

    read_as_utf_8(environ, lambda status, _headers: statuses.append(status))

    assert statuses == ["403 Forbidden"]  # without a form of ours: the way to the views is open
