"""The manifests step with real Git: what it writes, purges, records, and what it refuses before any repository is touched."""

import pytest

from deployments.models import IntendedChange, LogEntry, Step
from deployments.services import plan
from deployments.services.archives import store_archive
from deployments.status import DeploymentStatus, TargetOutcome, TemplateOrigin
from deployments.steps.comparison import Question, ask
from simulator.forge import git
from tests.deployments.factories import add_application, make_world, targets_of
from tests.deployments.templates import make_manifests_release, make_templates, set_variable, zip_of
from tests.factories import NOW, make_content, make_environment, make_project, make_source

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
RENDERED = b"kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: shop-production\ndata:\n  host: db.example.test\n"


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path)


@pytest.fixture
def host():
    return set_variable("Database.Host", "db.example.test")


def annotate(world, index, **annotations):
    application = world.applications[index]
    application.content["metadata"]["annotations"] = {f"argo.octopus.com/{key}": value for key, value in annotations.items()}
    application.save()


def files_of(world):
    return sorted(git("ls-tree", "-r", "--name-only", "main", cwd=world.repository.path).split())


def log_of():
    return "\n".join(LogEntry.objects.values_list("text", flat=True))


def test_templates_are_rendered_into_the_folder_of_every_source_with_one_commit(world, tmp_path, host):
    add_application(world, "shop-api")
    make_templates(tmp_path, verification="commit_created")
    deployment = world.advance(world.deploy(make_manifests_release()))

    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason
    assert world.repository.read("apps/shop-web/config.yaml") == world.repository.read("apps/shop-api/config.yaml") == RENDERED
    assert len(world.repository.log()) == 2
    assert [(target.application_name, target.outcome) for target in targets_of(deployment)] == [("shop-api", "updated"), ("shop-web", "updated")]
    assert files_of(world) == ["apps/shop-api/config.yaml", "apps/shop-web/config.yaml", "apps/shop-web/web.yaml"]


def test_templates_are_those_of_the_commit_that_the_release_keeps(world, tmp_path, host):
    origin = make_templates(tmp_path, verification="commit_created")
    release = make_manifests_release()
    origin.repository.commit({"base/config.yaml": "changed: later\n"})
    host.value = "other.example.test"
    host.save()
    world.advance(world.deploy(release))

    assert world.repository.read("apps/shop-web/config.yaml") == RENDERED


def test_a_second_deployment_finds_everything_there_and_records_it(world, tmp_path, host):
    make_templates(tmp_path, verification="commit_created")
    release = make_manifests_release()
    world.advance(world.deploy(release))
    second = world.advance(world.deploy(release))

    [target] = targets_of(second)
    assert (target.outcome, target.commit_sha) == (TargetOutcome.ALREADY_THERE, world.repository.head())
    assert [(change.path, len(change.sha256)) for change in target.intended_changes.all()] == [("apps/shop-web/config.yaml", 64)]
    assert len(world.repository.log()) == 2


def test_purge_deletes_what_is_not_rendered_and_spares_the_rest(world, tmp_path, host):
    link = {"apps/shop-web/link.yaml": "../../README.md"}
    world.repository.commit({"apps/shop-web/old/deep.yaml": "x", "apps/shop-web/.gitignore": "y", "README.md": "z"})
    world.repository.commit(link, modes={"apps/shop-web/link.yaml": "120000"})
    make_templates(tmp_path, verification="commit_created", purge_output=True)
    deployment = world.advance(world.deploy(make_manifests_release()))

    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason
    assert files_of(world) == ["README.md", "apps/shop-web/config.yaml"]
    gone = IntendedChange.objects.filter(is_deleted=True).values_list("path", flat=True)
    assert sorted(gone) == ["apps/shop-web/.gitignore", "apps/shop-web/link.yaml", "apps/shop-web/old/deep.yaml", "apps/shop-web/web.yaml"]
    assert "Deleted: apps/shop-web/web.yaml is not among the templates." in log_of()


