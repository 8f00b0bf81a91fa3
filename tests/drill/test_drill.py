"""The checker of the drill, and a short drill of the broker."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from app.core.events import AttemptStarted, JobFinished, Output, Stream
from app.core.outcomes import Outcome
from app.core.results import JobResult
from tests.drill.broker.kill_points import drill
from tests.drill.checker import History, JobLog, violations

GOOD = History(accepted=[0, 1, 2], finished=[2, 0], dead=[1], left=0)


def test_broker_loses_and_duplicates_no_message_at_20_random_faults(tmp_path: Path) -> None:
    report = drill(tmp_path, points=20, seed=random.randrange(10**6))

    assert report.violations == [], report.table()
    assert len(report.history.accepted) == 160
    assert report.restarted, "no message was interrupted"


def test_violations_is_empty_when_history_is_correct() -> None:
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
        ({"leftover_keys": ["out:1"]}, "key out:1 never expires"),
    ],
)
def test_violations_contains_line_when_history_is_wrong(change: dict[str, object], line: str) -> None:
    assert line in violations(dataclasses.replace(GOOD, **change))


RESULT = JobResult(outcome=Outcome.OK, message="", exit_code=0)
STARTED, ENDED = AttemptStarted(1), JobFinished(RESULT)
OUTPUT = [Output(Stream.STDOUT, part) for part in (b"1\n", b"2\n", b"3\n")]
PRINTED = b"1\n2\n3\n"
LOG = JobLog([STARTED, *OUTPUT, ENDED], RESULT, PRINTED)


def violations_of_log(log: JobLog, *, dead: bool = False) -> list[str]:
    ends = {"finished": [], "dead": ["j"]} if dead else {"finished": ["j"], "dead": []}
    return violations(History(accepted=["j"], left=0, logs={"j": log}, **ends))


def test_violations_is_empty_when_output_is_complete_or_job_is_dead_lettered() -> None:
    assert violations_of_log(LOG) == []
    assert violations_of_log(dataclasses.replace(LOG, events=[STARTED, *OUTPUT[:2], ENDED]), dead=True) == []


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"events": [STARTED, OUTPUT[0], OUTPUT[2], ENDED]}, "contains 4 bytes instead of its 6"),
        ({"events": [STARTED, *OUTPUT, OUTPUT[2], ENDED]}, "contains 8 bytes instead of its 6"),
        ({"events": [STARTED, OUTPUT[1], OUTPUT[0], OUTPUT[2], ENDED]}, "contains 6 bytes instead of its 6"),
        ({"events": [STARTED, *OUTPUT]}, "has no single result in its log"),
        ({"events": [STARTED, *OUTPUT, ENDED, ENDED]}, "has no single result in its log"),
        ({"events": [STARTED, ENDED, *OUTPUT]}, "has events after its result"),
        ({"events": [STARTED, STARTED, *OUTPUT, ENDED]}, "contains several attempts"),
        ({"events": [OUTPUT[0], STARTED, *OUTPUT[1:], ENDED]}, "does not start with its attempt"),
        ({"recorded": None}, "has different results in its record and its log"),
    ],
)
def test_violations_contains_line_when_log_is_wrong(change: dict[str, object], flaw: str) -> None:
    assert f"job j {flaw}" in violations_of_log(dataclasses.replace(LOG, **change))
