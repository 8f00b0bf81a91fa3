"""Whether the checker would notice; and the short form of `make drill` for the broker alone."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from app.core.events import AttemptStarted, JobFinished, Output, Stream
from app.core.outcomes import Outcome
from app.core.results import JobResult
from tests.drill.broker.kill_points import drill
from tests.drill.checker import History, Told, violations

GOOD = History(accepted=[0, 1, 2], finished=[2, 0], dead=[1], left=0)


def test_twenty_kill_points_lose_nothing_and_end_nothing_twice(tmp_path: Path) -> None:
    report = drill(tmp_path, points=20, seed=random.randrange(10**6))

    assert report.violations == [], report.table()
    assert len(report.history.accepted) == 160
    assert report.started_again, "nothing was ever interrupted: the drill drills nothing"


def test_a_good_history_passes() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"finished": [2]}, "message 0 was accepted and is lost"),
        ({"finished": [2, 0, 0]}, "message 0 ended 2 times"),
        ({"dead": [1, 1]}, "message 1 ended 2 times"),
        ({"finished": [2, 0, 1]}, "message 1 is both finished and dead"),
        ({"finished": [2, 0, 9]}, "message 9 ended and was never accepted"),
        ({"left": 1}, "1 entries are left over"),
        ({"containers": 2}, "2 containers are left over"),
        ({"strays": ["out:1"]}, "key out:1 is left for ever"),
    ],
)
def test_a_bad_history_is_told(change: dict[str, object], line: str) -> None:
    assert line in violations(dataclasses.replace(GOOD, **change))


RESULT = JobResult(outcome=Outcome.OK, message="", exit_code=0)
STARTED, ENDED = AttemptStarted(1), JobFinished(RESULT)
SAID = [Output(Stream.STDOUT, part) for part in (b"1\n", b"2\n", b"3\n")]
PRINTED = b"1\n2\n3\n"
TOLD = Told([STARTED, *SAID, ENDED], RESULT, PRINTED)


def told(job: Told, *, dead: bool = False) -> list[str]:
    ends = {"finished": [], "dead": ["j"]} if dead else {"finished": ["j"], "dead": []}
    return violations(History(accepted=["j"], left=0, told={"j": job}, **ends))


def test_a_whole_output_passes_and_so_does_the_beginning_of_one_in_a_job_that_died() -> None:
    assert told(TOLD) == []
    assert told(dataclasses.replace(TOLD, events=[STARTED, *SAID[:2], ENDED]), dead=True) == []


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"events": [STARTED, SAID[0], SAID[2], ENDED]}, "printed 4 bytes that are not its 6"),
        ({"events": [STARTED, *SAID, SAID[2], ENDED]}, "printed 8 bytes that are not its 6"),
        ({"events": [STARTED, SAID[1], SAID[0], SAID[2], ENDED]}, "printed 6 bytes that are not its 6"),
        ({"events": [STARTED, *SAID]}, "has no single result in its log"),
        ({"events": [STARTED, *SAID, ENDED, ENDED]}, "has no single result in its log"),
        ({"events": [STARTED, ENDED, *SAID]}, "says something after its result"),
        ({"events": [STARTED, STARTED, *SAID, ENDED]}, "shows several attempts"),
        ({"events": [SAID[0], STARTED, *SAID[1:], ENDED]}, "does not begin with its attempt"),
        ({"recorded": None}, "has another result in its record than in its log"),
    ],
)
def test_a_bad_log_is_told(change: dict[str, object], flaw: str) -> None:
    assert f"job j {flaw}" in told(dataclasses.replace(TOLD, **change))