def test_purge_needs_no_existing_folder(world, tmp_path, host):
    annotate(world, 0, path="new/place")
    make_templates(tmp_path, verification="commit_created", purge_output=True)
    world.advance(world.deploy(make_manifests_release()))

    assert files_of(world) == ["apps/shop-web/web.yaml", "new/place/config.yaml"]


def test_what_was_purged_and_came_back_is_drift(world, tmp_path, host):
    make_templates(tmp_path, verification="commit_created", purge_output=True)
    deployment = world.advance(world.deploy(make_manifests_release()))
    [target] = targets_of(deployment)
    ours = world.repository.head()
    back = world.repository.commit({"apps/shop-web/web.yaml": "x"})
    changed = world.repository.commit({"apps/shop-web/web.yaml": None, "apps/shop-web/config.yaml": RENDERED + b"#\n"})
    answers = ask([Question(target.pk, target.repo_url, sha) for sha in (ours, back, changed)])

    assert answers[target.pk, ours].is_present
    assert answers[target.pk, back].comparison.sentence == "apps/shop-web/web.yaml is back; we deleted it."
    assert answers[target.pk, changed].comparison.sentence == "apps/shop-web/config.yaml is not as we wrote it."


def test_links_are_never_written_through(world, tmp_path, host):
    add_application(world, "shop-api", path="linked")
    world.repository.commit({"linked": "apps"}, modes={"linked": "120000"})
    make_templates(tmp_path, verification="commit_created", purge_output=True)
    deployment = world.advance(world.deploy(make_manifests_release()))

    api, web = targets_of(deployment)
    assert (api.outcome, web.outcome) == (TargetOutcome.SKIPPED, TargetOutcome.UPDATED)
    assert api.reason == "Not tracked: linked is a symbolic link and not a folder, so nothing is written through it. Move it away."
    assert "linked" in files_of(world)


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ("../../elsewhere", "which leaves its repository"),
        (".git/hooks", "which is inside .git"),
    ],
)
def test_a_path_annotation_that_leaves_the_repository_is_refused_and_others_go_on(world, tmp_path, host, annotation, reason):
    add_application(world, "shop-api")
    annotate(world, 0, path=annotation)
    make_templates(tmp_path, verification="commit_created")
    deployment = world.advance(world.deploy(make_manifests_release()))

    api, web = targets_of(deployment)
    assert (api.outcome, web.outcome) == (TargetOutcome.UPDATED, TargetOutcome.SKIPPED)
    assert reason in web.reason


def test_every_error_of_every_file_fails_the_step_before_any_repository_is_touched(world, tmp_path):
    set_variable("Database.Password", is_sensitive=True)
    set_variable("Connection", "Server=db;Password=#{Database.Password}")
    set_variable("Chicken", "#{Egg}")
    set_variable("Egg", "#{Chicken}")
    files = {
        "base/a.yaml": "a: #{Nowhere}\nb: #{Database.Password}\n",
        "base/b.yaml": "\n  c: #{Connection}\n",
        "base/c.yaml": "#{Chicken}\n",
        "base/d.yaml": "ok\n",
    }
    make_templates(tmp_path, files)
    release = make_manifests_release()
    head = world.repository.head()
    deployment = world.advance(world.deploy(release))

    expected = [
        "Not written: variable Nowhere is not defined and template a.yaml uses it in line 1, column 4. Nothing was changed in Git.",
        "Not written: variable Database.Password is sensitive and template a.yaml uses it in line 2, column 4. Nothing was changed in Git.",
        "Not written: variable Database.Password is sensitive and template b.yaml uses it in line 2, column 6. Nothing was changed in Git.",
    ]
    assert deployment.status == DeploymentStatus.FAILED
    assert expected[0] in deployment.reason
    assert all(sentence in log_of() for sentence in expected)
    assert "template c.yaml, line 1, column 1" in log_of()
    assert world.repository.head() == head
    assert plan(release=release, environment=make_environment()).refusals[:3] == tuple(expected)


