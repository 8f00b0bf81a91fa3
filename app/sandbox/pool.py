"""Warm containers, made behind the jobs. The pool never makes a job wait: what is not there is made cold by the job."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Final

import structlog

from app.core.errors import InfrastructureError
from app.sandbox.container import Container
from app.sandbox.demand import Demand
from app.sandbox.host_memory import HostMemory
from app.sandbox.pool_stats import PoolStats

__all__ = ["Pool"]

# How many are made at once. More would not be ready sooner: a launch keeps the engine busy, not this process.
_REFILLERS: Final = 2
# A job that has just begun gets the processor first; its replacement is made when it ends, or after this.
_HOLD_BACK_SECONDS: Final = 0.25
_CHECK_SECONDS: Final = 5.0
_MOST_BACKOFF_SECONDS: Final = 30.0
_MOST_DOUBLINGS: Final = 6
# For containers that are being made when the worker stops. Made or not, they end with the worker's connection to them.
_STOP_SECONDS: Final = 5.0
_log = structlog.get_logger(__name__)


class _Shelf:
    """One language's containers that wait, and all that is known of their use."""

    def __init__(self, floor: int, ceiling: int) -> None:
        self.idle: deque[Container] = deque()
        self.coming = 0
        self.demand = Demand(floor, ceiling)
        self.not_before = float("-inf")
        self.failures_in_a_row = 0
        self.hits = self.misses = self.launches = self.failures = 0
        self.launch_seconds = 0.0

    def missing(self, now: float) -> int:
        return self.demand.wanted(now) - len(self.idle) - self.coming

    def is_low(self, now: float) -> bool:
        """Whether what waits may be gone before one that is begun now is ready."""
        return len(self.idle) <= self.demand.during_launch(now)


class _Shelves(dict[str, _Shelf]):
    """A shelf for every language that is asked for, made when it is."""

    def __init__(self, floor: int, ceiling: int, kept_warm: Collection[str] | None) -> None:
        super().__init__()
        self._floor = floor
        self._ceiling = ceiling
        self._kept_warm = kept_warm

    def __missing__(self, language: str) -> _Shelf:
        always = self._kept_warm is None or language in self._kept_warm
        shelf = self[language] = _Shelf(self._floor if always else 0, self._ceiling)
        return shelf


