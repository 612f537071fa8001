"""What a release's page says of the process it keeps."""

import pytest

from deployments.dashboard.release import step_lines
from deployments.models import Release

HEALTHY = {"name": "S", "kind": "update_images", "verification": "application_healthy", "timeout_s": 180}


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (HEALTHY, "S, until healthy within 180 s"),
        ({**HEALTHY, "trigger_sync": True}, "S, until healthy within 180 s, with sync"),
        ({**HEALTHY, "verification": "commit_created"}, "S, until committed"),
        ({**HEALTHY, "verification": "pull_request_merged", "commit_method": "pull_request"}, "S, by pull request, until merged"),
        (
            {**HEALTHY, "commit_method": "per_environment", "pull_request_environments": ["production"], "waits_forever": True},
            "S, by pull request in production, until healthy",
        ),
        ({**HEALTHY, "kind": "update_manifests", "purge_output": True}, "S, purges its output folders, until healthy within 180 s"),
        ({**HEALTHY, "kind": "wait_for_applications", "wait_for": "exists"}, "S, until its applications exist within 180 s"),
        (
            {**HEALTHY, "kind": "wait_for_applications", "wait_for": "healthy", "expected_count": 3, "waits_forever": True},
            "S, until 3 applications are healthy",
        ),
    ],
)
def test_step_lines_tell_how_it_writes_and_when_it_is_done(step, line):
    assert step_lines(Release(process=[step])) == [line]
