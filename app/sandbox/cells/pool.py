"""Pool of cells. A cell returns to it after a job, until it has served enough jobs or is too old."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from app.sandbox.cells.cell import Cell
from app.sandbox.host_memory import HostMemory
from app.sandbox.language_pool import IN_USE_SECONDS, Demand, LanguagePool
from app.sandbox.pool import Pool
from app.sandbox.resources import ContainerResources

__all__ = ["CellDemand", "CellLanguagePool", "CellPolicy", "CellPool", "CellSharing"]

CellSharing = Literal["any", "caller"]
"""Which jobs a cell runs: those of any caller, or those of one caller."""


@dataclass(frozen=True)
class CellPolicy:
    """When a cell is replaced.

    Attributes:
        max_jobs: Number of jobs after which it is destroyed.
        max_age_seconds: Age from which on it starts no job.
        sharing: With ``caller``, a cell that has run a job runs only jobs of the same caller.
    """

    max_jobs: int
    max_age_seconds: float
    sharing: CellSharing

    def is_worn(self, cell: Cell) -> bool:
        """Return whether a cell must not start another job."""
        return cell.jobs >= self.max_jobs or cell.age_seconds >= self.max_age_seconds

    def permits(self, cell: Cell, caller: str | None) -> bool:
        """Return whether a cell may run a job of a caller. None stands for an unknown caller."""
        return self.sharing == "any" or cell.jobs == 0 or (caller is not None and cell.caller == caller)


class CellDemand(Demand):
    """Estimates how many idle cells one language needs: one more than were in use at the same time. Not thread-safe."""

    def __init__(self, floor: int, ceiling: int) -> None:
        super().__init__(floor, ceiling)
        self._in_use = 0
        self._peak = 0
        self._peak_at = float("-inf")

    def record_request(self, now: float) -> None:
        """Count a job that needs a cell."""
        super().record_request(now)
        self._in_use += 1
        self._update_peak(now)

    def record_end(self, now: float) -> None:
        """Count the end of a job."""
        self._update_peak(now)
        self._in_use -= 1

    @property
    def in_use(self) -> int:
        """Number of cells in use, including those that are being launched for a job."""
        return self._in_use

    def requests_per_launch(self, now: float) -> float:
        """Return 0: a cell that is in use returns sooner than a new one is launched."""
        return 0.0

    def target(self, now: float) -> int:
        """Return how many cells should be idle."""
        if not self.is_in_use(now):
            return self._floor
        return min(max(self._peak + 1 - self._in_use, self._floor), self._ceiling)

    def _update_peak(self, now: float) -> None:
        if self._in_use >= self._peak or now - self._peak_at > IN_USE_SECONDS:
            self._peak, self._peak_at = self._in_use, now


class CellLanguagePool(LanguagePool[Cell]):
    """Idle cells of one language. Not thread-safe; ``CellPool`` calls it with its lock held."""

    def __init__(self, floor: int, ceiling: int, policy: CellPolicy) -> None:
        super().__init__(floor, ceiling)
        self._policy = policy

    def _create_demand(self, floor: int, ceiling: int) -> Demand:
        return CellDemand(floor, ceiling)

    def _is_usable(self, container: Cell) -> bool:
        return not self._policy.is_worn(container) and container.is_alive()

    def take_for(self, caller: str | None, now: float, resources: ContainerResources | None = None) -> Cell | None:
        """Remove and return the oldest cell that may run a job of the caller, or None. Unused cells come last.

        If all cells belong to other callers, the oldest one is closed, so that an unused one takes its place.

        Args:
            caller: The caller; None if it is not known.
            now: Monotonic time.
            resources: The resources that the cell must have. None for any.
        """
        self._demand.record_request(now)
        permitted = [cell for cell in self._idle if self._policy.permits(cell, caller)]
        matching = [cell for cell in permitted if resources is None or cell.spec.resources == resources]
        for cell in sorted(matching, key=lambda cell: cell.jobs == 0):
            self._idle.remove(cell)
            if self._is_usable(cell):
                self._stats.hits += 1
                return cell
            cell.close()
        if self._idle and not permitted:
            self._idle.popleft().close()
        self._stats.misses += 1
        return None

    @property
    def busy(self) -> int:
        """Number of cells that run a job or are being launched for one."""
        assert isinstance(self._demand, CellDemand)
        return self._demand.in_use

    def record_end(self, now: float) -> None:
        """Count the end of a job."""
        assert isinstance(self._demand, CellDemand)
        self._demand.record_end(now)


class CellPool(Pool[Cell]):
    """Keeps idle cells for each language. Safe to use from many threads.

    Args:
        launch: See ``Pool``.
        list_installed: See ``Pool``.
        floor: See ``Pool``.
        ceiling: See ``Pool``. Cells in use do not count.
        policy: When a cell is replaced.
        memory: See ``Pool``.
        always_warm: See ``Pool``.
    """

    def __init__(
        self,
        launch: Callable[[str], Cell],
        list_installed: Callable[[], Iterable[str]],
        floor: int,
        ceiling: int,
        policy: CellPolicy,
        memory: HostMemory | None = None,
        always_warm: Collection[str] | None = None,
    ) -> None:
        super().__init__(launch, list_installed, floor, ceiling, memory, always_warm)
        self._policy = policy

    def take_for(self, language: str, caller: str | None, resources: ContainerResources | None = None) -> Cell | None:
        """Return an idle cell that may run a job of the caller, or None. Call `record_end` after the job.

        Args:
            language: The language of the job.
            caller: The caller; None if it is not known.
            resources: The resources that the cell must have. None for any.
        """
        with self._changed:
            now = time.monotonic()
            pool = self._cells(language)
            cell = pool.take_for(caller, now, resources)
            if pool.missing(now) > 0:
                self._changed.notify_all()
            return cell

    def give_back(self, language: str, cell: Cell) -> None:
        """Keep a cell for the next job, or close it if it is worn."""
        with self._changed:
            if self._stopped.is_set() or self._policy.is_worn(cell):
                cell.close()
            else:
                self._cells(language).add(cell)

    def record_end(self, language: str) -> None:
        """Count the end of a job, whatever became of its cell."""
        with self._changed:
            now = time.monotonic()
            pool = self._cells(language)
            pool.record_end(now)
            if pool.missing(now) > 0:
                self._changed.notify_all()

    def busy_cells(self) -> dict[str, int]:
        """Return the number of cells that run a job or are being launched for one, by language."""
        with self._changed:
            return {language: self._cells(language).busy for language in self._languages}

    def _cells(self, language: str) -> CellLanguagePool:
        pool = self._language(language)
        assert isinstance(pool, CellLanguagePool)
        return pool

    def _create_language_pool(self, floor: int, ceiling: int) -> LanguagePool[Cell]:
        return CellLanguagePool(floor, ceiling, self._policy)
