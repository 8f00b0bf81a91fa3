"""The checker and the report of the drill, and a short drill of the broker."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import pytest

from app.core.job.events import AttemptStarted, JobFinished, Output, Stream
from app.core.job.results import JobResult
from app.core.outcomes import Outcome
from tests.drill import drill as drill_command
from tests.drill.broker.kill_points import drill as drill_broker
from tests.drill.checker import History, JobLog, find_duplicated, find_lost, violations
from tests.drill.report import Row, write_row
from tests.drill.restarts import count_restart_reasons, read_log_events

GOOD = History(accepted=[0, 1, 2], finished=[2, 0], dead=[1], left=0)


def test_broker_loses_and_duplicates_no_message_at_20_random_faults(tmp_path: Path) -> None:
    report = drill_broker(tmp_path, points=20, seed=random.randrange(10**6))

    assert report.violations == [], report.table()
    assert len(report.history.accepted) == 160
    assert report.history.restarted, "no message was interrupted"


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
        ({"others": ["a worker paused"]}, "a worker paused"),
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
        ({"attempt": 2}, "was started again after the attempt in its log"),
        ({"seen": ("ok", 2)}, "was seen as ('ok', 2) and ended as ('ok', 1)"),
        ({"recorded": None}, "has different results in its record and its log"),
    ],
)
def test_violations_contains_line_when_log_is_wrong(change: dict[str, object], flaw: str) -> None:
    assert f"job j {flaw}" in violations_of_log(dataclasses.replace(LOG, **change))


def test_lost_and_duplicated_messages_are_found() -> None:
    history = dataclasses.replace(GOOD, finished=[2, 2], logs={"j": JobLog([STARTED, STARTED, ENDED], RESULT, b"")})

    assert find_lost(history) == [0]
    assert find_duplicated(history) == [2, "j"]


# --- reasons of restarts


def write_log(folder: Path, *events: dict[str, object]) -> Path:
    log = folder / "worker-1.log"
    lines = [json.dumps({"timestamp": f"{number}", **event}) for number, event in enumerate(events)]
    log.write_text("\n".join(["Traceback", *lines, '{"job_id": "cut off']))
    return log


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([{"event": "sandbox_taken", "worker": "host:1:a"}], "worker killed"),
        ([{"event": "sandbox_taken", "worker": "host:2:a"}], "released at the deadline of a shutdown"),
        ([{"event": "sandbox_taken", "worker": "host:3:a"}], "reason unknown"),
        ([{"event": "job_fenced", "worker": "host:3:a"}], "lease expired"),
        ([{"event": "job_ended", "worker": "host:3:a"}], "lease expired"),
        ([], "worker killed"),
        (
            [{"event": "job_released", "worker": "host:2:a"}, {"event": "sandbox_taken", "worker": "host:1:a"}],
            "worker killed",
        ),
        ([{"event": "job_attempt_failed", "worker": "host:1:a", "error": "SandboxLost: gone"}], "engine failed"),
        (
            [
                {
                    "event": "job_attempt_failed",
                    "worker": "host:1:a",
                    "error": "InfrastructureError: Redis did not answer",
                }
            ],
            "Redis did not answer",
        ),
    ],
)
def test_restart_reason_is_found_in_the_events_of_the_lost_attempt(
    tmp_path: Path, events: list[dict[str, object]], reason: str
) -> None:
    log = write_log(tmp_path, *({**event, "job_id": "j", "attempt": 1} for event in events))

    reasons = count_restart_reasons({"j": 2, "other": 1}, read_log_events([log]), killed={1}, terminated={2})

    assert reasons == {reason: 1}


# --- report


def test_write_row_replaces_the_row_of_a_scenario_and_states_its_seed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- drill -->\nhead\n|---|\n| clock | old |\n| other | kept |\n<!-- /drill -->\nafter\n")

    write_row(Row("clock", "clocks are set", 42, accepted=3, restarted=1, restarts={"worker killed": 2}), page)

    text = page.read_text()
    assert "old" not in text
    assert "| other | kept |" in text
    assert "| 1 (worker killed: 2) |" in text
    assert ", seed 42 |" in text
    assert text.endswith("<!-- /drill -->\nafter\n")


@pytest.mark.parametrize("arguments", [["--seed", "42"], []])
def test_drill_prints_its_seed_and_repeats_its_choices(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    rows: list[Row] = []

    def run_scenario(name: str, folder: Path, seed: int) -> Row:
        assert folder.is_dir()
        return Row(name, "no fault", seed, summary=f"{random.Random(seed).random()}")

    monkeypatch.setattr(drill_command, "_run_scenario", run_scenario)
    monkeypatch.setattr(drill_command, "write_row", rows.append)
    monkeypatch.setattr("sys.argv", ["drill", "--only", "clock", "steps", *arguments])

    assert drill_command.main() == 0

    seed = int(capsys.readouterr().out.split("seed ")[1].split()[0])
    assert not arguments or seed == 42
    assert [(row.name, row.seed, row.summary) for row in rows] == [
        (name, seed, f"{random.Random(seed).random()}") for name in ("clock", "steps")
    ]
