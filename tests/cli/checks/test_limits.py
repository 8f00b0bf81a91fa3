"""What the doctor tries."""

from __future__ import annotations

from app.cli.checks.limits import TRIALS
from app.core.limits import LIMITS


def test_every_limit_of_the_table_is_tried() -> None:
    assert {name for trial in TRIALS for name in trial.limits} == set(LIMITS)
