"""The output of tests that run at the same time, passed on in the order of the tests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.core.execution.sandbox import Sink
from app.core.job.events import Output
from app.core.judging.cases import CaseSpec
from app.core.outcomes import PhaseReport

__all__ = ["OrderedOutput", "TestSink"]

#: Bytes of output of tests that have started before earlier ones were judged.
_MAX_HELD_BYTES: Final = 32 * 1024 * 1024


@dataclass
class _TestOutput:
    """The events of a test that were not passed on.

    Attributes:
        reserved_bytes: Upper limit of its output that is held now or later.
        is_judged: Whether it has ended and has a verdict, or needs none.
    """

    reserved_bytes: int = 0
    held_bytes: int = 0
    is_judged: bool = False
    events: deque[tuple[str | None, Sequence[Output]]] = field(default_factory=deque)


class OrderedOutput:
    """Collects the phases and the output of tests. One thread passes them on, in the order of the tests.

    The first test that is not judged yet is passed on while it runs. The output of later ones is held in memory: no
    test starts whose output could raise it above 32 MiB.

    Args:
        cases: The tests of the job.
        is_shown: Returns whether the output of a test is passed on. It is called after the earlier ones were judged.
        max_held_bytes: Maximum amount of output in memory.
    """

    def __init__(
        self, cases: Sequence[CaseSpec], is_shown: Callable[[str], bool], max_held_bytes: int = _MAX_HELD_BYTES
    ) -> None:
        self._waiting = deque(case.name for case in cases)
        self._tests = {case.name: _TestOutput() for case in cases}
        self._is_shown = is_shown
        self._max_held_bytes = max_held_bytes
        self._changed = threading.Condition()

    def has_room(self, case: CaseSpec) -> bool:
        """Return whether a test can start, and reserve memory for its output if so."""
        with self._changed:
            held_bytes = sum(test.reserved_bytes for test in self._tests.values())
            is_first = bool(self._waiting) and self._waiting[0] == case.name
            if not is_first and held_bytes + case.limits.output_bytes > self._max_held_bytes:
                return False
            self._tests[case.name].reserved_bytes = 0 if is_first else case.limits.output_bytes
            return True

    def add(self, test: str, phase: str | None = None, output: Sequence[Output] = ()) -> None:
        """Add the start of the phase of a test, or output."""
        with self._changed:
            held = self._tests[test]
            held.events.append((phase, output))
            held.held_bytes += sum(len(chunk.data) for chunk in output)
            self._changed.notify()

    def end_test(self, test: str) -> None:
        """Note that a test has ended and was judged. It must be called after the last `add` for the test."""
        with self._changed:
            held = self._tests[test]
            held.is_judged = True
            held.reserved_bytes = held.held_bytes
            self._changed.notify()

    def close(self) -> None:
        """Note that no test runs any more, so that `forward` waits for none."""
        with self._changed:
            for test in self._tests.values():
                test.is_judged = True

    def notify(self) -> None:
        """End a `forward` that waits."""
        with self._changed:
            self._changed.notify()

    def forward(self, sink: Sink, timeout_seconds: float) -> None:
        """Pass on what is known of the first tests. Wait for it at most this time.

        Raises:
            OwnershipLost: See `Sink`.
            InfrastructureError: See `Sink`.
        """
        with self._changed:
            if not self._has_news():
                self._changed.wait(timeout_seconds)
        has_forwarded = False
        while (event := self._next_event()) is not None:
            has_forwarded = True
            test, phase, output = event
            if phase is not None:
                sink.phase(phase, test)
            if output:
                sink.output(output)
        if has_forwarded:
            sink.flush()

    def _has_news(self) -> bool:
        first = self._tests[self._waiting[0]] if self._waiting else None
        return first is not None and (bool(first.events) or first.is_judged)

    def _next_event(self) -> tuple[str, str | None, Sequence[Output]] | None:
        with self._changed:
            while self._waiting:
                name = self._waiting[0]
                test = self._tests[name]
                if test.events and self._is_shown(name):
                    phase, output = test.events.popleft()
                    return name, phase, output
                if not test.is_judged:
                    return None
                test.events.clear()
                test.reserved_bytes = 0
                self._waiting.popleft()
                if self._waiting:
                    self._tests[self._waiting[0]].reserved_bytes = 0
            return None


class TestSink:
    """Sink of a lane: adds the events of its tests to an `OrderedOutput`."""

    __test__ = False  # for pytest

    def __init__(self, output: OrderedOutput) -> None:
        self._ordered = output
        self._test: str | None = None

    def phase(self, name: str, test: str | None = None) -> None:
        """Add the start of a test."""
        self._test = test
        if test is not None:
            self._ordered.add(test, name)

    def output(self, chunks: Sequence[Output]) -> None:
        """Add output of the current test."""
        if self._test is not None:
            self._ordered.add(self._test, output=tuple(chunks))

    def flush(self) -> None:
        """Do nothing: `OrderedOutput.forward` flushes."""

    def end_phase(self, report: PhaseReport) -> None:
        """Do nothing: the result contains the reports."""

    def hold_test(self) -> None:
        """Do nothing: the lane starts the tests."""
