"""What tests of deployments share."""

from contextlib import contextmanager

import pytest

from octoargo.celery import app


@pytest.fixture
def mirrors(tmp_path, settings):
    """Mirrors of this test's own."""
    settings.MIRRORS_DIR = tmp_path / "mirrors"
    return settings.MIRRORS_DIR


@contextmanager
def tasks_in_process():
    """Tasks run where they are called, as a worker would run them."""
    before = app.conf.task_always_eager
    app.conf.task_always_eager = True
    try:
        yield
    finally:
        app.conf.task_always_eager = before
