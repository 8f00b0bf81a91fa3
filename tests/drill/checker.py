"""What must be true of a history, however many things were killed while it was made. Every drill is judged by this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.events import AttemptStarted, Event, JobFinished, Output

__all__ = ["History", "Told", "violations"]


@dataclass(frozen=True)
class Told:
    """What the output log of one job says, and what its program prints.

    Attributes:
        recorded: the result that its record has, None when it has none.
        printed: by the program on stdout, when it is run once and to its end.
    """

    events: Sequence[Event]
    recorded: object
    printed: bytes


@dataclass(frozen=True)
class History:
    """How a drill ended. What was accepted is known by a number, or by a job's id.

    Attributes:
        accepted: the enqueue was confirmed.
        finished: as the finishes wrote it, in their order.
        dead: one for each dead letter.
        left: entries that are still waiting, held or delayed, after two sweeps.
        told: of jobs alone, what their viewers see.
        containers: those that are still there after two sweeps.
        strays: keys that will never go away, though no job needs them.
    """

    accepted: Collection[int | str]
    finished: Sequence[int | str]
    dead: Sequence[int | str]
    left: int
    told: Mapping[str, Told] = field(default_factory=dict)
    containers: int = 0
    strays: Sequence[str] = ()


def violations(history: History) -> list[str]:
    """One line for each broken promise: every accepted message ends exactly once, finished or dead; its output is whole
    and there once; nothing else is."""
    ends = Counter(history.finished) + Counter(history.dead)
    accepted = set(history.accepted)
    both = set(history.finished) & set(history.dead)
    lines = [f"message {number} was accepted and is lost" for number in _sorted(accepted - ends.keys())]
    lines += [f"message {number} ended {ends[number]} times" for number in _sorted(ends) if ends[number] > 1]
    lines += [f"message {number} is both finished and dead" for number in _sorted(both)]
    lines += [f"message {number} ended and was never accepted" for number in _sorted(ends.keys() - accepted)]
    lines += [f"{history.left} entries are left over"] if history.left else []
    lines += [f"{history.containers} containers are left over"] if history.containers else []
    lines += [f"key {key} is left for ever" for key in history.strays]
    dead = set(history.dead)
    return lines + [
        f"job {job_id} {flaw}" for job_id, told in history.told.items() for flaw in _flaws(told, job_id in dead)
    ]


def _flaws(told: Told, is_dead: bool) -> list[str]:
    """What is wrong with one job's log."""
    results = [event.result for event in told.events if isinstance(event, JobFinished)]
    starts = sum(isinstance(event, AttemptStarted) for event in told.events)
    printed = b"".join(event.data for event in told.events if isinstance(event, Output))
    whole = told.printed.startswith(printed) if is_dead else printed == told.printed
    checks = {
        "has no single result in its log": len(results) == 1,
        "has another result in its record than in its log": [told.recorded] == results,
        "says something after its result": bool(told.events) and isinstance(told.events[-1], JobFinished),
        "shows several attempts": starts <= 1 and (starts == 1 or is_dead),
        "does not begin with its attempt": not starts or isinstance(told.events[0], AttemptStarted),
        f"printed {len(printed)} bytes that are not its {len(told.printed)}": whole,
    }
    return [flaw for flaw, holds in checks.items() if not holds]


def _sorted(names: Collection[int | str]) -> list[int | str]:
    return sorted(names, key=lambda name: (isinstance(name, str), name))
