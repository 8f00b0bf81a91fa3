"""The tests of a job that have not started."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from enum import Enum, auto

from app.core.execution.job_judge import JobJudge
from app.core.judging.cases import CaseSpec

__all__ = ["NoTest", "TestQueue"]


class NoTest(Enum):
    """Why a lane gets no test.

    ``WAIT``: it gets one later. ``END``: the lane must end.
    """

    WAIT = auto()
    END = auto()


class TestQueue:
    """Gives each test of a job to one lane, in the order of the tests. Thread-safe.

    The execution plan of a lane is fixed, so that all its tests have the same arguments and limits.

    Args:
        cases: The tests of the job.
        judge: Decides whether the job has stopped before a test.
        has_room: Returns whether the output of a test can be held in memory.
    """

    __test__ = False  # for pytest

    def __init__(
        self, cases: Sequence[CaseSpec], judge: JobJudge, has_room: Callable[[CaseSpec], bool] = lambda case: True
    ) -> None:
        self._cases = list(cases)
        self._judge = judge
        self._has_room = has_room
        self._lock = threading.Lock()

    def find_group(self) -> tuple[CaseSpec, ...]:
        """Return the first test that has not started, and the later ones with the same arguments and limits."""
        with self._lock:
            if not self._cases or not self._judge.may_start(self._cases[0].name):
                return ()
            return tuple(case for case in self._cases if _are_alike(case, self._cases[0]))

    def take(self, example: CaseSpec | None = None) -> CaseSpec | NoTest:
        """Return the next test, which no other call returns.

        Args:
            example: A test with the arguments and limits that it must have. None for any.
        """
        with self._lock:
            alike = (case for case in self._cases if example is None or _are_alike(case, example))
            case = next(alike, None)
            if case is None or not self._judge.may_start(case.name):
                return NoTest.END
            if not self._has_room(case):
                # The lane of the first test has to make room, if there is one.
                return NoTest.WAIT if case is self._cases[0] else NoTest.END
            self._cases.remove(case)
            return case

    def clear(self) -> None:
        """Give no other test to any lane."""
        with self._lock:
            self._cases.clear()


def _are_alike(case: CaseSpec, other: CaseSpec) -> bool:
    return (case.args, case.limits) == (other.args, other.limits)
