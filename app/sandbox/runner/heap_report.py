"""Detection of programs whose runtime ended because it got no more memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from app.core.job.events import Output, Stream
from app.core.job.spec import JobSpec
from app.sandbox.images.catalogue import Language

__all__ = ["HeapReportDetector"]

# A stack trace of the JVM has up to 1024 lines after the message.
_TAIL_BYTES: Final = 128 * 1024


class HeapReportDetector:
    """Searches the end of the error output of a phase for the message of `Heap.exhausted`.

    A program can print the message itself. This only changes the outcome of a program that failed anyway.
    """

    def __init__(self, language: Language, spec: JobSpec) -> None:
        heap = language.heap
        self._pattern = None if heap is None else re.compile(heap.exhausted.encode(), re.MULTILINE)
        is_merged = spec.tty is not None or spec.invocation.stderr_to_stdout
        self._streams = frozenset(Stream) if is_merged else frozenset({Stream.STDERR})
        self._tail = bytearray()

    def start_phase(self) -> None:
        """Forget the output of the phase before."""
        self._tail.clear()

    def add(self, outputs: Iterable[Output]) -> None:
        """Remember output of the phase."""
        if self._pattern is None:
            return
        for output in outputs:
            if output.stream in self._streams:
                self._tail += output.data
        if len(self._tail) > 2 * _TAIL_BYTES:
            del self._tail[:-_TAIL_BYTES]

    def is_exhausted(self) -> bool:
        """Return whether the runtime has reported that it got no more memory."""
        return self._pattern is not None and self._pattern.search(self._tail) is not None
