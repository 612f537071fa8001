"""What a step's templates see: values by scope, system variables, outputs of earlier steps."""

import pytest

from deployments.models import StepRun
from deployments.steps.progress import StepRefused
from deployments.steps.variables import definitions_from, render_or_refuse, variables_for
from tests.deployments.factories import make_release, make_world
from tests.deployments.templates import set_variable
from tests.factories import make_environment, make_tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]


def seen(release, **values):
    found = variables_for(**{"release": release, "environment": make_environment(), "tenant": None, **values})
    return dict(found.values)


def test_variables_for_takes_the_most_specific_value_of_the_release():
    set_variable("Host", "everywhere")
    set_variable("Host", "of production").environments.add(make_environment())
    set_variable("Host", "of north").tenants.add(make_tenant())
    set_variable("Host", "of the step", steps=["Manifests"])
    release = make_release()

    assert seen(release, environment=make_environment("staging"))["Host"] == "everywhere"
    assert seen(release)["Host"] == "of production"
    assert seen(release, tenant=make_tenant())["Host"] == "of north"
    assert seen(release, tenant=make_tenant(), step_name="Manifests")["Host"] == "of the step"


def test_variables_for_tells_the_deployment_and_what_earlier_steps_put_out(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    StepRun.objects.filter(deployment=deployment).update(name="Tags", outputs={"ArgoCD.UpdatedApplications": "argocd/shop-web"})
    first = seen(deployment.release, deployment=deployment, step_name="Tags", step_number=1)
    second = seen(deployment.release, deployment=deployment, step_name="Manifests", step_number=2)

    assert first["Octopus.Deployment.Id"] == str(deployment.pk)
    assert first["Octopus.Release.Number"] == "1.4.2"
    assert first["Octopus.Web.DeploymentLink"].endswith(f"/deployments/{deployment.pk}/")
    assert "Octopus.Deployment.Tenant.Slug" not in first
    assert "Octopus.Action[Tags].Output.ArgoCD.UpdatedApplications" not in first
    assert second["Octopus.Action[Tags].Output.ArgoCD.UpdatedApplications"] == "argocd/shop-web"


def test_variables_for_a_dry_run_has_every_name_that_a_deployment_has(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()

    assert seen(deployment.release).keys() == seen(deployment.release, deployment=deployment).keys()


def test_render_or_refuse_tells_each_error_with_its_place():
    set_variable("Password", is_sensitive=True)
    set_variable("Sum", "#{Password | ToUpper}")
    variables = variables_for(release=make_release(), environment=make_environment(), tenant=None)

    assert render_or_refuse("To #{Octopus.Environment.Name}", variables, where="the commit summary") == "To Production"
    with pytest.raises(StepRefused) as refused:
        render_or_refuse("#{Nothing}\n#{Sum} #{if Password}x#{/if}", variables, where="the commit summary")
    assert str(refused.value).splitlines() == [
        "Not written: variable Nothing is not defined and the commit summary uses it in line 1, column 1. Nothing was changed in Git.",
        "Not written: variable Password is sensitive and the commit summary uses it in line 2, column 1. Nothing was changed in Git.",
        "Not written: variable Password is sensitive and the commit summary uses it in line 2, column 8. Nothing was changed in Git.",
    ]


def test_definitions_from_reads_older_snapshots_too():
    assert [one.name for one in definitions_from([{"name": "A"}])] == ["A"]
