"""Remembers what Git answered: what is in the files at a commit never changes, and a waiting deployment asks for it at each look."""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from deployments.steps.comparison import Answer, Question, ask

REMEMBERED = 20_000  # the answers for a few deployments to thousands of applications


class _Memory:
    """The newest answers of this process, by question. Other processes ask Git themselves."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Question, Answer] = OrderedDict()
        self._lock = Lock()

    def known(self, questions: Iterable[Question]) -> dict[Question, Answer]:
        with self._lock:
            return {question: answer for question in questions if (answer := self._answers.get(question)) is not None}

    def keep(self, answers: dict[Question, Answer]) -> None:
        with self._lock:
            self._answers.update(answers)
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)


_memory = _Memory()


def answers_to(questions: Iterable[Question]) -> dict[tuple[int, str], Answer]:
    """As `comparison.ask`, but Git is asked only what is not known yet. A question that names our commit always means the same records."""
    asked = list(dict.fromkeys(questions))
    known = _memory.known(asked)
    fresh = ask(question for question in asked if question not in known)
    found = {question: fresh[question.target_id, question.sha] for question in asked if question not in known}
    _memory.keep({question: answer for question, answer in found.items() if answer.is_present is not None})
    return {(question.target_id, question.sha): answer for question, answer in (known | found).items()}
