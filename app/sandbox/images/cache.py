"""What images there are, asked for once in a while, so that neither a job nor the pool waits for it each time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from app.core.errors import EngineUnavailable, InfrastructureError
from app.sandbox.images.installed import InstalledImage

__all__ = ["ImageCache"]

_FRESH_SECONDS: Final = 10.0


class ImageCache:
    """Safe to use from many threads. At most one asks the engine, which may hang; what the others do meanwhile: with
    something known, they take that; with nothing known, they wait and share the answer, a failure too.

    Parameters:
        ask: the images by language, from the engine.
    """

    def __init__(self, ask: Callable[[], Mapping[str, InstalledImage]]) -> None:
        self._ask = ask
        self._known: Mapping[str, InstalledImage] | None = None
        self._known_at = float("-inf")
        self._failure: InfrastructureError | None = None
        self._failed_at = float("-inf")
        self._asking = threading.Lock()

    def read(self) -> Mapping[str, InstalledImage]:
        """The images by language, at most a few seconds old unless the engine is slow to answer.

        Raises:
            InfrastructureError: the engine does not answer.
        """
        known, began = self._known, time.monotonic()
        if known is not None and (self._is_fresh() or not self._asking.acquire(blocking=False)):
            return known
        if known is None:
            self._asking.acquire()
        try:
            return self._refreshed(began)
        finally:
            self._asking.release()

    def forget(self) -> None:
        """What is known is wrong: an image that should be there is not."""
        self._known_at = float("-inf")

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._known_at < _FRESH_SECONDS

    def _refreshed(self, began: float) -> Mapping[str, InstalledImage]:
        if self._known is not None and self._is_fresh():
            return self._known
        if self._failure is not None and self._failed_at >= began:
            raise EngineUnavailable(str(self._failure)) from self._failure
        try:
            self._known = self._ask()
        except InfrastructureError as e:
            self._failure, self._failed_at = e, time.monotonic()
            raise
        self._known_at = time.monotonic()
        return self._known
