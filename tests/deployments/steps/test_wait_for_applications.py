"""The wait step on the database: which applications it looks at, its output variables, and what wakes it."""

import json
from datetime import timedelta

import pytest

from deployments.models import Deployment, LogEntry, StepRun
from deployments.status import DeploymentStatus, StepStatus
from deployments.steps import wait_for_applications
from deployments.steps.leases import Lease
from deployments.steps.progress import Far
from infrastructure.models import Application, ApplicationSource, Gateway
from infrastructure.signals import applications_reported
from tests.deployments.factories import add_application, make_release, make_world
from tests.factories import NOW, make_content, make_environment, make_source, make_tenant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mirrors")]
RESULT, DETAILS = "ArgoCD.VerifyArgoApplicationSyncResult", "ArgoCD.WaitedForApplications"


@pytest.fixture
def world(tmp_path):
    """shop-web, which has been as it is for a minute."""
    world = make_world(tmp_path)
    world.later(60)
    return world


def waiting(world, *, release=None, seconds=5, **settings):
    """A deployment whose wait step has waited for some seconds, and its step run."""
    release = release or make_release(step={"kind": "wait_for_applications", "wait_for": "healthy", "timeout_s": 600, **settings})
    step_run = StepRun.objects.get(deployment=world.deploy(release))
    assert wait_for_applications.run(step_run=step_run, lease=Lease(step_run.deployment_id, world.now), now=world.now).far is Far.VERIFYING
    StepRun.objects.filter(pk=step_run.pk).update(status=StepStatus.WAITING, waiting_since=world.now)
    Deployment.objects.filter(pk=step_run.deployment_id).update(status=DeploymentStatus.WAITING, due_at=world.now + timedelta(seconds=10))
    world.later(seconds)
    return StepRun.objects.get(pk=step_run.pk)


def look(step_run, world):
    return wait_for_applications.wait(step_run=step_run, now=world.now)


def label(application, **labels):
    content = Application.objects.get(pk=application.pk).content
    content["metadata"]["labels"] = labels
    Application.objects.filter(pk=application.pk).update(content=content)


def logged(step_run):
    return list(LogEntry.objects.filter(deployment=step_run.deployment).order_by("at", "pk").values_list("text", flat=True))[1:]


def test_a_healthy_application_ends_the_wait_and_the_output_tells_of_it(world):
    step_run = waiting(world)

    assert look(step_run, world).far is Far.DONE
    step_run.refresh_from_db()
    assert step_run.outputs[RESULT] == "Synced"
    assert json.loads(step_run.outputs[DETAILS]) == {
        "missing": 0,
        "applications": [
            {
                "instance": world.instance.name,
                "namespace": "argocd",
                "name": "shop-web",
                "health": "Healthy",
                "sync": "Synced",
                "revisions": [world.repository.head()],
                "ready": True,
            }
        ],
    }
    assert logged(step_run) == [
        "Waiting for 10 min at most for at least 1 application of Shop and Production to be synced and healthy.",
        "shop-web is synced and healthy.",
    ]


def test_an_application_that_appears_later_counts(world):
    step_run = waiting(world, expected_count=2)

    progress = look(step_run, world)
    assert progress.far is Far.VERIFYING
    assert progress.reason == (
        "Waiting for 1 of 2 applications of Shop and Production to exist: shop-web is there, Argo CD has no others yet. Gives up at 14:41."
    )

    add_application(world, "shop-canary")
    assert look(step_run, world).reason == ("All 2 applications of Shop and Production are synced and healthy; that counts once it has held for 5 s.")
    world.later(5)
    assert look(step_run, world).far is Far.DONE


def test_a_timeout_fails_with_what_is_missing_and_the_output_says_so(world):
    step_run = waiting(world)
    world.reports(health="Degraded")
    world.later(600)
    world.reports(health="Degraded")

    progress = look(step_run, world)

    assert progress.far is Far.FAILED
    assert progress.reason == "Timed out at 14:41: waiting for application shop-web to become healthy: it is Degraded. Retry waits again."
    step_run.refresh_from_db()
    assert step_run.outputs[RESULT] == "Timeout"
    assert json.loads(step_run.outputs[DETAILS])["applications"][0]["health"] == "Degraded"
    assert logged(step_run)[-1] == "Waited in vain for application shop-web to become healthy: it is Degraded."


