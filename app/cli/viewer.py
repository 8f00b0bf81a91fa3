"""Shows a job's stream: the program's bytes as they are, everything else as a note."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from app.cli.notes import note
from pyxec import Ending, Event, Finished, Output, Phase, Started, UnreadableReply

__all__ = ["Viewer"]

_SELF_EVIDENT = frozenset({"ok", "nonzero_exit"})


class Viewer:
    """Writes stdout to stdout and stderr to stderr, byte for byte and at once.

    What a compiler prints goes to stderr, whichever of the two it chose: stdout is the program's.

    Parameters:
        silent: follow to the end without a word, for a caller that prints the result itself.
    """

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._compiling = False

    def follow(self, events: Iterable[Event]) -> Ending:
        """Show all of it, and return how the job ended.

        Raises:
            BrokenPipeError: whoever read our output has left.
        """
        for event in events:
            if isinstance(event, Finished):
                self._show_end(event.result)
                return event.result
            if not self._silent:
                self._show(event)
        raise UnreadableReply("the stream ended without the job's end")

    def _show(self, event: Event) -> None:
        match event:
            case Output():
                to_stdout = event.stream == "stdout" and not self._compiling
                _write((sys.stdout if to_stdout else sys.stderr).fileno(), event.data)
            case Phase():
                self._compiling = event.phase == "compile"
            case Started(attempt=attempt) if attempt > 1:
                note(f"a worker was lost; attempt {attempt} starts from the beginning")

    def _show_end(self, end: Ending) -> None:
        if not self._silent and (end.outcome not in _SELF_EVIDENT or (end.outcome != "ok" and end.exit_code is None)):
            note(end.message or end.outcome)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
