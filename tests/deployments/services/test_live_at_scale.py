"""Judging live states takes a fixed number of queries, however many sources there are and whatever Argo CD says of them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployments.models import LiveState
from deployments.services import judge_sources
from deployments.status import DeploymentStatus, LiveSync
from infrastructure.models import Application
from tests.deployments.views.pages import deployment_row, many_sources
from tests.factories import NOW, make_environment, make_gateway, make_instance, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def sources():
    """Forty that a deployment has brought to the commit where Argo CD looks."""
    instance = make_instance()
    make_gateway(instance)
    sources = many_sources(40, instance=instance, projects=[make_project()], environments=[make_environment()])
    deployment = deployment_row(DeploymentStatus.SUCCEEDED, sources=sources)
    for target in deployment.step_runs.get().targets.all():
        LiveState.objects.filter(source=target.source_id).update(deployment=deployment, target=target, due_at=NOW)
    return sources


def queries_for(sources):
    with CaptureQueriesContext(connection) as queries:
        judge_sources(source_ids=[source.pk for source in sources], now=NOW)
    return len(queries)


@pytest.mark.parametrize(("sync", "word"), [("Synced", LiveSync.SYNCED), ("OutOfSync", LiveSync.OUT_OF_SYNC), ("Unknown", LiveSync.UNKNOWN)])
def test_judging_takes_as_many_queries_for_forty_sources_as_for_two(sources, sync, word):
    Application.objects.update(sync_status=sync)

    few, many = queries_for(sources[:2]), queries_for(sources[2:])

    assert few == many
    assert set(LiveState.objects.values_list("live_sync", flat=True)) == {word}
