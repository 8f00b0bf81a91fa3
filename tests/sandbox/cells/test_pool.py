"""How many cells are kept, and which of them a job gets. The cells are scripted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.sandbox.cells.pool import CellDemand, CellLanguagePool, CellPolicy
from app.sandbox.language_pool import IN_USE_SECONDS

ANY = CellPolicy(max_jobs=3, max_age_seconds=60, sharing="any")
CALLER = CellPolicy(max_jobs=3, max_age_seconds=60, sharing="caller")


@dataclass(eq=False)
class ScriptedCell:
    jobs: int = 0
    caller: str | None = None
    age_seconds: float = 0
    alive: bool = True
    closed: bool = False

    def is_alive(self) -> bool:
        return self.alive

    def close(self) -> None:
        self.closed = True


def create_pool(policy: CellPolicy, *cells: ScriptedCell) -> CellLanguagePool:
    pool = CellLanguagePool(1, 4, policy)
    for cell in cells:
        pool.add(as_cell(cell))
    return pool


def as_cell(cell: ScriptedCell) -> Any:
    return cell


def test_language_that_is_not_in_use_has_the_floor() -> None:
    demand = CellDemand(2, 4)
    assert demand.target(0.0) == 2

    demand.record_request(0.0)
    demand.record_end(1.0)

    assert demand.target(IN_USE_SECONDS + 1) == 2


def test_idle_cells_are_one_more_than_were_in_use_at_the_same_time() -> None:
    demand = CellDemand(1, 10)
    for _ in range(3):
        demand.record_request(0.0)
    assert demand.target(0.0) == 1  # the fourth cell

    demand.record_end(0.0)
    demand.record_end(0.0)

    assert demand.target(0.0) == 3


def test_busy_cells_are_counted_from_the_request_to_the_end_of_a_job() -> None:
    pool = create_pool(ANY, ScriptedCell())
    pool.take_for("a", 0.0)
    pool.take_for("a", 0.0)
    assert pool.busy == 2

    pool.record_end(1.0)

    assert pool.busy == 1


def test_idle_cells_are_at_most_the_ceiling() -> None:
    demand = CellDemand(1, 2)
    for _ in range(5):
        demand.record_request(0.0)
    for _ in range(5):
        demand.record_end(0.0)

    assert demand.target(0.0) == demand.maximum(0.0) == 2


def test_peak_of_concurrent_jobs_is_forgotten() -> None:
    demand = CellDemand(0, 10)
    for _ in range(4):
        demand.record_request(0.0)
    for _ in range(4):
        demand.record_end(0.0)

    later = IN_USE_SECONDS + 1
    demand.record_request(later)
    demand.record_end(later)

    assert demand.target(later) == 2


def test_oldest_usable_cell_is_taken() -> None:
    dead, worn, old = ScriptedCell(jobs=1, alive=False), ScriptedCell(jobs=3), ScriptedCell(jobs=1, age_seconds=60)
    first, second = ScriptedCell(jobs=2), ScriptedCell(jobs=2)
    pool = create_pool(ANY, dead, worn, old, first, second)

    assert pool.take_for("a", 0.0) is as_cell(first)
    assert [cell.closed for cell in (dead, worn, old, first, second)] == [True, True, True, False, False]
    stats = pool.stats(0.0)
    assert (stats.hits, stats.misses, stats.idle) == (1, 0, 1)


def test_caller_gets_its_own_cell_before_an_unused_one() -> None:
    unused, other, own = ScriptedCell(), ScriptedCell(1, "b"), ScriptedCell(1, "a")
    pool = create_pool(CALLER, unused, other, own)

    assert pool.take_for("a", 0.0) is as_cell(own)
    assert pool.take_for("a", 0.0) is as_cell(unused)


def test_cell_of_another_caller_is_closed_so_that_an_unused_one_takes_its_place() -> None:
    others = [ScriptedCell(1, "b"), ScriptedCell(1, "c")]
    pool = create_pool(CALLER, *others)

    assert pool.take_for("a", 0.0) is None

    assert [cell.closed for cell in others] == [True, False]
    assert pool.stats(0.0).misses == 1


def test_unknown_caller_shares_no_cell() -> None:
    assert create_pool(CALLER, ScriptedCell(1, None)).take_for(None, 0.0) is None
    assert create_pool(CALLER, ScriptedCell(0, None)).take_for(None, 0.0) is not None


def test_worn_idle_cells_are_closed_by_a_check() -> None:
    old, fresh = ScriptedCell(1, age_seconds=61), ScriptedCell(1)
    pool = create_pool(ANY, old, fresh)

    pool.trim(4)

    assert (old.closed, fresh.closed) == (True, False)
