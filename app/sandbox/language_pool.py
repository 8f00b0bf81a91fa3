"""The idle containers of one language, and how many of them its recent use calls for."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from app.sandbox.container import Container

__all__ = ["IN_USE_SECONDS", "Demand", "LanguagePool", "PoolStats"]

C = TypeVar("C", bound=Container)

# A language is in use for this long after its last job.
IN_USE_SECONDS: Final = 60.0
# Time constant of the moving average of the request rate: a request of this age counts 37 %.
_RATE_SECONDS: Final = 30.0
# Containers kept above the mean, in standard deviations of the number of requests during one launch (Poisson).
_STANDARD_DEVIATIONS: Final = 2.0
# Assumed until the first launch: the time on a busy machine.
_INITIAL_LAUNCH_SECONDS: Final = 0.3
_NEWEST_LAUNCH_WEIGHT: Final = 0.2
# Longer launches count as this: one launch that hung does not predict the next one.
_MAX_LAUNCH_SECONDS: Final = 5.0
_MAX_BACKOFF_SECONDS: Final = 30.0
_FIRST_BACKOFF_SECONDS: Final = 1.0
_MAX_COUNTED_FAILURES: Final = 6


class Demand:
    """Estimates how many idle containers one language needs. Not thread-safe.

    All times are in seconds, from one monotonic clock.

    Args:
        floor: Number of containers for a language that is not in use.
        ceiling: Maximum number of containers.
    """

    def __init__(self, floor: int, ceiling: int) -> None:
        self._floor = floor
        self._ceiling = max(floor, ceiling)
        self._last_request_at = float("-inf")
        self._rate = 0.0
        self._launch_seconds = _INITIAL_LAUNCH_SECONDS

    def record_request(self, now: float) -> None:
        """Count a job that needs a container."""
        self._rate = self._rate_at(now) + 1 / _RATE_SECONDS
        self._last_request_at = now

    def record_launch(self, seconds: float) -> None:
        """Update the average launch time with a new measurement."""
        newest = min(seconds, _MAX_LAUNCH_SECONDS)
        self._launch_seconds += (newest - self._launch_seconds) * _NEWEST_LAUNCH_WEIGHT

    def is_in_use(self, now: float) -> bool:
        """Return whether a job needed a container within the last IN_USE_SECONDS."""
        return now - self._last_request_at < IN_USE_SECONDS

    def requests_per_launch(self, now: float) -> float:
        """Return the mean number of requests during the launch of one container."""
        return self._rate_at(now) * self._launch_seconds

    def target(self, now: float) -> int:
        """Return how many containers should be idle."""
        if not self.is_in_use(now):
            return self._floor
        mean = self.requests_per_launch(now)
        enough = math.ceil(1 + mean + _STANDARD_DEVIATIONS * math.sqrt(mean))
        return min(max(enough, self._floor), self._ceiling)

    def maximum(self, now: float) -> int:
        """Return how many idle containers may be kept.

        No container of a language in use is closed because of a lower target, since the rate goes up and down.
        """
        return self._ceiling if self.is_in_use(now) else self._floor

    def _rate_at(self, now: float) -> float:
        return self._rate * math.exp((self._last_request_at - now) / _RATE_SECONDS) if self._rate else 0.0


@dataclass
class PoolStats:
    """Statistics of one language. All except ``idle`` and ``target`` are counters that never decrease.

    Attributes:
        idle: Containers that wait for a job.
        target: Containers that should wait.
        hits: Jobs that got an idle container.
        misses: Jobs that found none.
        launches: Containers launched, in advance or for a job.
        failures: Launches in advance that failed.
        launch_seconds: Total time of the launches, from the creation to the Ready frame.
    """

    idle: int = 0
    target: int = 0
    hits: int = 0
    misses: int = 0
    launches: int = 0
    failures: int = 0
    launch_seconds: float = 0.0


class LanguagePool(Generic[C]):
    """Idle containers and counters of one language. Not thread-safe; ``Pool`` calls it with its lock held.

    Attributes:
        launching: Number of containers that are being launched in advance.
        retry_at: Monotonic time before which no launch is tried, after a failure.
    """

    def __init__(self, floor: int, ceiling: int) -> None:
        self._idle: deque[C] = deque()
        self._demand = self._create_demand(floor, ceiling)
        self._stats = PoolStats()
        self._consecutive_failures = 0
        self.launching = 0
        self.retry_at = float("-inf")

    def _create_demand(self, floor: int, ceiling: int) -> Demand:
        return Demand(floor, ceiling)

    def _is_usable(self, container: C) -> bool:
        return container.is_alive()

    def add(self, container: C) -> None:
        """Add an idle container."""
        self._idle.append(container)

    def take(self, now: float) -> C | None:
        """Remove and return the oldest idle container that still runs, or None."""
        self._demand.record_request(now)
        while self._idle:
            container = self._idle.popleft()
            if self._is_usable(container):
                self._stats.hits += 1
                return container
            container.close()
        self._stats.misses += 1
        return None

    def trim(self, maximum: int) -> None:
        """Close the containers that have ended or cannot be used any more, and the newest ones above ``maximum``."""
        usable = [container for container in self._idle if self._is_usable(container)]
        kept = usable[:maximum]
        for container in set(self._idle) - set(kept):
            container.close()
        self._idle = deque(kept)

    def missing(self, now: float) -> int:
        """Return how many more containers should be launched."""
        return self._demand.target(now) - len(self._idle) - self.launching

    def maximum(self, now: float) -> int:
        """Return how many idle containers may be kept."""
        return self._demand.maximum(now)

    def is_low(self, now: float) -> bool:
        """Return whether the idle containers may be used up before a launch that starts now has finished."""
        return len(self._idle) <= self._demand.requests_per_launch(now)

    def record_launch(self, seconds: float) -> None:
        """Count a successful launch, in advance or for a job. It ends the back-off after failures."""
        self._stats.launches += 1
        self._stats.launch_seconds += seconds
        self._demand.record_launch(seconds)
        self._consecutive_failures = 0
        self.retry_at = float("-inf")

    def record_failure(self, now: float) -> float:
        """Count a failed launch in advance; return the seconds until the next one is tried."""
        self._stats.failures += 1
        self._consecutive_failures = min(self._consecutive_failures + 1, _MAX_COUNTED_FAILURES)
        backoff = min(_MAX_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2.0 ** (self._consecutive_failures - 1))
        self.retry_at = now + backoff
        return backoff

    def stats(self, now: float) -> PoolStats:
        """Return the statistics."""
        return replace(self._stats, idle=len(self._idle), target=self._demand.target(now))
