"""How much our Git work costs beside the least that git itself needs: `python -m benchmarks.git`.

Baseline and candidate take turns in the same run, and medians are compared, so that the machine's mood counts for both.
"""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from deployments.git import Author, Credential, Mirror, Reader
from simulator.forge import BareRepository, git, make_repository, running

APPLICATIONS = 100
FILES_PER_APPLICATION = 10
PUSH_ROUNDS = 14
READ_ROUNDS = 6
REVISIONS = 10
PUSH_GOAL = 1.7
READ_GOAL = 2.5
AUTHOR = Author("Octoargo", "octoargo@localhost")
USER = ("octoargo", "benchmark")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        repository = _make_shop(root)
        with running(root, users=dict([USER])) as server:
            _report_push("over HTTP", root, repository, f"{server.url}/shop.git", Credential(*USER))
        _report_push("over file://", root, repository, repository.file_url, None)
        _report_reads(root, repository)


def _make_shop(root: Path) -> BareRepository:
    """A repository of 100 applications with ten files each and a history."""
    files: dict[str, bytes | str | None] = {
        f"apps/app-{number:03}/file-{file}.yaml": _manifest(number, file, "1.0.0") for number in range(APPLICATIONS) for file in range(FILES_PER_APPLICATION)
    }
    repository = make_repository(root / "shop.git", files)
    for number in range(50):
        repository.commit({"notes.md": f"{number}\n"}, message=f"Note {number}")
    git("repack", "-a", "-d", "--quiet", cwd=repository.path)
    git("config", "receive.autogc", "false", cwd=repository.path)  # else the host tidies up in the middle of whosever turn it is
    return repository


def _manifest(number: int, file: int, tag: str) -> str:
    lines = "".join(f"    # line {line} of file {file}\n" for line in range(20))
    return f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{number}\nspec:\n{lines}    image: ghcr.io/acme/web:{tag}\n"


def _report_push(way: str, root: Path, repository: BareRepository, url: str, credential: Credential | None) -> None:
    mirror = Mirror(url, directory=root / "mirrors", credential=credential, allow_private=True, allow_file=True)
    mirror.fetch("main")
    ours, bare = [], []
    for turn in range(PUSH_ROUNDS):
        for is_ours in _turns(turn):
            if is_ours:
                base = mirror.fetch("main")
                ours.append(_seconds(partial(_deploy, mirror, base, f"2.{turn}.0")))
                assert int(git("rev-list", "--count", f"{base}..main", cwd=repository.path)) == 1, "not one commit"
            else:
                ready = _ready_commit(root, repository, turn)
                bare.append(_seconds(partial(_bare_push, ready, url, credential)))
    ratio = statistics.median(ours) / statistics.median(bare)
    print(
        f"commit and push of one tag to {APPLICATIONS} applications in one repository, {way}, one commit: "
        f"{_ms(ours)} against {_ms(bare)} for a bare git push of a ready commit: x {ratio:.2f} (goal <= {PUSH_GOAL})",
        flush=True,
    )


def _deploy(mirror: Mirror, base: str, tag: str) -> None:
    def edit(reader: Reader) -> dict[str, bytes | None]:
        paths = [f"apps/app-{number:03}/file-0.yaml" for number in range(APPLICATIONS)]
        return {path: _with_tag(content, tag) for path, content in reader.read_files(paths).items() if content is not None}

    pushed = mirror.commit_and_push("main", base, edit, f"Deploy {tag}", AUTHOR, f"{mirror.address} {tag}")
    assert pushed.is_new


def _with_tag(content: bytes, tag: str) -> bytes:
    head, _, _ = content.rpartition(b":")
    return head + f":{tag}\n".encode()


def _ready_commit(root: Path, repository: BareRepository, turn: int) -> Path:
    """A clone with a commit of the same size that waits to be pushed."""
    clone = root / "ready.git"
    if not clone.exists():
        git("init", "--quiet", "--bare", "--initial-branch=main", str(clone))
    git("fetch", "--quiet", str(repository.path), "+main:main", cwd=clone)
    BareRepository(clone).commit({f"apps/app-{number:03}/file-0.yaml": _manifest(number, 0, f"3.{turn}.0") for number in range(APPLICATIONS)}, message="Ready")
    return clone


def _bare_push(clone: Path, url: str, credential: Credential | None) -> None:
    environment = dict(os.environ)
    if credential is not None:
        environment |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraHeader", "GIT_CONFIG_VALUE_0": f"Authorization: {credential.authorization}"}
    # No timeout: with one, Python waits in naps that double, and 20 ms would be measured as 32.
    subprocess.run(["git", "push", "--quiet", url, "main:main"], cwd=clone, env=environment, check=True)


def _report_reads(root: Path, repository: BareRepository) -> None:
    revisions = git("rev-list", f"--max-count={REVISIONS}", "main", cwd=repository.path).split()
    mirror = Mirror(repository.file_url, directory=root / "reading", allow_file=True)
    mirror.fetch("main")
    clone = next((root / "reading").glob("*.git"))
    wanted = [(sha, f"apps/app-{number:03}/file-{file}.yaml") for sha in revisions for number in range(APPLICATIONS) for file in range(FILES_PER_APPLICATION)]
    ours, bare = [], []
    for turn in range(READ_ROUNDS):
        for is_ours in _turns(turn):
            if is_ours:
                ours.append(_seconds(partial(_read, mirror, wanted)))
            else:
                bare.append(_seconds(partial(_pipelined, clone, wanted)))
    ratio = statistics.median(ours) / statistics.median(bare)
    print(
        f"reads for drift of {REVISIONS * APPLICATIONS:,} (application, revision) pairs, {FILES_PER_APPLICATION} files each: "
        f"{_ms(ours)} against {_ms(bare)} for one pipelined git cat-file --batch: x {ratio:.2f} (goal <= {READ_GOAL})",
        flush=True,
    )


def _read(mirror: Mirror, wanted: list[tuple[str, str]]) -> None:
    assert all(mirror.ensure_commits(sha for sha, _ in wanted).values())
    found = mirror.read_many(wanted)
    assert len(found) == len(wanted)
    assert all(found.values())


def _pipelined(clone: Path, wanted: list[tuple[str, str]]) -> None:
    feed = "".join(f"{sha}:{path}\n" for sha, path in wanted).encode()
    subprocess.run(["git", "cat-file", "--batch", "--buffer"], cwd=clone, input=feed, stdout=subprocess.PIPE, check=True)


def _turns(turn: int) -> tuple[bool, bool]:
    """Who goes first changes each time."""
    return (True, False) if turn % 2 else (False, True)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _ms(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.0f} ms"


if __name__ == "__main__":
    main()
