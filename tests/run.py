"""python -m tests.run [phase …]: the whole suite in phases, and how many tests ran on what. Exit code 1 if any failed."""

import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

PARALLEL = ["-n", "2", "--dist", "loadfile"]


@dataclass(frozen=True)
class Phase:
    """One run of pytest."""

    name: str
    arguments: list[str]


@dataclass(frozen=True)
class Result:
    phase: Phase
    passed: int
    failed: int
    seconds: float
    exit_code: int


TIMED = ["tests/simulator", "tests/contract", "tests/gateway", "tests/chart"]  # programs with clocks: one after another
ON_DATABASE = ["tests/infrastructure", "tests/deployments", "tests/octoargo"]
QUICK = ["-m", "not journey and not browser"]

PHASES = [
    Phase("SQLite", [*PARALLEL, *QUICK, *[f"--ignore={folder}" for folder in TIMED]]),
    Phase("PostgreSQL", [*PARALLEL, "--database", "postgresql", *QUICK, *ON_DATABASE]),
    Phase("Redis", ["--database", "postgresql", "--broker", "redis", "-m", "worker", "tests/octoargo"]),
    Phase("Programs", [*QUICK, *TIMED]),
    Phase("Journeys", ["-m", "journey or browser"]),
]


def run(phase: Phase) -> Result:
    report = Path(tempfile.mkdtemp()) / "report.xml"
    print(f"==== {phase.name} ====", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *phase.arguments]
    exit_code = subprocess.run(command).returncode
    passed = failed = 0
    if report.exists():
        suite = next(ElementTree.parse(report).iter("testsuite"))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        passed = int(suite.get("tests", 0)) - failed - int(suite.get("skipped", 0))
    return Result(phase, passed, failed, time.monotonic() - started, exit_code)


def main(names: list[str]) -> int:
    chosen = [phase for phase in PHASES if not names or phase.name.lower() in names]
    results = [run(phase) for phase in chosen]
    print("==== Summary ====")
    for result in results:
        print(f"{result.phase.name + ':':<12} {result.passed} passed, {result.failed} failed in {result.seconds:.0f} s")
    print(f"{sum(result.passed for result in results)} passed, {sum(result.failed for result in results)} failed")
    return int(any(result.exit_code != 0 or result.passed == 0 for result in results))


if __name__ == "__main__":
    sys.exit(main([name.lower() for name in sys.argv[1:]]))
