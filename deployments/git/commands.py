"""Runs git, through GitPython, with a timeout on every call. Nothing here knows what the commands mean."""

import http.client
import os
import re
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import PIPE
from typing import Any
from urllib.parse import urlsplit

import git

from deployments.git.environment import HOME, SETTINGS, Access, Credential, process_environment
from deployments.git.errors import GitError, RepositoryMissing, RepositoryRefused, TooSlow
from deployments.git.ssh import explain_missing_program, open_session
from infrastructure.repositories import BadRepositoryUrl, RepositoryUrl, parse_url

LOCAL_TIMEOUT_S = 60.0
REDIRECTED = re.compile(r"returned error: 30[12378]|redirect", re.IGNORECASE)
PROBE = "/info/refs?service=git-upload-pack"


@dataclass(frozen=True)
class Result:
    """How a git process ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode(errors="replace")


class Commands:
    """git for one bare clone (or for none yet) and its host."""

    def __init__(self, access: Access, *, directory: Path, git_dir: Path | None = None) -> None:
        self.access = access
        self._home = directory / HOME
        self._git_dir = git_dir
        self._addresses: tuple[str, ...] | None = None  # checked once, then pinned

    @property
    def address(self) -> str:
        """What the user calls the repository."""
        return self.access.url.address

    def local(self, arguments: Sequence[str], *, feed: bytes | None = None) -> Result:
        """Run a command that calls no host."""
        return self._run(arguments, settings=[], feed=feed, timeout_s=LOCAL_TIMEOUT_S)

    def answer(self, arguments: Sequence[str], *, feed: bytes | None = None) -> bytes:
        """The output of a local command.

        Raises GitError when it fails.
        """
        result = self.local(arguments, feed=feed)
        if result.code:
            raise GitError(f"Git could not {arguments[0]} in the copy of {self.address}: {result.err.strip()[:300] or result.code}.")
        return result.out

    def remote(self, arguments: Callable[[str], Sequence[str]]) -> Result:
        """Run a command that calls the host; `arguments` gets the address to call.

        A redirect within the host is followed, once and for the life of this object; one to another host is refused.

        Raises TooSlow, RepositoryAway or RepositoryRefused; how the command itself ended is in the result.
        """
        result = self._call(arguments)
        if result.code and self.access.url.scheme != "ssh" and REDIRECTED.search(result.err) and self._follow_redirect():
            result = self._call(arguments)
        return result

    def _call(self, arguments: Callable[[str], Sequence[str]]) -> Result:
        if self._addresses is None:
            self._addresses = self.access.public_addresses()
        settings = self.access.settings(self._addresses)
        if self.access.url.scheme == "ssh":
            return self._call_over_ssh(arguments(self.access.remote), settings=settings, addresses=self._addresses)
        return self._run(arguments(self.access.remote), settings=settings, feed=None, timeout_s=self.access.timeout_s)

    def _call_over_ssh(self, arguments: Sequence[str], *, settings: list[tuple[str, str]], addresses: tuple[str, ...]) -> Result:
        """Raises what keeps ssh from reaching Git: the host's key, ours, or no way in common."""
        with open_session(self.access, addresses) as session:
            result = self._run(arguments, settings=settings, feed=None, timeout_s=self.access.timeout_s, environment=session.environment)
            if result.code == 0:
                return result
            session.check()
            explain_missing_program(result.err)
            return replace(result, err=f"{result.err}\n{session.said()}")

    def start(self, arguments: Sequence[str]) -> Any:
        """Start a local command that is fed through its stdin as long as the caller likes; a subprocess.Popen to the eye."""
        return self._start(arguments, settings=[], is_fed=True)

    def _run(
        self,
        arguments: Sequence[str],
        *,
        settings: list[tuple[str, str]],
        feed: bytes | None,
        timeout_s: float,
        environment: dict[str, str] | None = None,
    ) -> Result:
        process = self._start(arguments, settings=settings, is_fed=feed is not None, environment=environment)
        # A timer, because communicate(timeout=…) waits for the end in naps of a millisecond and more.
        is_late = threading.Event()
        timer = threading.Timer(timeout_s, end_late, (process, is_late))
        timer.daemon = True
        timer.start()
        try:
            out, err = process.communicate(feed)
        except BaseException:
            _kill(process)
            raise
        finally:
            timer.cancel()
        if is_late.is_set():
            raise TooSlow(f"{self.address} took longer than {timeout_s:g} s to answer.")
        return Result(process.returncode, out, self.access.without_secrets(err.decode(errors="replace")))

    def _start(self, arguments: Sequence[str], *, settings: list[tuple[str, str]], is_fed: bool, environment: dict[str, str] | None = None) -> Any:
        environment = process_environment(self._home, SETTINGS + settings) | (environment or {})
        environment["GIT_DIR"] = str(self._git_dir or self._home / "none")
        options: dict[str, Any] = {"istream": PIPE} if is_fed else {}
        try:
            # A session of its own, so that a timeout ends git's helpers too.
            return git.Git(str(self._home)).execute(["git", *arguments], as_process=True, env=environment, start_new_session=True, **options)
        except git.GitCommandNotFound as error:
            raise GitError("The program git was not found on this machine. Install it.") from error

    def _follow_redirect(self) -> bool:
        """Take over the address the host sends us to. False when it does not send us anywhere."""
        location = _location(self.access)
        if not location:
            return False
        try:
            target = parse_url(location.split("/info/refs")[0])
        except BadRepositoryUrl as error:
            raise RepositoryRefused(f"{self.address} sends us to an address that cannot be used: {error}") from error
        if target.server != self.access.url.server:
            raise RepositoryRefused(f"{self.address} has moved to {target.address}, another host. Use that address in the application.")
        self.access = replace(self.access, url=target)
        return True


def _location(access: Access) -> str:
    """Where the host redirects the first request of a fetch to; "" if nowhere."""
    url: RepositoryUrl = access.url
    headers = {"Authorization": access.credential.authorization} if isinstance(access.credential, Credential) else {}
    addresses = access.public_addresses()  # refuses what may not be called
    connection: http.client.HTTPConnection
    if url.scheme == "https":
        connection = http.client.HTTPSConnection(
            url.host, url.port, timeout=access.timeout_s, context=ssl.create_default_context(cafile=os.environ.get("GIT_SSL_CAINFO"))
        )
    else:
        connection = http.client.HTTPConnection(url.host, url.port, timeout=access.timeout_s)
    if addresses:  # what was checked is what is called
        connection._create_connection = lambda address, *rest: socket.create_connection((addresses[0], address[1]), *rest)  # type: ignore[attr-defined]  # http.client's own hook
    try:
        connection.request("GET", urlsplit(url.address).path + PROBE, headers=headers)
        location = connection.getresponse().getheader("Location") or ""
    except (OSError, http.client.HTTPException) as error:
        raise RepositoryMissing(f"{url.address} sends us to another address, which could not be found out.") from error
    finally:
        connection.close()
    return url.server + location if location.startswith("/") and not location.startswith("//") else location


def end_late(process: Any, is_late: threading.Event) -> None:
    """What a timer does to a process that takes too long."""
    is_late.set()
    _kill(process)


def _kill(process: Any) -> None:
    """End git and its helpers."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
