"""What templates see of a deployment."""

from datetime import timedelta

import pytest

from deployments.services import create_deployment, retry_deployment
from deployments.steps.variables import render_or_refuse, variables_for
from tests.deployments.factories import make_release, make_world
from tests.factories import NOW, make_environment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mirrors")]


def _date(deployment):
    variables = variables_for(release=deployment.release, environment=deployment.environment, tenant=None, deployment=deployment)
    return render_or_refuse('#{ | NowDateUtc "yyyy-MM-dd HH:mm:ss"}', variables, where="the commit summary")


def test_dates_are_those_of_the_first_try_so_that_a_second_rendering_gives_the_same(tmp_path):
    make_world(tmp_path)
    deployment = create_deployment(release=make_release(), environment=make_environment(), by=None, now=NOW)
    type(deployment).objects.filter(pk=deployment.pk).update(status="failed")
    deployment.refresh_from_db()

    again = retry_deployment(deployment=deployment, by=None, now=NOW + timedelta(days=3))

    assert _date(deployment) == _date(again) == f"{NOW:%Y-%m-%d %H:%M:%S}"