def test_a_step_without_a_timeout_waits_for_ever(world):
    step_run = waiting(world, waits_forever=True)
    world.later(90_000)
    world.reports(health="Degraded")

    assert look(step_run, world).reason == "Waiting for application shop-web to become healthy: it is Degraded."


def test_a_selector_chooses_by_the_labels_of_the_application(world):
    other = add_application(world, "shop-jobs")
    world.reports(index=1, health="Degraded")
    label(world.application(), tier="web")
    label(other, tier="jobs")

    assert look(waiting(world, label_selector="tier=web"), world).far is Far.DONE
    assert look(waiting(world, release=make_release("1.5.0", step={"kind": "wait_for_applications", "label_selector": "tier!=web"})), world).reason == (
        "Waiting for application shop-jobs to become healthy: it is Degraded. Gives up at 14:34."
    )


def test_only_applications_of_the_scope_count_each_once(world):
    elsewhere = add_application(world, "shop-staging")
    elsewhere.sources.update(environment=make_environment("staging"))
    tenants = add_application(world, "shop-north")
    tenants.sources.update(tenant=make_tenant())
    make_source(world.application(), position=1, name="values")

    step_run = waiting(world, expected_count=2, wait_for="exists")

    assert look(step_run, world).reason == (
        "Waiting for 1 of 2 applications of Shop and Production to exist: shop-web is there, Argo CD has no others yet. Gives up at 14:41."
    )


def test_a_commit_of_any_source_will_do(world):
    application = world.application()
    sources = [{"repoURL": "https://charts.example.test", "chart": "web", "targetRevision": "1.2.3"}, {"repoURL": world.repository.file_url, "path": "apps"}]
    content = make_content(application.name, sources=sources, uid=application.uid)
    content["status"]["sync"]["revisions"] = ["1.2.3", world.repository.head()]
    Application.objects.filter(pk=application.pk).update(content=content)
    short = world.repository.head()[:7].upper()

    assert look(waiting(world, commit_hashes=f"{'0' * 40}, {short}"), world).far is Far.DONE
    other = waiting(world, release=make_release("1.5.0", step={"kind": "wait_for_applications", "commit_hashes": "0000000"}))
    assert f"to sync to 0000000: it is at 1.2.3 and {short.lower()}." in look(other, world).reason


def test_commit_hashes_may_be_a_template(world):
    release = make_release(step={"kind": "wait_for_applications", "commit_hashes": "#{Commit}"})
    release.variables = [{"name": "Commit", "value": world.repository.head()}]
    release.save()

    assert look(waiting(world, release=release), world).far is Far.DONE


def test_a_template_that_gives_nothing_means_any_commit_and_is_told(world):
    release = make_release(step={"kind": "wait_for_applications", "commit_hashes": "#{Commit}"})
    release.variables = [{"name": "Commit", "value": ""}]
    release.save()

    step_run = waiting(world, release=release)

    assert look(step_run, world).far is Far.DONE
    assert logged(step_run)[0] == "The commit hashes are empty in this deployment: any commit counts."


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"commit_hashes": "1.4.2"}, "Failed: “1.4.2” is no commit hash. Write 7 to 40 hexadecimal digits each, separated by commas."),
        ({"commit_hashes": "8def123,\n #{if"}, "Failed: the commit hashes do not parse in line 2, column 2."),
        ({"commit_hashes": "8def123,\n #{Commit}"}, "Failed: the commit hashes, line 2, column 2: "),
        ({"label_selector": "tier=="}, None),
        ({"label_selector": "a b"}, "Failed: “a b” is not part of a label selector. Write for example team=shop,tier in (web, api),!edge."),
    ],
)
def test_what_cannot_be_read_fails_the_step_at_once(world, asked, told):
    release = make_release(step={"kind": "wait_for_applications", **asked})
    step_run = StepRun.objects.get(deployment=world.deploy(release))

    progress = wait_for_applications.run(step_run=step_run, lease=Lease(step_run.deployment_id, world.now), now=world.now)

    if told is None:
        assert progress.far is Far.VERIFYING
        return
    assert progress.far is Far.FAILED
    assert progress.reason.startswith(told)
    step_run.refresh_from_db()
    assert step_run.outputs == {RESULT: "Failed"}
    assert wait_for_applications.wait(step_run=step_run, now=world.now).reason == progress.reason


