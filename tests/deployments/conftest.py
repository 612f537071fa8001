"""What tests of deployments share."""

import pytest


@pytest.fixture
def mirrors(tmp_path, settings):
    """Mirrors of this test's own."""
    settings.MIRRORS_DIR = tmp_path / "mirrors"
    return settings.MIRRORS_DIR
