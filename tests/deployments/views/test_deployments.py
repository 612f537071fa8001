"""The pages of deployments: the list, one in each state, and what a person may do."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from deployments.models import Deployment, LogEntry, PullRequest, Target
from deployments.status import DeploymentStatus, NoteCode
from tests.deployments.views.pages import deployment_row, live_row, many_sources, release_row, source_in, text_of
from tests.factories import NOW, SHA, make_environment, make_instance, make_project, make_source, make_tenant

pytestmark = pytest.mark.django_db
FINISHED = ["succeeded", "failed", "cancelled"]


def permit(user, *names):
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


def page_of(client, deployment, **query):
    return client.get(f"/deployments/{deployment.pk}/", query)


def act(client, deployment, do, **values):
    return client.post(f"/deployments/{deployment.pk}/act/", {"do": do}, **values)


def outcome(response):
    """The sentence that sums the page up."""
    body = response.content.decode().partition('id="outcome"')[2].partition("</div>")[0]
    return text_of(type("Part", (), {"content": f"<p {body}".encode()}))


@pytest.mark.parametrize("path", ["/deployments/", "/deployments/1/"])
def test_pages_need_somebody_signed_in(client, path):
    assert client.get(path)["Location"].startswith("/sign-in/")


def test_empty_list_says_how_to_begin(client, admin):
    assert "Nothing was deployed yet: make a release and deploy it." in text_of(client.get("/deployments/"))


@pytest.mark.parametrize("status", DeploymentStatus)
def test_list_shows_each_state_with_its_reason(client, admin, status):
    deployment_row(status, reason="This is why.", tenant=make_tenant("outlet"), created_by=admin)

    page = text_of(client.get("/deployments/")).partition("Started By")[2]

    assert "Shop 1.4.2 to Production for Outlet" in page
    assert f"{status.label} This is why." in page
    assert admin.username in page


def test_list_filters(client, admin):
    deployment_row("failed")
    deployment_row("succeeded", release=release_row(project=make_project("ledger")), environment=make_environment("staging"))

    def found(query):
        return [str(row) for row in client.get(f"/deployments/?{query}").context["page_obj"].object_list]

    assert found("project=shop") == ["Shop 1.4.2 to Production"]
    assert found("environment=staging") == ["Ledger 1.4.2 to Staging"]
    assert found("status=failed") == ["Shop 1.4.2 to Production"]
    assert found("status=failed&environment=staging") == []
    assert "No deployment matches these filters." in text_of(client.get("/deployments/?status=queued"))


@pytest.mark.parametrize("name", ["project", "environment", "status"])
def test_list_names_and_ignores_an_unknown_value(client, admin, name):
    deployment_row()

    response = client.get("/deployments/", {name: "nobody's"})

    assert f"There is no {name} “nobody's”; that filter was ignored." in text_of(response)
    assert response.context["page_obj"].paginator.count == 1


def test_list_pages_newest_first_in_few_queries(client, admin, django_assert_max_num_queries):
    release = release_row()
    rows = [
        Deployment(release=release, project=release.project, environment=make_environment(), status="failed", created_at=NOW + timedelta(minutes=index))
        for index in range(120)
    ]
    Deployment.objects.bulk_create(rows)

    with django_assert_max_num_queries(10):
        response = client.get("/deployments/?status=failed&page=2")

    assert "51 to 100 of 120" in text_of(response)
    assert response.context["page_obj"].object_list[0].pk == rows[69].pk
    assert client.get("/deployments/?page=x").status_code == 200


@pytest.mark.parametrize("status", DeploymentStatus)
def test_page_of_each_state_says_its_reason_and_offers_what_helps(client, admin, status):
    deployment = deployment_row(status, sources=[source_in(name="shop-web")], reason="This is why.")

    response = page_of(client, deployment)
    page = response.content.decode()

    assert outcome(response) == "This is why."
    assert ("hx-get" in page.partition('id="deployment-live"')[2].partition(">")[0]) == (status not in FINISHED)
    offered = {name for name in ("cancel", "refresh", "retry") if f'value="{name}"' in page}
    assert offered == {
        "queued": {"cancel"}, "running": {"cancel"}, "awaiting_merge": {"cancel"}, "waiting": {"cancel", "refresh"},
        "succeeded": set(), "failed": {"retry"}, "cancelled": {"retry"},
    }[status]  # fmt: skip


@pytest.mark.parametrize("status", DeploymentStatus)
def test_page_without_a_reason_still_has_a_sentence(client, admin, status):
    assert outcome(page_of(client, deployment_row(status, reason="")))


def test_page_of_a_queued_deployment_has_no_targets_yet(client, admin):
    page = text_of(page_of(client, deployment_row("queued", reason="Waiting for a worker.")))

    assert "0 of 0 targets verified" in page
    assert "Waiting for a worker." in page


def test_page_of_a_waiting_deployment_counts_targets_and_names_the_timeout(client, admin):
    sources = [source_in(name=name) for name in ("shop-web", "shop-edge")]
    deployment = deployment_row("waiting", sources=sources)
    Target.objects.filter(application_name="shop-edge").update(verification="waiting", reason="Waiting for shop-edge: Progressing since 14:31.")
    deployment.step_runs.update(waiting_since=NOW)

    page = text_of(page_of(client, deployment))

    assert "1 of 2 targets verified" in page
    assert re.search("In verification since (21 November )?14:30:00 ; times out at (21 November )?14:33:00", page)
    assert "Waiting for shop-edge: Progressing since 14:31." in page
    assert "on the next report" in page
    assert "1 Waiting, 1 Succeeded" in page


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"outcome": "already_there"}, "already there found at 8e1f0c0"),
        ({"outcome": "skipped", "commit_sha": "", "reason": "Not tracked: it follows a tag."}, "nothing Succeeded Not tracked: it follows a tag."),
        ({"outcome": "pending", "commit_sha": ""}, "not yet"),
        ({"verification": "failed", "reason": "Failed: the sync failed."}, "Failed Failed: the sync failed."),
    ],
)
def test_page_tells_what_became_of_a_target(client, admin, target, said):
    deployment = deployment_row("failed", sources=[source_in(name="shop-web")], target=target)

    assert said in text_of(page_of(client, deployment))


@pytest.mark.parametrize("code", NoteCode)
def test_page_tells_every_note_of_every_image(client, admin, code):
    note = {"code": code, "file": "apps/web.yaml", "place": "Deployment/web", "image": "ghcr.io/acme/web:1.4.2", "sentence": "This is what became of it."}
    deployment = deployment_row(sources=[source_in(name="shop-web")], target={"notes": [note]})

    page = text_of(page_of(client, deployment)).partition("Every image, application and file")[2]

    assert f"ghcr.io/acme/web:1.4.2 shop-web apps/web.yaml {code.label} This is what became of it." in page


def test_page_links_commits_where_the_host_is_known(client, admin):
    source = make_source(repo_url="https://github.com/acme/shop-config.git")

    page = page_of(client, deployment_row(sources=[source])).content.decode()

    assert f'href="https://github.com/acme/shop-config/commit/{SHA}"' in page
    assert "acme/shop-config, main" in page


def test_page_says_what_it_replaces(client, admin):
    deployment_row(release=release_row("1.4.1"), created_at=NOW - timedelta(days=1))

    assert "It replaces 1.4.1." in text_of(page_of(client, deployment_row()))


def test_page_of_a_target_whose_source_is_gone_opens(client, admin):
    source = source_in(name="shop-web")
    deployment = deployment_row(sources=[source])
    source.delete()

    assert "shop-web" in text_of(page_of(client, deployment))


def test_log_shows_warnings_only_when_asked(client, admin):
    deployment = deployment_row()

    everything, warnings = text_of(page_of(client, deployment)), text_of(page_of(client, deployment, warnings=1))

    assert "Step 1 began: Update image tags." in everything
    assert "Step 1 began: Update image tags." not in warnings
    assert "The push lost the race; applied again." in warnings
    LogEntry.objects.all().delete()
    assert "No warnings." in text_of(page_of(client, deployment, warnings=1))


def test_page_escapes_what_others_wrote(client, admin):
    deployment = deployment_row(sources=[source_in(name="shop-web")], reason="<script>alert(1)</script>", target={"reason": "<img src=x>"})

    page = page_of(client, deployment).content.decode()

    assert "<script>alert" not in page
    assert "<img src=x>" not in page


def test_page_asks_a_fixed_number_of_queries(client, admin, django_assert_max_num_queries):
    deployment = deployment_row("waiting", sources=[source_in() for _ in range(60)])

    with django_assert_max_num_queries(10):
        assert page_of(client, deployment).status_code == 200


def test_part_for_htmx_is_the_live_part_alone(client, admin):
    deployment = deployment_row("waiting")

    page = client.get(f"/deployments/{deployment.pk}/", headers={"HX-Request": "true"}).content.decode()

    assert page.strip().startswith('<div id="deployment-live"')


def test_unknown_deployment_is_a_404(client, admin):
    assert client.get("/deployments/99999/").status_code == 404
    assert client.post("/deployments/99999/act/", {"do": "cancel"}).status_code == 404


@pytest.mark.parametrize("do", ["cancel", "retry", "refresh"])
def test_actions_need_the_permission(client, reader, do):
    deployment = deployment_row("waiting")

    refused = act(client, deployment, do)
    permit(reader, "change_deployment")
    allowed = act(client, deployment, do)

    assert refused.status_code == 403
    assert b"<h1" in refused.content
    assert allowed.status_code == 302


def test_cancel_says_what_stays(client, admin):
    deployment = deployment_row("waiting")

    page = text_of(act(client, deployment, "cancel", follow=True))

    assert "Cancelled. What was committed stays in Git." in page
    assert f"Cancelled by {admin.username}" in page
    deployment.refresh_from_db()
    assert (deployment.status, deployment.due_at) == (DeploymentStatus.CANCELLED, None)


def test_cancel_of_what_is_over_says_so(client, admin):
    assert "Not cancelled: deployment" in text_of(act(client, deployment_row("succeeded"), "cancel", follow=True))


def test_retry_goes_on_with_what_failed(client, admin):
    source = source_in(name="shop-web")
    deployment = deployment_row("failed", sources=[source], target={"verification": "failed", "reason": "Failed."})
    live_row(source, "unavailable", deployment=deployment)

    response = act(client, deployment, "retry")

    assert response.status_code == 302
    assert Deployment.objects.unfinished().exists()


def test_refresh_of_what_does_not_wait_says_so(client, admin):
    assert "Not refreshed" in text_of(act(client, deployment_row("succeeded"), "refresh", follow=True))


def test_unknown_action_says_that_nothing_was_done(client, admin):
    assert "this page knows no action “explode”" in text_of(act(client, deployment_row(), "explode", follow=True))


def test_actions_are_posts(client, admin):
    assert client.get(f"/deployments/{deployment_row().pk}/act/").status_code == 405


def test_times_are_relative_with_the_exact_one_beside(client, admin):
    deployment = deployment_row(created_at=timezone.now() - timedelta(minutes=8))

    page = page_of(client, deployment).content.decode()

    assert "8 min ago" in page
    assert f'datetime="{deployment.created_at:%Y-%m-%dT%H:%M}' in page


def test_page_of_a_deployment_that_awaits_a_merge_leads_to_its_pull_request(client, admin):
    deployment = deployment_row("awaiting_merge", sources=[source_in(name="shop-web")], reason="Waiting for the merge of pull request 7 in acme/deploy.")
    run = deployment.step_runs.get()
    values = {"repo_url": "https://git.example.com/acme/deploy.git", "repository_key": "https://git.example.com/acme/deploy", "forge_kind": "gitea"}
    PullRequest.objects.create(
        step_run=run, branch="main", head_branch="octoargo/shop", head_sha="a" * 40, number=7, title="Deploy shop 1.4.2",
        web_url="https://git.example.com/acme/deploy/pulls/7", opened_at=timezone.now(), reason="Open since 14:10.", **values,
    )  # fmt: skip

    page = text_of(page_of(client, deployment))

    assert "Open pull request 7" in page
    assert "Pull request of step 1" in page
    assert "Deploy shop 1.4.2 Open since 14:10." in page


def test_deployment_with_many_targets_shows_a_page_of_them_failed_ones_first(client, reader, django_assert_max_num_queries):
    instance, project, environment = make_instance(), make_project(), make_environment()
    sources = many_sources(250, instance=instance, projects=[project], environments=[environment])
    deployment = deployment_row(DeploymentStatus.WAITING, sources=sources, environment=environment, target={"verification": "verified"})
    Target.objects.filter(source=sources[240]).update(verification="waiting")
    Target.objects.filter(source=sources[230]).update(verification="failed")

    with django_assert_max_num_queries(10):
        first = client.get(deployment.get_absolute_url())
    last = client.get(f"{deployment.get_absolute_url()}?page=3")

    names = re.findall(r"app-\d{5}(?=</a>)", first.content.decode())
    assert names[:3] == ["app-00230", "app-00240", "app-00000"]
    assert len(names) == 100
    assert "201 to 250 of 250" in text_of(last)
    assert "250 targets verified" in text_of(last)


def test_deployment_with_a_long_log_shows_its_newest_lines(client, reader):
    deployment = deployment_row()
    LogEntry.objects.bulk_create(LogEntry(deployment=deployment, at=NOW, text=f"Line {number}.") for number in range(1_000))

    text = text_of(client.get(deployment.get_absolute_url()))

    assert "Earlier lines are left out. " in text
    assert "Line 0." in text
    assert "Line 999." in text
    assert "Step 1 began" not in text.partition("Earlier lines")[2]
