"""The time that all phases of a job together may take."""

from __future__ import annotations

import math

import pytest

from app.core.execution import budget as budget_module
from app.core.execution.budget import JobBudget
from app.core.limits import TotalLimits
from app.core.outcomes import StopReason
from tests.actors.in_memory_sandbox import phase_report


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic time that the budget reads."""
    times = [100.0]
    monkeypatch.setattr(budget_module.time, "monotonic", lambda: times[0])
    return times


def test_deadline_is_the_time_that_is_left_for_the_running_phase(now: list[float]) -> None:
    budget = JobBudget(TotalLimits(wall_seconds=2, cpu_seconds=10))
    assert budget.deadline == math.inf

    budget.start_phase(1)
    assert budget.deadline == 102
    budget.end_phase(1, phase_report())  # 0.5 s
    assert budget.deadline == math.inf
    now[0] = 101.0
    budget.start_phase(1)

    assert budget.deadline == 102.5
    assert not budget.is_exhausted()
    now[0] = 102.5
    assert budget.is_exhausted()
    assert budget.exhausted is StopReason.WALL_TIME


def test_phases_at_the_same_time_use_up_the_budget_together(now: list[float]) -> None:
    budget = JobBudget(TotalLimits(wall_seconds=6, cpu_seconds=10))
    budget.start_phase("a")
    assert budget.deadline == 106
    now[0] = 102.0
    budget.start_phase("b")
    assert budget.deadline == 104  # 2 + 2 + 2
    budget.end_phase("b", phase_report())  # 0.5 s
    assert budget.deadline == 105.5

    now[0] = 105.5
    assert budget.is_exhausted()
    assert budget.end_phase("a", phase_report(None, StopReason.CANCELLED)).stopped_by is StopReason.WALL_TIME


def test_budget_stays_exhausted_at_its_first_limit(now: list[float]) -> None:
    budget = JobBudget(TotalLimits(cpu_seconds=0.5))
    budget.end_phase(1, phase_report())  # 0.25 s of processor time
    assert not budget.is_exhausted()
    budget.end_phase(1, phase_report())

    assert [budget.is_exhausted(), budget.is_exhausted()] == [True, True]
    assert budget.exhausted is StopReason.CPU_TIME
    assert budget.deadline == math.inf


@pytest.mark.parametrize(
    ("stopped_by", "reported"),
    [
        (StopReason.CANCELLED, StopReason.CPU_TIME),
        (StopReason.OUTPUT, StopReason.OUTPUT),
        (StopReason.NONE, StopReason.NONE),
    ],
)
def test_end_phase_reports_the_limit_that_stopped_the_phase(stopped_by: StopReason, reported: StopReason) -> None:
    budget = JobBudget(TotalLimits(cpu_seconds=0.2))
    assert budget.end_phase(1, phase_report(None, StopReason.CANCELLED)).stopped_by is StopReason.CANCELLED
    assert budget.is_exhausted()

    assert budget.end_phase(1, phase_report(None, stopped_by)).stopped_by is reported
