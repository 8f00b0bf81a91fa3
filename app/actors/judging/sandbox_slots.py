"""The slots of a worker process, of which jobs with ``tests_parallel`` use those that no other job needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["JobSlots", "SandboxSlots"]


@dataclass(eq=False)
class JobSlots:
    """The slots of one running job. `SandboxSlots` changes them.

    Attributes:
        held: Their number, at least 1. The job runs a test in each.
        is_waiting: Whether the job could use another slot, but did not get one.
    """

    held: int = 1
    is_waiting: bool = False


class SandboxSlots:
    """Divides the slots of a worker process among its running jobs. Thread-safe.

    Each running job has one slot, and may take free ones in addition. A job starts at once even if all slots are taken;
    the jobs with the most slots then give back one each after their current tests. Jobs that wait for further slots
    get equal shares.

    Args:
        count_slots: Returns the number of jobs that the process may run at the same time.
    """

    def __init__(self, count_slots: Callable[[], int]) -> None:
        self._count_slots = count_slots
        self._jobs: list[JobSlots] = []
        self._lock = threading.Lock()

    @contextmanager
    def open(self) -> Iterator[JobSlots]:
        """Provide the slots of a job while it runs."""
        job = JobSlots()
        with self._lock:
            self._jobs.append(job)
        try:
            yield job
        finally:
            with self._lock:
                self._jobs.remove(job)

    def take(self, job: JobSlots) -> bool:
        """Take a free slot for a job. Return False if there is none, or if it belongs to the share of another job."""
        with self._lock:
            is_taken = self._count_used() < self._count_slots() and not self._is_needed(job, job.held)
            job.is_waiting = not is_taken
            job.held += is_taken
            return is_taken

    def give_back_if_needed(self, job: JobSlots) -> bool:
        """Give back a slot of a job if another job needs it. Return whether this is so."""
        with self._lock:
            is_excess = self._count_used() > self._count_slots() and job.held == max(other.held for other in self._jobs)
            is_given_back = job.held > 1 and (is_excess or self._is_needed(job, job.held - 1))
            job.held -= is_given_back
            return is_given_back

    def give_back(self, job: JobSlots) -> None:
        """Give back a slot that a job does not need any more, unless it is the only one."""
        with self._lock:
            job.held = max(1, job.held - 1)

    def _count_used(self) -> int:
        return sum(job.held for job in self._jobs)

    def _is_needed(self, job: JobSlots, held: int) -> bool:
        return any(other.is_waiting and other.held < held for other in self._jobs if other is not job)