def test_a_silent_gateway_is_waited_for_and_named(world):
    step_run = waiting(world, wait_for="exists")
    Gateway.objects.filter(instance=world.instance).update(last_seen_at=NOW - timedelta(minutes=5))

    assert look(step_run, world).reason == (
        f"Waiting for application shop-web to be heard of: {world.instance.name} is silent since 14:25, and we go on when its gateway is back. "
        "Gives up at 14:41."
    )


def test_an_application_that_vanished_meanwhile_is_named(world):
    step_run = waiting(world)
    Application.objects.filter(pk=world.application().pk).update(gone_at=world.now)

    assert look(step_run, world).reason == (
        f"Waiting for application shop-web to exist: {world.instance.name} does not have it since 14:31. Gives up at 14:41."
    )


def test_an_application_whose_annotations_are_wrong_is_named(world):
    step_run = waiting(world, expected_count=2)
    stray = add_application(world, "shop-canary")
    stray.sources.update(is_mapped=False)
    content = make_content("shop-canary", annotations={"argo.octopus.com/project": "shop", "argo.octopus.com/environment": "prod"})
    Application.objects.filter(pk=stray.pk).update(content=content, problems=["Not mapped: there is no environment prod."])

    assert "shop-canary: Not mapped: there is no environment prod. Gives up at" in look(step_run, world).reason


def test_a_report_of_the_scope_wakes_the_deployment_and_others_do_not(world):
    step_run = waiting(world)
    deployment = step_run.deployment
    elsewhere = add_application(world, "ledger")
    elsewhere.sources.update(is_mapped=False)

    applications_reported.send(sender=None, application_ids=[elsewhere.pk], now=world.now)
    deployment.refresh_from_db()
    assert deployment.due_at > world.now

    newcomer = add_application(world, "shop-canary")
    applications_reported.send(sender=None, application_ids=[newcomer.pk], now=world.now)
    deployment.refresh_from_db()
    assert deployment.due_at == world.now


def test_a_look_asks_a_fixed_number_of_queries(world, django_assert_max_num_queries):
    step_run = waiting(world, expected_count=40, label_selector="!edge")
    for number in range(30):
        add_application(world, f"shop-{number}")
    assert ApplicationSource.objects.count() == 31

    with django_assert_max_num_queries(8):
        look(step_run, world)


def test_a_process_waits_for_the_commit_of_its_earlier_step(world):
    """The whole way: an update step that is done with its commit, and a wait step that names that commit by an output variable."""
    release = make_release(step={"verification": "commit_created", "name": "Update"})
    place = f"ArgoCD.Gateway[{world.instance.name}].Application[argocd/shop-web].Source[0]"
    wait = {"name": "Wait", "kind": "wait_for_applications", "commit_hashes": f"#{{Octopus.Action[Update].Output.{place}.CommitSha}}"}
    release.process = [*release.process, {**release.process[0], **wait}]
    release.save()
    old = world.repository.head()

    deployment = world.advance(world.deploy(release), until=DeploymentStatus.WAITING)
    world.advance(deployment)
    new = world.repository.head()
    assert deployment.reason == f"Waiting for application shop-web to sync to {new[:7]}: it is at {old[:7]}. Gives up at 14:34."

    world.later(20)
    world.reports()
    world.later(5)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason
    step_run = deployment.step_runs.get(position=2)
    assert (step_run.status, step_run.outputs[RESULT]) == (StepStatus.SUCCEEDED, "Synced")


def test_a_process_that_begins_with_the_wait_may_start_before_its_applications_exist(tmp_path):
    world = make_world(tmp_path, names=())
    deployment = world.deploy(make_release(step={"kind": "wait_for_applications"}))
    world.advance(deployment, until=DeploymentStatus.WAITING)
    world.advance(deployment)
    assert deployment.reason == "Waiting for an application of Shop and Production to exist: Argo CD has none yet. Gives up at 14:33."

    world.repository.commit({"apps/shop-web/web.yaml": "kind: ConfigMap"}, message="The application set's first one")
    add_application(world, "shop-web")
    world.later(10)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason
    assert deployment.reason == "Succeeded: the applications that were waited for are as wanted."
