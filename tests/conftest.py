"""What all tests share: which of them a run takes, and no way out but 127.0.0.1."""

import socket
from typing import Any

import pytest
import structlog

DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server", "admin_client"}


# The default renderer draws every traceback at leisure: tens of seconds for one that holds a page's context.
structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


def _uses_database(item: pytest.Item) -> bool:
    return item.get_closest_marker("django_db") is not None or bool(DATABASE_FIXTURES & set(getattr(item, "fixturenames", [])))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, tests that touch no database have nothing new to tell."""
    if config.getoption("--database") == "postgresql":
        kept = [item for item in items if _uses_database(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """The PostgreSQL server is thrown away with its databases; dropping one first fails while a thread still holds a connection."""
    return bool(request.config.getoption("--database") == "postgresql" or request.config.getvalue("reuse_db"))


@pytest.fixture(autouse=True, scope="session")
def _only_loopback() -> Any:
    """A test that would reach another machine fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"A test tried to reach {address}.")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]