class Pool:
    """Keeps ``floor`` containers a language, and as many as its use asks for up to ``ceiling``. Safe to use from many
    threads; each call returns at once.

    Parameters:
        launch: makes the container of a language with its default numbers; blocks until it is ready.
        languages: the ids of those whose image is there now; asked before each round.
        memory: the host's; nothing is made in advance while it is short.
        kept_warm: the languages that have the floor; the others have none until they are used. All when not given.
    """

    def __init__(
        self,
        launch: Callable[[str], Container],
        languages: Callable[[], Iterable[str]],
        floor: int,
        ceiling: int,
        memory: HostMemory | None = None,
        kept_warm: Collection[str] | None = None,
    ) -> None:
        self._launch = launch
        self._languages = languages
        self._memory = memory or HostMemory()
        self._installed: frozenset[str] = frozenset()
        self._shelves = _Shelves(floor, ceiling, kept_warm)
        self._memory_is_short = False
        self._hold_until = 0.0
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._survey_forever, name="pool-survey", daemon=True),
            *(threading.Thread(target=self._refill_forever, name="pool", daemon=True) for _ in range(_REFILLERS)),
        ]

    def start(self) -> None:
        """Begin to fill."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let every idle container go; returns within seconds, even from an engine that hangs."""
        with self._changed:
            self._stopped.set()
            self._changed.notify_all()
            for shelf in self._shelves.values():
                while shelf.idle:
                    shelf.idle.popleft().close()
        deadline = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def take(self, language: str) -> Container | None:
        """A container that waits, the oldest first, or None. Those that died waiting are passed over."""
        with self._changed:
            now = time.monotonic()
            shelf = self._shelves[language]
            shelf.demand.asked(now)
            self._hold_until = now + _HOLD_BACK_SECONDS
            self._changed.notify_all()
            while shelf.idle:
                container = shelf.idle.popleft()
                if container.is_alive():
                    shelf.hits += 1
                    return container
                container.close()
            shelf.misses += 1
            return None

    def job_ended(self) -> None:
        """Tell that a job is over: a good time to refill."""
        with self._changed:
            self._hold_until = 0.0
            self._changed.notify_all()

    def launched(self, language: str, seconds: float) -> None:
        """Tell how long a container took that was made, in advance or for a job."""
        with self._changed:
            shelf = self._shelves[language]
            shelf.launches += 1
            shelf.launch_seconds += seconds
            shelf.demand.launched(seconds)
            # One that was made for a job tells too that the engine is back.
            shelf.failures_in_a_row = 0
            shelf.not_before = float("-inf")

    def idle_count(self) -> dict[str, int]:
        """How many wait, by language."""
        return {language: figures.idle for language, figures in self.figures().items()}

    def figures(self) -> dict[str, PoolStats]:
        """What happened until now, by language."""
        with self._changed:
            now = time.monotonic()
            return {language: _figures(shelf, now) for language, shelf in self._shelves.items()}

    def _survey_forever(self) -> None:
        """Look around once in a while: which images there are, how much memory, who died waiting."""
        while not self._stopped.is_set():
            self._list_installed()
            self._look_at_memory()
            with self._changed:
                self._trim()
                self._changed.notify_all()
            self._stopped.wait(_CHECK_SECONDS)

    def _refill_forever(self) -> None:
        while not self._stopped.is_set():
            language = self._wait_for_work()
            if language is not None:
                self._add(language)

    def _wait_for_work(self) -> str | None:
        """The language to make a container for, which is then on its way; None after a while."""
        with self._changed:
            language = self._next()
            if language is None and not self._stopped.is_set():
                self._changed.wait(self._pause())
                language = self._next()
            if language is None or self._stopped.is_set():
                return None
            self._shelves[language].coming += 1
            return language

    def _pause(self) -> float:
        held = self._hold_until - time.monotonic()
        return held if 0 < held < _CHECK_SECONDS else _CHECK_SECONDS

    def _next(self) -> str | None:
        """The language that lacks most, or None while there is nothing to do. Called with the lock held."""
        if self._memory_is_short:
            return None
        now = time.monotonic()
        lacking = [
            (shelf.missing(now), language)
            for language in self._installed
            if now >= (shelf := self._shelves[language]).not_before and (now >= self._hold_until or shelf.is_low(now))
        ]
        missing, language = max(lacking, default=(0, ""))
        return language if missing > 0 else None

    def _add(self, language: str) -> None:
        try:
            container = self._launch(language)
        except InfrastructureError as e:
            self._failed(language, e)
            return
        with self._changed:
            shelf = self._shelves[language]
            shelf.coming -= 1
            if self._stopped.is_set():
                container.close()
            else:
                shelf.idle.append(container)

    def _failed(self, language: str, error: InfrastructureError) -> None:
        with self._changed:
            shelf = self._shelves[language]
            shelf.coming -= 1
            shelf.failures += 1
            shelf.failures_in_a_row = min(shelf.failures_in_a_row + 1, _MOST_DOUBLINGS)
            backoff = min(_MOST_BACKOFF_SECONDS, 2.0**shelf.failures_in_a_row / 2)
            shelf.not_before = time.monotonic() + backoff
        _log.warning("pool_refill_failed", language=language, error=str(error), again_in_seconds=backoff)

    def _list_installed(self) -> None:
        try:
            installed = frozenset(self._languages())
        except InfrastructureError as e:
            # An engine that does not answer has not lost its images: what waits is kept.
            _log.warning("pool_cannot_list_images", error=str(e))
            return
        with self._changed:
            self._installed = installed

    def _look_at_memory(self) -> None:
        is_short = self._memory.is_short()
        if is_short and not self._memory_is_short:
            _log.warning("pool_waits_for_memory")
        self._memory_is_short = is_short

    def _trim(self) -> None:
        """Close those that died waiting, those too many, and those of a language that is no more. Called with the lock
        held."""
        now = time.monotonic()
        dire = self._memory.is_dire()
        for language, shelf in self._shelves.items():
            most = 0 if dire or language not in self._installed else shelf.demand.kept(now)
            alive = [container for container in shelf.idle if container.is_alive()]
            for container in set(shelf.idle) - set(alive[:most]):
                container.close()
            shelf.idle = deque(alive[:most])


def _figures(shelf: _Shelf, now: float) -> PoolStats:
    return PoolStats(
        idle=len(shelf.idle),
        wanted=shelf.demand.wanted(now),
        hits=shelf.hits,
        misses=shelf.misses,
        launches=shelf.launches,
        failures=shelf.failures,
        launch_seconds=shelf.launch_seconds,
    )
