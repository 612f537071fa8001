"""Prints, after the tests of this folder, how many cases there were per kind of source."""

import re
from collections import Counter

FOLDER = "tests/deployments/manifests/"
KINDS = {
    "directory": "Directory",
    "kustomize": "Kustomize",
    "helm": "Helm values",
    "ref": "Helm values by $ref",
    "multi": "Multi-source",
    "fuzz": "Hostile files",
}
_passed: Counter[str] = Counter()
_failed: Counter[str] = Counter()


def _kind(nodeid):
    words = re.split(r"[^a-z]+", nodeid.removeprefix(FOLDER).lower())
    return next((name for word, name in KINDS.items() if word in words), "References, records, paths")


def pytest_runtest_logreport(report):
    if report.nodeid.startswith(FOLDER) and (report.when == "call" or report.failed):
        (_passed if report.passed else _failed)[_kind(report.nodeid)] += 1


def pytest_terminal_summary(terminalreporter):
    if not _passed and not _failed:
        return
    terminalreporter.section("cases per kind of source")
    for kind in (*KINDS.values(), "References, records, paths"):
        terminalreporter.write_line(f"{kind:<28}{_passed[kind]:>6} passed{_failed[kind]:>6} failed")
    terminalreporter.write_line(f"{'All':<28}{_passed.total():>6} passed{_failed.total():>6} failed")
