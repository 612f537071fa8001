"""Answers that are JSON and not the host's: one sentence, whatever is asked."""

import pytest

from deployments.forges import CommitStatus, ForgeError, Outcome, UnexpectedAnswer
from simulator.forges.state import Fault
from tests.deployments.forges.worlds import proposal

ODD = ({}, [], [{}], 7, "shop", {"values": [{}], "value": [{}]}, {"values": 3, "value": 3}, {"errors": 3, "error": 3, "message": {"a": [1]}})
CALLS = {
    "find": lambda forge: forge.find(head="octo/x", base="main"),
    "state": lambda forge: forge.state(1),
    "close": lambda forge: forge.close(1),
    "create": lambda forge: forge.create(proposal()),
    "open_or_find": lambda forge: forge.open_or_find(proposal()),
    "comment": lambda forge: forge.comment(1, "hello"),
    "add_labels": lambda forge: forge.add_labels(1, ["octoargo"]),
    "request_reviewers": lambda forge: forge.request_reviewers(1, ["ada"]),
    "set_status": lambda forge: forge.set_status("0" * 40, CommitStatus(Outcome.WAITING, "gate", "https://octoargo.example.com/", branch="octo/x")),
    "check_rights": lambda forge: forge.check_rights(),
    "delete_branch": lambda forge: forge.delete_branch("octo/x"),
    "mergeable": lambda forge: forge.mergeable(1),
}


@pytest.mark.parametrize("status", [200, 409])
def test_an_answer_of_another_shape_is_a_sentence_or_harmless(simulator, status):
    told = []

    for content in ODD:
        for call in CALLS.values():
            simulator.state.faults = [Fault(status, content, times=99)]
            try:
                call(simulator.open())
            except ForgeError as error:
                told.append(str(error))

    assert len(told) > len(CALLS)
    assert [words for words in told if not words.rstrip().endswith(".")] == []


def test_a_pull_request_of_another_shape_is_told(simulator):
    simulator.state.faults = [Fault(200, {"id": 1}, times=99)]

    with pytest.raises(UnexpectedAnswer, match="is not its API"):
        simulator.forge.state(1)
