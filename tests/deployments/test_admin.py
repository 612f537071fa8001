"""The admin of deployments: every list and row opens, a process is changed on its project's page, what Octoargo wrote is read-only."""

import pytest
from django.contrib import admin as django_admin
from django.urls import reverse

from deployments.models import Deployment, IntendedChange, LiveState, LogEntry, PullRequest, Release, Step, StepRun, Target
from infrastructure.models import Event
from tests.deployments.factories import make_release
from tests.factories import NOW, make_environment, make_project, make_source, make_user

pytestmark = pytest.mark.django_db
WRITTEN_BY_US = [Release, Deployment, StepRun, Target, LiveState, LogEntry, PullRequest]


@pytest.fixture
def admin(client):
    user = make_user(is_superuser=True, is_staff=True)
    client.force_login(user)
    return user


def make_rows():
    """A row of every table that Octoargo writes."""
    source = make_source()
    release = make_release()
    deployment = Deployment.objects.create(release=release, project=release.project, environment=make_environment(), created_at=NOW)
    run = StepRun.objects.create(deployment=deployment, position=1, name="Update image tags", kind="update_images")
    PullRequest.objects.create(
        step_run=run, repo_url="https://git.example.com/acme/shop", repository_key="https://git.example.com/acme/shop", forge_kind="gitea", branch="main",
        head_branch="octoargo/shop", head_sha="a" * 40, number=7, title="Deploy shop", web_url="https://git.example.com/acme/shop/pulls/7", opened_at=NOW,
    )  # fmt: skip
    target = Target.objects.create(step_run=run, source=source, instance_name="eu", application_namespace="argocd", application_name="shop", repo_url="u")
    IntendedChange.objects.create(target=target, path="apps/web.yaml", patch=[{"op": "replace", "path": "/spec", "value": "1.4.2"}])
    LiveState.objects.create(source=source, release=release, target=target, deployment=deployment, reason="Synced at 8e1f0c0.")
    LogEntry.objects.create(deployment=deployment, at=NOW, text="Queued: Shop 1.4.2 to Production.")


def form_of(shown, **step):
    """The page of a project with one step, as the browser sends it."""
    management = {"steps-TOTAL_FORMS": "1", "steps-INITIAL_FORMS": "0", "steps-MIN_NUM_FORMS": "0", "steps-MAX_NUM_FORMS": "1000"}
    values = {"position": "1", "name": "Update image tags", "kind": "update_images", "verification": "application_healthy", "timeout_s": "300", **step}
    return {"name": shown.name, "slug": shown.slug, **management, **{f"steps-0-{name}": value for name, value in values.items()}}


@pytest.mark.parametrize("model", WRITTEN_BY_US, ids=lambda model: model._meta.model_name)
def test_lists_and_rows_open_and_are_read_only(client, admin, model):
    make_rows()
    name = f"admin:deployments_{model._meta.model_name}"
    row = model.objects.get()

    answers = [client.get(reverse(f"{name}_changelist"), {"q": "shop"}), client.get(reverse(f"{name}_change", args=[row.pk]))]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert b'name="_save"' not in answers[1].content
    assert client.get(reverse(f"{name}_add")).status_code == 403
    assert client.post(reverse(f"{name}_change", args=[row.pk]), {"reason": "x"}).status_code == 403
    assert client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_every_model_of_ours_has_a_place():
    registered = {model.__name__ for model in django_admin.site._registry if model._meta.app_label == "deployments"}

    assert registered == {model.__name__ for model in WRITTEN_BY_US}


def test_target_shows_what_was_written(client, admin):
    make_rows()

    page = client.get(reverse("admin:deployments_target_change", args=[Target.objects.get().pk])).content.decode()

    assert "apps/web.yaml" in page


def test_process_is_changed_on_the_projects_page(client, admin):
    project = make_project()

    client.post(reverse("admin:infrastructure_project_change", args=[project.pk]), form_of(project, trigger_sync="on", verification="commit_created"))

    step = Step.objects.get(project=project)
    assert (step.verification, step.trigger_sync, step.timeout_s) == ("commit_created", True, 300)
    assert Event.objects.filter(kind="process_changed", object_name="shop").exists()
    assert make_release(project=project).process == [step.snapshot()]


