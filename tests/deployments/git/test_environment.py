import base64

import pytest

from deployments.git.environment import Credential


@pytest.mark.parametrize(
    ("username", "secret", "expected"),
    [
        ("octoargo", "s3cret", "octoargo"),
        ("ann@example.com", "ATATT3xFf", "x-bitbucket-api-token-auth"),
        ("ann@example.com", "s3cret", "ann@example.com"),
        ("x-token-auth", "ATCTT3xFf", "x-token-auth"),
    ],
)
def test_authorization_names_the_user_that_git_has_to_give(username, secret, expected):
    found = Credential(username, secret).authorization

    assert base64.b64decode(found.removeprefix("Basic ")).decode() == f"{expected}:{secret}"
