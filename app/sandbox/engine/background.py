"""Calls of the engine that continue in the background after their caller has given up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

__all__ = ["BackgroundCalls"]

_T = TypeVar("_T")

_FIRST_RETRY_SECONDS: Final = 0.5
_MAX_RETRY_SECONDS: Final = 10.0


class BackgroundCalls:
    """Runs calls whose late result must not be lost, and limits their number while the engine hangs.

    An engine that hangs still executes the requests that it has received when it continues. Safe to use from many
    threads. The threads are daemons: a worker does not wait for a hanging engine when it stops.

    Args:
        limit: Number of abandoned calls from which on new calls wait.
        timeout_seconds: Time after which a caller gives up.
    """

    def __init__(self, limit: int, timeout_seconds: float) -> None:
        self._limit = limit
        self._timeout = timeout_seconds
        self._abandoned: set[object] = set()
        self._changed = threading.Condition()
        self._closed = threading.Event()

    def run(self, call: Callable[[], _T], on_late_result: Callable[[_T], None]) -> _T:
        """Run a call in a thread of its own and return its result.

        Args:
            call: Has no time limit of its own.
            on_late_result: Receives the result if the caller has given up.

        Raises:
            TimeoutError: There is no result within the time-out, or too many abandoned calls have no result.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._abandoned) < self._limit, self._timeout):
                raise TimeoutError(f"{len(self._abandoned)} earlier requests have no response")
        future: Future[_T] = Future()
        self._start_thread(lambda: self._complete(future, call, on_late_result))
        try:
            return future.result(self._timeout)
        except TimeoutError:
            with self._changed:
                if future.done():
                    return future.result()
                self._abandoned.add(future)
            raise

    def retry(self, attempt: Callable[[], bool]) -> None:
        """Call a function in the background until it returns true. Counts as an abandoned call until then."""
        token = object()
        with self._changed:
            self._abandoned.add(token)
        self._start_thread(lambda: self._repeat(token, attempt))

    def close(self) -> None:
        """Stop all retries."""
        self._closed.set()

    @staticmethod
    def _start_thread(target: Callable[[], None]) -> None:
        threading.Thread(target=target, name="engine-call", daemon=True).start()

    def _complete(self, future: Future[_T], call: Callable[[], _T], on_late_result: Callable[[_T], None]) -> None:
        try:
            result = call()
        except Exception as e:  # noqa: BLE001 - passed to the caller
            with self._changed:
                future.set_exception(e)
                self._forget(future)
            return
        with self._changed:
            future.set_result(result)
            is_late = future in self._abandoned
        if not is_late:
            return
        try:
            on_late_result(result)
        finally:
            with self._changed:
                self._forget(future)

    def _repeat(self, token: object, attempt: Callable[[], bool]) -> None:
        delay = _FIRST_RETRY_SECONDS
        while not self._closed.wait(delay) and not attempt():
            delay = min(2 * delay, _MAX_RETRY_SECONDS)
        with self._changed:
            self._forget(token)

    def _forget(self, token: object) -> None:
        self._abandoned.discard(token)
        self._changed.notify_all()
