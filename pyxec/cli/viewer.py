"""Prints the stream of a job: output unchanged, everything else as a message on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from pyxec import Event, Finished, FinishedResult, Output, Phase, Started, UnreadableReply
from pyxec.cli.notes import note

__all__ = ["Viewer"]


class Viewer:
    """Writes stdout and stderr of the program to stdout and stderr, unbuffered.

    All output of the compiler goes to stderr.

    Args:
        silent: Print nothing, for commands that print the result themselves.
    """

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._compiling = False

    def follow(self, events: Iterable[Event]) -> FinishedResult:
        """Print the events up to the end of the job and return its result.

        Raises:
            BrokenPipeError: The reader of stdout or stderr has exited.
            UnreadableReply: The stream ended before the job.
        """
        for event in events:
            if isinstance(event, Finished):
                self._show_result(event.result)
                return event.result
            if not self._silent:
                self._show(event)
        raise UnreadableReply("the stream ended before the job finished")

    def _show(self, event: Event) -> None:
        match event:
            case Output():
                to_stdout = event.stream == "stdout" and not self._compiling
                _write((sys.stdout if to_stdout else sys.stderr).fileno(), event.data)
            case Phase():
                self._compiling = event.phase == "compile"
            case Started(attempt=attempt) if attempt > 1:
                note(f"a worker was lost; attempt {attempt} starts from the beginning")

    def _show_result(self, result: FinishedResult) -> None:
        is_evident = result.outcome == "ok" or (result.outcome == "nonzero_exit" and result.exit_code is not None)
        if not self._silent and not is_evident:
            note(result.message or result.outcome)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