def test_a_commit_message_with_a_sensitive_variable_fails_the_step(world, tmp_path, host):
    set_variable("Password", is_sensitive=True)
    make_templates(tmp_path, commit_summary="Deploy with #{Password}")
    release = make_manifests_release()
    deployment = world.advance(world.deploy(release))

    sentence = "Not written: variable Password is sensitive and the commit summary uses it in line 1, column 13. Nothing was changed in Git."
    assert sentence in deployment.reason
    assert sentence in plan(release=release, environment=make_environment()).refusals


def test_binary_files_text_marks_and_line_ends_stay(world, tmp_path, host):
    files = {
        "base/logo.png": b"\x89PNG\xff#{Nowhere}",
        "base/bom.yaml": b"\xef\xbb\xbfhost: #{Database.Host}\r\nlast: 1",
        "base/wide.txt": "\ufeffh: #{Database.Host}\n".encode("utf-16-le"),
        "base/helm.yaml": b"a: {{ .Values.a }}\nb: $(X) ${Y}\n",
        "base/none.yaml": b"#{Database.Host | null}",
    }
    make_templates(tmp_path, files, verification="commit_created")
    deployment = world.advance(world.deploy(make_manifests_release()))

    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason
    assert world.repository.read("apps/shop-web/logo.png") == files["base/logo.png"]
    assert world.repository.read("apps/shop-web/bom.yaml") == b"\xef\xbb\xbfhost: db.example.test\r\nlast: 1"
    assert world.repository.read("apps/shop-web/wide.txt") == "\ufeffh: db.example.test\n".encode("utf-16-le")
    assert world.repository.read("apps/shop-web/helm.yaml") == files["base/helm.yaml"]
    assert "apps/shop-web/none.yaml" not in files_of(world)
    assert "Copied as it is: logo.png is not UTF-8 text" in log_of()
    assert "the template none.yaml asks for no output" in log_of()


def test_invalid_yaml_is_written_and_told(world, tmp_path, host):
    make_templates(tmp_path, {"base/web.yaml": "a: #{Database.Host}\nb: [\n"}, verification="commit_created")
    release = make_manifests_release()
    sentence = "web.yaml is not valid YAML once it is rendered, line 3: did not find expected node content. It is written all the same."
    assert sentence in plan(release=release, environment=make_environment()).warnings
    world.advance(world.deploy(release))

    assert sentence in log_of()
    assert world.repository.read("apps/shop-web/web.yaml") == b"a: db.example.test\nb: [\n"


def test_an_archive_gives_one_file_under_its_base_name(world, host):
    make_templates_step_of_archive(template_path="envs/config.yaml")
    archive = store_archive(project=make_project(), name="shop.zip", content=zip_of([("envs/config.yaml", RENDERED), ("x", b"")]), by=None, now=NOW)
    deployment = world.advance(world.deploy(make_manifests_release(archive=archive)))

    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason
    assert files_of(world) == ["apps/shop-web/config.yaml", "apps/shop-web/web.yaml"]


def make_templates_step_of_archive(**values):
    kind = {"kind": "update_manifests", "template_origin": TemplateOrigin.ARCHIVE, "verification": "commit_created", "name": "Manifests"}
    return Step.objects.create(project=make_project(), position=1, **kind, **values)


def test_nothing_at_the_template_path_is_refused_and_purges_nothing(world, tmp_path, host):
    make_templates(tmp_path, template_path="envs/#{Octopus.Environment.Slug}", purge_output=True)
    head = world.repository.head()
    deployment = world.advance(world.deploy(make_manifests_release()))

    assert deployment.status == DeploymentStatus.FAILED
    assert "there is nothing at “envs/production” in" in deployment.reason
    assert world.repository.head() == head


def test_links_among_the_templates_are_left_out_and_told(world, tmp_path, host):
    origin = make_templates(tmp_path, verification="commit_created")
    origin.repository.commit({"base/link.yaml": "/etc/passwd"}, modes={"base/link.yaml": "120000"})
    world.advance(world.deploy(make_manifests_release()))

    assert "symbolic links are not followed: base/link.yaml" in log_of()
    assert "apps/shop-web/link.yaml" not in files_of(world)


