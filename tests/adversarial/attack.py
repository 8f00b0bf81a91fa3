"""One attack: a job, how it may end, and what more must be true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.adversarial.pit import Pit
from tests.sandbox.sandbox_fixture import JobRun, job

__all__ = ["Attack", "launch", "table"]


@dataclass(frozen=True)
class Attack:
    """``outcomes`` are all that are right; ``holds`` is asked of the job that ended in one of them."""

    behaviour: str
    language: str
    source: str
    outcomes: str
    holds: Callable[[JobRun], bool] = lambda ran: True
    settings: dict[str, Any] = field(default_factory=dict)


def table(*attacks: Attack) -> Any:
    """A test for each, named by its behaviour."""
    return pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.behaviour) for attack in attacks])


def launch(pit: Pit, attack: Attack) -> JobRun:
    """Run it, and check all that is asked of it. That it is over in time, the pit does."""
    ran = pit.run(job(attack.language, attack.source, **{"wall_seconds": 2.0, **attack.settings}))
    tail = f"{ran.verdict.message}; stdout {ran.stdout[-300:]!r}; stderr {ran.stderr[-300:]!r}"
    assert ran.outcome in attack.outcomes.split(), f"{ran.outcome}: {tail}"
    assert attack.holds(ran), tail
    return ran
