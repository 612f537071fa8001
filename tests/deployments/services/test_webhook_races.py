"""A host that sends one delivery several times at the same moment: one of them is work."""

import threading

import pytest
from django.db import connections

from deployments.forges.values import Kind
from deployments.models import WebhookDelivery
from deployments.services import webhooks
from deployments.services.webhooks import create_webhook
from tests.deployments.forges.deliveries import push
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_of_several_at_the_same_moment_is_work():
    webhook, secret = create_webhook(name="acme", kind="github", by=None, now=NOW)
    delivery = push(Kind.GITHUB, secret=secret)
    together, answers = threading.Barrier(4), []

    def deliver():
        try:
            together.wait(timeout=10)
            answers.append(webhooks.receive(webhook=webhook, headers=delivery.headers, body=delivery.body, now=NOW))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert {answer.status for answer in answers} == {200}
    assert sorted("Delivered before" in answer.sentence for answer in answers) == [False, True, True, True]
    assert WebhookDelivery.objects.count() == 1
