"""Pool of idle containers. It launches containers in advance, so that a job does not wait for the launch of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from typing import Final, Generic, TypeVar

import structlog

from app.core.errors import InfrastructureError
from app.sandbox.container import Container
from app.sandbox.host_memory import HostMemory
from app.sandbox.language_pool import LanguagePool, PoolStats

__all__ = ["Pool"]

# Concurrent launches. The engine is the bottleneck of a launch, so that more threads would not be faster.
_LAUNCH_THREADS: Final = 2
# A job that just started gets the processor first. Its replacement is launched when it ends, or after this time.
_REFILL_DELAY_SECONDS: Final = 0.25
_CHECK_SECONDS: Final = 5.0
# For launches in progress when the worker stops. If they take longer, the containers end with the worker's connections.
_STOP_SECONDS: Final = 5.0
_log = structlog.get_logger(__name__)

C = TypeVar("C", bound=Container)


class Pool(Generic[C]):
    """Keeps idle containers for each language: ``floor``, and up to ``ceiling`` while it is in use.

    Safe to use from many threads. Every call returns immediately, except ``stop``.

    Args:
        launch: Launches a container of a language with its default resources. Blocks until the runner is ready.
        list_installed: Returns the ids of the languages whose image is installed.
        floor: Number of idle containers for a language that is not in use.
        ceiling: Maximum number of idle containers of a language.
        memory: Memory of the host. Nothing is launched in advance while it is low.
        always_warm: Languages that have the floor. The others have no idle containers until they are used. None means
            all languages.
    """

    def __init__(
        self,
        launch: Callable[[str], C],
        list_installed: Callable[[], Iterable[str]],
        floor: int,
        ceiling: int,
        memory: HostMemory | None = None,
        always_warm: Collection[str] | None = None,
    ) -> None:
        self._launch = launch
        self._list_installed = list_installed
        self._floor = floor
        self._ceiling = ceiling
        self._memory = memory or HostMemory()
        self._always_warm = always_warm
        self._installed: frozenset[str] = frozenset()
        self._languages: dict[str, LanguagePool[C]] = {}
        self._memory_is_low = False
        self._refill_not_before = 0.0
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._check_forever, name="pool-check", daemon=True),
            *(threading.Thread(target=self._refill_forever, name="pool", daemon=True) for _ in range(_LAUNCH_THREADS)),
        ]

    def start(self) -> None:
        """Start the threads that fill the pool."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Close all idle containers. Returns within a few seconds, even if the engine hangs."""
        with self._changed:
            self._stopped.set()
            self._changed.notify_all()
            for pool in self._languages.values():
                pool.trim(0)
        deadline = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def take(self, language: str) -> C | None:
        """Return the oldest idle container of a language, or None if there is none."""
        with self._changed:
            now = time.monotonic()
            self._refill_not_before = now + _REFILL_DELAY_SECONDS
            self._changed.notify_all()
            return self._language(language).take(now)

    def refill(self) -> None:
        """End the delay after ``take``, because the job has ended."""
        with self._changed:
            self._refill_not_before = 0.0
            self._changed.notify_all()

    def record_launch(self, language: str, seconds: float) -> None:
        """Record how long a successful launch took, in advance or for a job."""
        with self._changed:
            self._language(language).record_launch(seconds)

    def stats(self) -> dict[str, PoolStats]:
        """Return the statistics by language."""
        with self._changed:
            now = time.monotonic()
            return {language: pool.stats(now) for language, pool in self._languages.items()}

    def _language(self, language: str) -> LanguagePool[C]:
        if language not in self._languages:
            is_warm = self._always_warm is None or language in self._always_warm
            self._languages[language] = self._create_language_pool(self._floor if is_warm else 0, self._ceiling)
        return self._languages[language]

    def _create_language_pool(self, floor: int, ceiling: int) -> LanguagePool[C]:
        return LanguagePool(floor, ceiling)

    def _check_forever(self) -> None:
        """Update the list of installed images and the state of the memory; close what is not needed."""
        while not self._stopped.is_set():
            try:
                self._check()
            except Exception:  # noqa: BLE001 - without this thread, the pool would stay as it is until the worker restarts
                _log.exception("pool_check_failed")
            self._stopped.wait(_CHECK_SECONDS)

    def _check(self) -> None:
        self._update_installed()
        self._update_memory()
        with self._changed:
            self._trim()
            self._changed.notify_all()

    def _refill_forever(self) -> None:
        while not self._stopped.is_set():
            language = self._wait_for_shortage()
            if language is not None:
                self._launch_in_advance(language)

    def _wait_for_shortage(self) -> str | None:
        """Return a language that needs a container, counted as launching; None after a while or at the end."""
        with self._changed:
            language = self._find_shortage()
            if language is None and not self._stopped.is_set():
                self._changed.wait(self._wait_seconds())
                language = self._find_shortage()
            if language is None or self._stopped.is_set():
                return None
            self._language(language).launching += 1
            return language

    def _wait_seconds(self) -> float:
        delay = self._refill_not_before - time.monotonic()
        return delay if 0 < delay < _CHECK_SECONDS else _CHECK_SECONDS

    def _find_shortage(self) -> str | None:
        """Return the language that lacks the most containers, or None. The lock must be held."""
        if self._memory_is_low:
            return None
        now = time.monotonic()
        shortages = []
        for language in self._installed:
            pool = self._language(language)
            if now >= pool.retry_at and (now >= self._refill_not_before or pool.is_low(now)):
                shortages.append((pool.missing(now), language))
        missing, language = max(shortages, default=(0, ""))
        return language if missing > 0 else None

    def _launch_in_advance(self, language: str) -> None:
        try:
            container = self._launch(language)
        except InfrastructureError as e:
            self._record_failure(language, e)
            return
        except Exception as e:  # noqa: BLE001 - without this thread, containers are launched only for jobs
            _log.exception("pool_launch_raised", language=language)
            self._record_failure(language, e)
            return
        with self._changed:
            pool = self._language(language)
            pool.launching -= 1
            if self._stopped.is_set():
                container.close()
            else:
                pool.add(container)

    def _record_failure(self, language: str, error: Exception) -> None:
        with self._changed:
            pool = self._language(language)
            pool.launching -= 1
            backoff = pool.record_failure(time.monotonic())
        _log.warning("pool_launch_failed", language=language, error=str(error), retry_in_seconds=backoff)

    def _update_installed(self) -> None:
        try:
            installed = frozenset(self._list_installed())
        except InfrastructureError as e:
            # The images may still be there, so the idle containers are kept.
            _log.warning("pool_cannot_list_images", error=str(e))
            return
        with self._changed:
            self._installed = installed

    def _update_memory(self) -> None:
        is_low = self._memory.is_low()
        if is_low and not self._memory_is_low:
            _log.warning("pool_memory_low")
        self._memory_is_low = is_low

    def _trim(self) -> None:
        """Close containers that have ended or are not needed. The lock must be held."""
        now = time.monotonic()
        memory_is_critical = self._memory.is_critical()
        for language, pool in self._languages.items():
            is_closed = memory_is_critical or language not in self._installed
            pool.trim(0 if is_closed else pool.maximum(now))
