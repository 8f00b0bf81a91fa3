"""An inbox that a test fills."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from app.core.job.job_input import Input, InputKind

__all__ = ["InMemoryInbox"]


class InMemoryInbox:
    """Implements ``app.core.execution.sandbox.Inbox``. After ``take``, it is not readable until the next ``put``."""

    def __init__(self) -> None:
        self._items: deque[Input] = deque()
        self._lock = threading.Lock()
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        return self._reader

    def put(self, item: Input) -> None:
        with self._lock:
            is_urgent = item.kind not in (InputKind.STDIN, InputKind.EOF)
            (self._items.appendleft if is_urgent else self._items.append)(item)
            os.write(self._writer, b"!")

    def take(self, max_bytes: int) -> list[Input]:
        with self._lock, suppress(BlockingIOError):
            while os.read(self._reader, 4096):
                pass
        with self._lock:
            return list(self._take(max_bytes))

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)

    def _take(self, free_bytes: int) -> Iterator[Input]:
        while self._items:
            item = self._items.popleft()
            if len(item.data) > free_bytes:
                self._items.appendleft(Input(item.kind, item.data[free_bytes:]))
                if free_bytes:
                    yield Input(item.kind, item.data[:free_bytes])
                return
            free_bytes -= len(item.data)
            yield item
