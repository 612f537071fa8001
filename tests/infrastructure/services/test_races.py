"""Two people who take the same name at the same moment."""

import threading

import pytest
from django.db import connection

from infrastructure.models import Environment, GitCredential, MappingRule
from infrastructure.services import InfrastructureError, save_credential
from infrastructure.services.mapping import save_rule
from infrastructure.services.scopes import save_scope
from tests.factories import NOW, make_environment, make_project

pytestmark = pytest.mark.django_db(transaction=True)


def _save_environment():
    save_scope(row=Environment(slug="qa", name="QA"), by=None, now=NOW)


def _save_credential():
    save_credential(credential=GitCredential(name="bot", username="bot", repositories="https://git.example.com/*"), secret="x", by=None, now=NOW)


def _save_rule():
    rule = MappingRule(name="all", project=make_project("shop"), environment=make_environment("production"))
    save_rule(rule=rule, by=None, now=NOW)


@pytest.mark.parametrize("save", [_save_environment, _save_credential, _save_rule])
def test_the_slower_one_gets_a_sentence(save):
    make_project("shop")
    make_environment("production")
    together, outcomes = threading.Barrier(4), []

    def work():
        connection.ensure_connection()
        together.wait(30)
        try:
            save()
            outcomes.append("saved")
        except Exception as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    refused = [outcome for outcome in outcomes if outcome != "saved"]
    assert len(refused) == 3
    assert all(isinstance(error, InfrastructureError) and "already" in str(error) for error in refused), refused