def test_project_saved_without_touching_its_process_records_no_change(client, admin):
    project = make_project()
    step = Step.objects.create(project=project, position=1)

    values = form_of(project, id=str(step.pk), project=str(project.pk), timeout_s="180", commit_summary="")
    client.post(reverse("admin:infrastructure_project_change", args=[project.pk]), {**values, "steps-INITIAL_FORMS": "1", "name": "Store"})

    project.refresh_from_db()
    assert project.name == "Store"
    assert not Event.objects.filter(kind="process_changed").exists()


@pytest.mark.parametrize(("field", "value"), [("timeout_s", "0"), ("timeout_s", "100000000"), ("timeout_s", "soon"), ("position", ""), ("name", "")])
def test_step_answers_bad_input_at_its_field(client, admin, field, value):
    project = make_project()

    response = client.post(reverse("admin:infrastructure_project_change", args=[project.pk]), form_of(project, **{field: value}))

    assert response.context["inline_admin_formsets"][0].formset.errors[0][field]
    assert not Step.objects.exists()


def test_deployments_list_asks_a_fixed_number_of_queries(client, admin, django_assert_max_num_queries):
    release = make_release()
    Deployment.objects.bulk_create(
        Deployment(release=release, project=release.project, environment=make_environment(), created_at=NOW, status="failed", reason="x") for _ in range(150)
    )

    with django_assert_max_num_queries(16):
        client.get(reverse("admin:deployments_deployment_changelist"))


def test_a_step_takes_helm_value_paths_and_a_release_keeps_them(client, admin):
    project = make_project()
    address = reverse("admin:infrastructure_project_change", args=[project.pk])

    refused = client.post(address, form_of(project, helm_paths="ghcr.io/acme/web"))
    assert refused.context["inline_admin_formsets"][0].formset.errors[0]["helm_paths"] == [
        "ghcr.io/acme/web is no Helm value path. Write image = path, for example ghcr.io/acme/web = web.image.tag."
    ]

    client.post(address, form_of(project, helm_paths="ghcr.io/acme/web = web.image.tag"))
    assert make_release(project=project).process[0]["helm_paths"] == "ghcr.io/acme/web = web.image.tag"


MANIFESTS = {"kind": "update_manifests", "name": "Update manifests"}
WAIT = {"kind": "wait_for_applications", "name": "Wait"}
REFUSED = [
    ({**MANIFESTS}, "template_repo_url", "Name the repository that holds the templates, for example https://git.example.com/acme/templates."),
    ({**MANIFESTS, "template_repo_url": "acme"}, "template_repo_url", "“acme” is not a repository URL. Write it like https://git.example.com/acme/shop."),
    (
        {**MANIFESTS, "template_repo_url": "https://wren:secret@git.example.test/acme/templates"},
        "template_repo_url",
        "“https://git.example.test/acme/templates” came with a user name or password in it. Leave them out: a Git credential has them.",
    ),
    (
        {**MANIFESTS, "template_repo_url": "https://git.example.test/t", "template_ref": "feature one"},
        "template_ref",
        "“feature one” cannot be the name of a branch or tag.",
    ),
    (
        {**MANIFESTS, "template_origin": "archive", "template_path": "../secrets"},
        "template_path",
        "“../secrets” leaves the repository. Write the path from its root, for example templates/shop.",
    ),
    (
        {**WAIT, "commit_hashes": "8def12"},
        "commit_hashes",
        "“8def12” is no commit hash. Write 7 to 40 hexadecimal digits each, separated by commas.",
    ),
    (
        {**WAIT, "label_selector": "tier in web"},
        "label_selector",
        "“tier in web” is not part of a label selector. Write for example team=shop,tier in (web, api),!edge.",
    ),
    ({**WAIT, "expected_count": "0"}, "expected_count", "Ensure this value is greater than or equal to 1."),
    (
        {"commit_method": "per_environment"},
        "pull_request_environments",
        "Choose the environments that get pull requests, or another commit method.",
    ),
]
NO_PARSE = "The template does not parse in line 1, column "
UNPARSABLE = [
    ({**WAIT, "commit_hashes": "8def123,\n#{if"}, "commit_hashes", "The template does not parse in line 2, column "),
    ({"commit_summary": "#{Octopus.Release.Number"}, "commit_summary", NO_PARSE),
    ({"commit_description": "#{Octopus.Release.Number"}, "commit_description", NO_PARSE),
    ({**MANIFESTS, "commit_summary": "Deploy #{each"}, "commit_summary", NO_PARSE),
]


