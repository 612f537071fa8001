"""Prints how many cases each section of the language's page has; a case's name starts with its rule: `12.3 Format | ...`."""

import re
from collections import defaultdict

RULE = re.compile(r"\[((\d+)(?:\.\d+)? [^|\]]+?) \|")


def pytest_terminal_summary(terminalreporter):
    cases, rules = defaultdict(int), defaultdict(set)
    for report in terminalreporter.stats.get("passed", []):
        found = RULE.search(report.nodeid)
        if report.when == "call" and found:
            cases[int(found[2])] += 1
            rules[int(found[2])].add(found[1])
    if cases:
        terminalreporter.write_sep("-", "cases per section of the template language's page")
        for section in sorted(cases):
            terminalreporter.write_line(f"section {section:2}: {cases[section]:3} cases of {len(rules[section]):2} rules")
        terminalreporter.write_line(f"together:   {sum(cases.values()):3} cases of {sum(map(len, rules.values())):2} rules")
