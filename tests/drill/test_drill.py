"""The short form of `make drill`, and whether its checker would notice."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from tests.drill.checker import History, violations
from tests.drill.drill import drill

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
    ],
)
def test_a_bad_history_is_told(change: dict[str, object], line: str) -> None:
    assert line in violations(dataclasses.replace(GOOD, **change))