def errors_of(client, project, step):
    response = client.post(reverse("admin:infrastructure_project_change", args=[project.pk]), form_of(project, **step))
    return response.context["inline_admin_formsets"][0].formset.errors[0]


@pytest.mark.parametrize(("step", "field", "told"), REFUSED)
def test_step_refuses_what_its_kind_cannot_do_at_its_field(client, admin, step, field, told):
    assert errors_of(client, make_project(), step)[field] == [told]
    assert not Step.objects.exists()


@pytest.mark.parametrize(("step", "field", "begins"), UNPARSABLE)
def test_step_refuses_a_template_that_does_not_parse_and_says_where(client, admin, step, field, begins):
    assert errors_of(client, make_project(), step)[field][0].startswith(begins)


@pytest.mark.parametrize(
    "step",
    [
        {**MANIFESTS, "template_repo_url": "https://git.example.test/acme/templates", "template_ref": "release/1.x", "template_path": "/web"},
        {
            **MANIFESTS,
            "template_repo_url": "git@git.example.test:acme/templates.git",
            "commit_summary": "Deploy #{Octopus.Release.Number}",
            "purge_output": "on",
        },
        {**MANIFESTS, "template_origin": "archive", "verification": "pull_request_merged", "commit_method": "pull_request"},
        {**WAIT, "wait_for": "exists", "expected_count": "3", "label_selector": "tier=web,!canary", "waits_forever": "on"},
        {**WAIT, "commit_hashes": "8def123, #{Octopus.Action[Update manifests].Output.Sha}"},
        {**WAIT, "commit_hashes": "8def123,97A2C11", "template_path": "../x", "commit_summary": "#{"},
        {"label_selector": "a b", "template_repo_url": "not looked at", "pull_request_labels": "deploy, shop", "commit_method": "pull_request"},
    ],
)
def test_step_takes_what_its_kind_can_do_and_a_release_keeps_it(client, admin, step):
    project = make_project()

    client.post(reverse("admin:infrastructure_project_change", args=[project.pk]), form_of(project, **step))

    saved = Step.objects.get(project=project)
    expected = {name: {"on": True}.get(value, int(value) if name == "expected_count" else value) for name, value in step.items()}
    assert {name: getattr(saved, name) for name in step} == expected


def test_step_of_another_kind_is_not_called_what_image_steps_are_called(client, admin):
    project = make_project()
    client.post(reverse("admin:infrastructure_project_change", args=[project.pk]), form_of(project, kind="wait_for_applications"))

    assert Step.objects.get().name == "Wait for Argo CD applications"


def test_process_changed_tells_the_environments_with_pull_requests(client, admin):
    project = make_project()
    environments = [make_environment("production"), make_environment("staging")]
    address = reverse("admin:infrastructure_project_change", args=[project.pk])
    values = form_of(project, commit_method="per_environment", **{"pull_request_environments": [environment.pk for environment in environments]})
    client.post(address, values)
    event = Event.objects.get(kind="process_changed")
    assert event.detail["steps"][0]["pull_request_environments"] == ["production", "staging"]

    step = Step.objects.get()
    again = {**values, "steps-INITIAL_FORMS": "1", "steps-0-id": str(step.pk), "steps-0-project": str(project.pk)}
    client.post(address, again)
    assert Event.objects.filter(kind="process_changed").count() == 1, "nothing changed"

    client.post(address, {**again, "steps-0-pull_request_environments": [environments[0].pk]})
    assert Event.objects.filter(kind="process_changed").count() == 2
    assert Step.objects.get().snapshot()["pull_request_environments"] == ["production"]


def test_process_form_groups_its_fields_by_the_kinds_of_steps(client, admin):
    project = make_project()
    make_environment()
    Step.objects.create(project=project, position=1)

    page = client.get(reverse("admin:infrastructure_project_change", args=[project.pk])).content.decode()

    for heading in ("Update steps: image tags and manifests", "Image tags step", "Manifests step", "Wait step"):
        assert heading in page
    assert all(f'name="steps-0-{field.name}"' in page for field in Step._meta.get_fields() if field.name != "project" or field.auto_created)
