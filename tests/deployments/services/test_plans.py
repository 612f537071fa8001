"""The dry run shows exactly what the deployment then commits."""

import pytest

from deployments.services import NoMappedApplications, plan
from deployments.status import TargetOutcome
from simulator.forge import git
from tests.deployments.factories import add_application, make_release, make_world
from tests.factories import make_environment, make_tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
DIFF = """\
--- a/apps/shop-web/web.yaml
+++ b/apps/shop-web/web.yaml
@@ -8,4 +8,4 @@
     spec:
       containers:
         - name: web
-          image: ghcr.io/acme/web:1.4.1  # kept
+          image: ghcr.io/acme/web:1.4.2  # kept
"""


def test_plan_shows_the_diff_that_is_committed_and_pushes_nothing(tmp_path):
    world = make_world(tmp_path)
    release = make_release()
    head = world.repository.head()
    planned = plan(release=release, environment=make_environment())

    [repository] = planned.repositories
    assert repository.diff == DIFF
    assert (repository.branch, repository.head_sha, repository.applications) == ("main", head, ("shop-web",))
    assert repository.summary == "Deploy Shop 1.4.2 to Production"
    assert [note["code"] for note in planned.notes] == ["updated"]
    assert planned.has_changes
    assert world.repository.head() == head

    world.advance(world.deploy(release))
    patch = git("diff", "--no-color", "main~1", "main", cwd=world.repository.path)
    assert patch.splitlines()[4:] == DIFF.splitlines()[2:] or patch.split("+++", 1)[1].splitlines()[2:] == DIFF.splitlines()[3:]


def test_plan_of_what_is_already_there_changes_nothing_and_says_so(tmp_path):
    make_world(tmp_path, tag="1.4.2")
    planned = plan(release=make_release(), environment=make_environment())

    assert not planned.has_changes
    assert [target.outcome for target in planned.targets] == [TargetOutcome.ALREADY_THERE]
    assert [note["code"] for note in planned.notes] == ["already_there"]


def test_plan_tells_why_nothing_would_change_per_target_and_repository(tmp_path):
    world = make_world(tmp_path)
    add_application(world, "shop-chart", chart="shop", path=None, target_revision="2.1.0")
    add_application(world, "shop-gone", url=f"file://{tmp_path}/none.git")
    add_application(world, "shop-tag", target_revision="v9")
    planned = plan(release=make_release(), environment=make_environment())

    reasons = {target.application: target.reason for target in planned.targets}
    problems = {repository.url: repository.problem for repository in planned.repositories}
    assert "chart repository at 2.1.0" in reasons["shop-chart"]
    assert "was not found" in reasons["shop-gone"]
    assert "has no branch v9" in reasons["shop-tag"]
    assert reasons["shop-web"] == ""
    assert "was not found" in problems[f"file://{tmp_path}/none.git"]


def test_plan_without_applications_is_refused(tmp_path):
    make_world(tmp_path)
    with pytest.raises(NoMappedApplications):
        plan(release=make_release(), environment=make_environment(), tenant=make_tenant())
