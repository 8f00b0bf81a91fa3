"""Warm containers, made behind the jobs. The pool never makes a job wait: what is not there is made cold by the job."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from app.core.errors import InfrastructureError
from app.sandbox.container import Container

__all__ = ["Pool"]

# How long a language counts as in use after its last job.
_IN_USE_SECONDS: Final = 60.0
# A job that has just begun gets the processor first; its replacement is made when it ends, or after this.
_HOLD_BACK_SECONDS: Final = 0.25
_CHECK_SECONDS: Final = 5.0
_MOST_BACKOFF_SECONDS: Final = 30.0
_MOST_DOUBLINGS: Final = 6
# For a container that is being made when the worker stops. Made or not, it ends with the worker's connection to it.
_STOP_SECONDS: Final = 5.0
_log = structlog.get_logger(__name__)


class Pool:
    """Keeps ``floor`` containers a language, up to ``ceiling`` while it is in use.

    Parameters:
        launch: makes the container of a language with its default numbers; blocks until it is ready.
        languages: the ids of those whose image is there now; asked before each round.
    """

    def __init__(
        self, launch: Callable[[str], Container], languages: Callable[[], Iterable[str]], floor: int, ceiling: int
    ) -> None:
        self._launch = launch
        self._languages = languages
        self._floor = floor
        self._ceiling = max(floor, ceiling)
        self._installed: list[str] = []
        self._idle: dict[str, deque[Container]] = defaultdict(deque)
        self._last_used: dict[str, float] = {}
        self._not_before: dict[str, float] = {}
        self._failures: dict[str, int] = defaultdict(int)
        self._hold_until = 0.0
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._refill_forever, name="pool", daemon=True)

    def start(self) -> None:
        """Begin to fill."""
        self._thread.start()

    def stop(self) -> None:
        """Let every idle container go; returns within seconds, even from an engine that hangs."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            for idle in self._idle.values():
                while idle:
                    idle.popleft().close()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def take(self, language: str) -> Container | None:
        """A container that waits, the oldest first, or None. Those that died waiting are passed over."""
        with self._changed:
            self._last_used[language] = time.monotonic()
            self._hold_until = time.monotonic() + _HOLD_BACK_SECONDS
            self._changed.notify_all()
            idle = self._idle[language]
            while idle:
                container = idle.popleft()
                if container.is_alive():
                    return container
                container.close()
            return None

    def job_ended(self) -> None:
        """Tell that a job is over: a good time to refill."""
        with self._changed:
            self._hold_until = 0.0
            self._changed.notify_all()

    def idle_count(self) -> dict[str, int]:
        """How many wait, by language."""
        with self._changed:
            return {language: len(idle) for language, idle in self._idle.items()}

    def _refill_forever(self) -> None:
        checked = float("-inf")
        while not self._stopping:
            if time.monotonic() - checked >= _CHECK_SECONDS:
                self._list_installed()
                self._trim()
                checked = time.monotonic()
            language = self._wait_for_work()
            if language is not None:
                self._add(language)

    def _wait_for_work(self) -> str | None:
        """The language to make a container for; None after a while, so that the round begins anew."""
        with self._changed:
            if self._next() is None and not self._stopping:
                self._changed.wait(self._pause())
            return None if self._stopping else self._next()

    def _pause(self) -> float:
        held = self._hold_until - time.monotonic()
        return held if 0 < held < _CHECK_SECONDS else _CHECK_SECONDS

    def _next(self) -> str | None:
        """The language that lacks most, or None while there is nothing to do. Called with the lock held."""
        now = time.monotonic()
        lacking = [
            (self._target(language, now) - len(self._idle[language]), language)
            for language in self._installed
            if now >= self._not_before.get(language, 0.0)
        ]
        missing, language = max(lacking, default=(0, ""))
        if missing <= 0 or (now < self._hold_until and self._idle[language]):
            return None
        return language

    def _target(self, language: str, now: float) -> int:
        in_use = now - self._last_used.get(language, float("-inf")) < _IN_USE_SECONDS
        return self._ceiling if in_use else self._floor

    def _add(self, language: str) -> None:
        try:
            container = self._launch(language)
        except InfrastructureError as e:
            self._failed(language, e)
            return
        with self._changed:
            self._failures[language] = 0
            if self._stopping:
                container.close()
            else:
                self._idle[language].append(container)

    def _failed(self, language: str, error: InfrastructureError) -> None:
        self._failures[language] = min(self._failures[language] + 1, _MOST_DOUBLINGS)
        backoff = min(_MOST_BACKOFF_SECONDS, 2.0 ** self._failures[language] / 2)
        _log.warning("pool_refill_failed", language=language, error=str(error), again_in_seconds=backoff)
        with self._changed:
            self._not_before[language] = time.monotonic() + backoff

    def _list_installed(self) -> None:
        try:
            installed = sorted(self._languages())
        except InfrastructureError as e:
            # An engine that does not answer has not lost its images: what waits is kept.
            _log.warning("pool_cannot_list_images", error=str(e))
            return
        with self._changed:
            self._installed = installed

    def _trim(self) -> None:
        """Close those that died waiting, those too many, and those of a language that is no more."""
        with self._changed:
            now = time.monotonic()
            for language, idle in self._idle.items():
                most = self._target(language, now) if language in self._installed else 0
                alive = [container for container in idle if container.is_alive()]
                for container in set(idle) - set(alive[:most]):
                    container.close()
                self._idle[language] = deque(alive[:most])
