import pytest
from django.test import Client


def test_healthz_needs_neither_a_person_nor_a_database(client: Client):
    response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_readyz_says_ok_when_the_tables_are_there(client: Client):
    response = client.get("/readyz")

    assert (response.status_code, response.content) == (200, b"ok\n")


def test_every_answer_carries_the_content_security_policy(client: Client):
    policy = client.get("/healthz").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