def test_several_sources_of_one_application_are_told_to_get_the_same_files(world, tmp_path, host):
    specs = [{"repoURL": world.repository.file_url, "path": f"apps/{name}", "name": name, "targetRevision": "main"} for name in ("one", "two")]
    application = world.applications[0]
    application.content = make_content("shop-web", sources=specs)
    application.save()
    application.sources.update(name="one", path="apps/one")
    make_source(application, position=1, name="two", path="apps/two", repo_url=world.repository.file_url)
    make_templates(tmp_path, verification="commit_created")
    world.advance(world.deploy(make_manifests_release()))

    assert "shop-web: its sources one, two all get the same files." in log_of()
    assert world.repository.read("apps/one/config.yaml") == world.repository.read("apps/two/config.yaml") == RENDERED


def test_the_dry_run_shows_new_changed_and_deleted_files_and_pushes_nothing(world, tmp_path, host):
    make_templates(tmp_path, purge_output=True)
    head = world.repository.head()
    [repository] = plan(release=make_manifests_release(), environment=make_environment()).repositories

    assert "--- /dev/null\n+++ b/apps/shop-web/config.yaml\n@@ -0,0 +1,6 @@\n+kind: ConfigMap\n" in repository.diff
    assert "--- a/apps/shop-web/web.yaml\n+++ /dev/null\n@@ -1,11 +0,0 @@\n-# the shop's web\n" in repository.diff
    assert world.repository.head() == head


def test_a_later_steps_error_fails_the_deployment_before_the_first_step_writes(world, tmp_path):
    set_variable("Password", is_sensitive=True)
    Step.objects.create(project=make_project(), position=1, name="Tags", verification="commit_created")
    make_templates(tmp_path, {"base/a.yaml": "a: #{Password}\nb: #{Octopus.Action[Tags].Output.ArgoCD.UpdatedApplications}\n"})
    release = make_manifests_release(images=["ghcr.io/acme/web:1.4.2"])
    head = world.repository.head()
    deployment = world.advance(world.deploy(release))

    sentence = "Step 2, Manifests: Not written: variable Password is sensitive and template a.yaml uses it in line 1, column 4. Nothing was changed in Git."
    assert (deployment.status, deployment.reason) == (DeploymentStatus.FAILED, f"Failed: {sentence}")
    assert world.repository.head() == head
    assert sentence in plan(release=release, environment=make_environment()).refusals


def test_both_steps_write_one_after_the_other(world, tmp_path, host):
    Step.objects.create(project=make_project(), position=1, name="Tags", verification="commit_created")
    make_templates(tmp_path, verification="commit_created")
    release = make_manifests_release(images=["ghcr.io/acme/web:1.4.2"])
    assert [(each.step, len(each.after)) for each in plan(release=release, environment=make_environment()).repositories] == [("Tags", 1), ("Manifests", 1)]
    deployment = world.advance(world.deploy(release))

    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason
    assert b"web:1.4.2" in world.repository.read("apps/shop-web/web.yaml")
    assert world.repository.read("apps/shop-web/config.yaml") == RENDERED


def test_purge_leaves_and_tells_what_cannot_be_written_down(world, tmp_path, host):
    world.repository.commit({"apps/shop-web/a\u200bb.yaml": "x"})
    make_templates(tmp_path, verification="commit_created", purge_output=True)
    deployment = world.advance(world.deploy(make_manifests_release()))

    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason
    assert len(files_of(world)) == 2
    assert "'apps/shop-web/a\\u200bb.yaml', below apps/shop-web, cannot be purged: such a name cannot be written down." in log_of()


def test_many_folders_of_one_repository_are_purged_together(world, tmp_path, host):
    for number in range(6):
        add_application(world, f"shop-{number}")
    world.repository.commit({f"apps/shop-{number}/old.yaml": "x" for number in range(6)})
    make_templates(tmp_path, verification="commit_created", purge_output=True)
    world.advance(world.deploy(make_manifests_release()))

    assert files_of(world) == sorted([f"apps/shop-{number}/config.yaml" for number in range(6)] + ["apps/shop-web/config.yaml"])
