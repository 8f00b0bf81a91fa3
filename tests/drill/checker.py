"""The invariants that every drill checks: each accepted message ends exactly once, with complete output.

The history is checked as that of a register that is written once: a job that was seen finished stays finished.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.job.events import AttemptStarted, Event, JobFinished, Output
from app.core.job.results import JobResult

__all__ = ["History", "JobLog", "find_duplicated", "find_lost", "violations"]


@dataclass(frozen=True)
class JobLog:
    """The output log of one job and the output that its program should have.

    Attributes:
        events: All events of the log.
        recorded: Result in the record of the job, None if it has none.
        printed: Standard output of one complete run of the program.
        attempt: Number of the last attempt in the record of the job, 0 if it was not started.
        seen: Outcome and attempt of the finished job when a client read it during the drill, None if none did.
    """

    events: Sequence[Event]
    recorded: JobResult | None
    printed: bytes
    attempt: int = 1
    seen: tuple[str, int] | None = None


@dataclass(frozen=True)
class History:
    """The end of a drill. A message is identified by a number or by the id of its job.

    Attributes:
        accepted: Messages whose enqueue was confirmed.
        finished: Finished messages, one entry per finish.
        dead: Dead-lettered messages, one entry per dead letter.
        left: Number of entries that wait, are held or are delayed after two recoveries.
        logs: Output logs of jobs, by job id.
        containers: Number of containers that exist after the reaper has run twice.
        leftover_keys: Keys without an expiry that no job needs.
        recovery_seconds: Time from the end of the last fault until all messages that were accepted before had ended.
        restarts: Number of lost attempts by reason.
        restarted: Number of messages that were started more than once.
        others: Violations of an expectation of the scenario.
    """

    accepted: Collection[int | str]
    finished: Sequence[int | str]
    dead: Sequence[int | str]
    left: int
    logs: Mapping[str, JobLog] = field(default_factory=dict)
    containers: int = 0
    leftover_keys: Sequence[str] = ()
    recovery_seconds: float = 0.0
    restarts: Mapping[str, int] = field(default_factory=dict)
    restarted: int = 0
    others: Sequence[str] = ()


def find_lost(history: History) -> list[int | str]:
    """Return the accepted messages that did not end."""
    return _sorted(set(history.accepted) - {*history.finished, *history.dead})


def find_duplicated(history: History) -> list[int | str]:
    """Return the messages that ended more than once, or whose output log contains more than one result or attempt."""
    ends = Counter(history.finished) + Counter(history.dead)
    repeated = {
        job_id
        for job_id, log in history.logs.items()
        for kind in (JobFinished, AttemptStarted)
        if sum(isinstance(event, kind) for event in log.events) > 1
    }
    return _sorted({message for message, count in ends.items() if count > 1} | repeated)


def violations(history: History) -> list[str]:
    """Return one line for each violation of an invariant.

    Every accepted message ends exactly once, finished or dead-lettered. Its output is complete and appears once. A job
    that a client has seen finished keeps its result and is not started again. No entries, containers or keys are left.
    """
    ends = Counter(history.finished) + Counter(history.dead)
    accepted = set(history.accepted)
    both = set(history.finished) & set(history.dead)
    lines = [f"message {number} was accepted and is lost" for number in find_lost(history)]
    lines += [f"message {number} ended {ends[number]} times" for number in _sorted(ends) if ends[number] > 1]
    lines += [f"message {number} is both finished and dead" for number in _sorted(both)]
    lines += [f"message {number} ended and was never accepted" for number in _sorted(ends.keys() - accepted)]
    lines += [f"{history.left} entries are left over"] if history.left else []
    lines += [f"{history.containers} containers are left over"] if history.containers else []
    lines += [f"key {key} never expires" for key in history.leftover_keys]
    lines += history.others
    dead = set(history.dead)
    return lines + [
        f"job {job_id} {flaw}" for job_id, log in history.logs.items() for flaw in _flaws(log, job_id in dead)
    ]


def _flaws(log: JobLog, is_dead: bool) -> list[str]:
    """Return the violations in the log of one job. The output of a dead-lettered job may be incomplete."""
    results = [event.result for event in log.events if isinstance(event, JobFinished)]
    attempts = [event.attempt for event in log.events if isinstance(event, AttemptStarted)]
    starts = len(attempts)
    end = None if log.recorded is None else (log.recorded.outcome.value, log.attempt)
    printed = b"".join(event.data for event in log.events if isinstance(event, Output))
    is_complete = log.printed.startswith(printed) if is_dead else printed == log.printed
    checks = {
        "has no single result in its log": len(results) == 1,
        "has different results in its record and its log": [log.recorded] == results,
        "has events after its result": bool(log.events) and isinstance(log.events[-1], JobFinished),
        "contains several attempts": starts <= 1 and (starts == 1 or is_dead),
        "was started again after the attempt in its log": attempts[-1:] in ([], [log.attempt]),
        f"was seen as {log.seen} and ended as {end}": log.seen in (None, end),
        "does not start with its attempt": not starts or isinstance(log.events[0], AttemptStarted),
        f"contains {len(printed)} bytes instead of its {len(log.printed)}": is_complete,
    }
    return [flaw for flaw, holds in checks.items() if not holds]


def _sorted(names: Collection[int | str]) -> list[int | str]:
    return sorted(names, key=lambda name: (isinstance(name, str), name))
