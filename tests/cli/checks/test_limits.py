"""Trials of the limits in ``pyxec doctor``."""

from __future__ import annotations

from app.cli.checks.limits import TRIALS
from app.core.limits import LIMITS


def test_trials_cover_every_limit() -> None:
    assert {name for trial in TRIALS for name in trial.limits} == set(LIMITS)
