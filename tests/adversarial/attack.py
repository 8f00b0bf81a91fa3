"""An attack: a job, its permitted outcomes, and a condition on its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.patience import patient
from tests.sandbox.sandbox_fixture import JobRun, job

__all__ = ["Attack", "launch", "table"]

ATTACK_SECONDS = patient(2.0)


@dataclass(frozen=True)
class Attack:
    """An attack.

    Attributes:
        behaviour: Name of the attack, the id of the test.
        language: Language of the program.
        source: The program.
        outcomes: Permitted outcomes, separated by spaces.
        holds: Condition on a result with a permitted outcome.
        settings: Other fields of the job.
    """

    behaviour: str
    language: str
    source: str
    outcomes: str
    holds: Callable[[JobRun], bool] = lambda ran: True
    settings: dict[str, Any] = field(default_factory=dict)


def table(*attacks: Attack) -> Any:
    """Parametrise a test with attacks."""
    return pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.behaviour) for attack in attacks])


def launch(sandbox: BoundedSandbox, attack: Attack) -> JobRun:
    """Run an attack and check its outcome and its condition."""
    ran = sandbox.run(job(attack.language, attack.source, **{"wall_seconds": ATTACK_SECONDS, **attack.settings}))
    tail = f"{ran.verdict.message}; stdout {ran.stdout[-300:]!r}; stderr {ran.stderr[-300:]!r}"
    assert ran.outcome in attack.outcomes.split(), f"{ran.outcome}: {tail}"
    assert attack.holds(ran), tail
    return ran
