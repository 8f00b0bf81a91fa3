"""Shows a job's stream: the program's bytes as they are, everything else as a note."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from app.client.errors import UnreadableReply
from app.client.messages import AttemptSeen, End, JobEnd, Message, OutputSeen, PhaseSeen
from app.commands.notes import note

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

    def follow(self, messages: Iterable[Message]) -> JobEnd:
        """Show all of it, and return how the job ended.

        Raises:
            BrokenPipeError: whoever read our output has left.
        """
        for message in messages:
            if isinstance(message, End):
                self._show_end(message.result)
                return message.result
            if not self._silent:
                self._show(message)
        raise UnreadableReply("the stream ended without the job's end")

    def _show(self, message: Message) -> None:
        match message:
            case OutputSeen():
                to_stdout = message.stream == "stdout" and not self._compiling
                _write((sys.stdout if to_stdout else sys.stderr).fileno(), message.content())
            case PhaseSeen():
                self._compiling = message.phase == "compile"
            case AttemptSeen(attempt=attempt) if attempt > 1:
                note(f"a worker was lost; attempt {attempt} starts from the beginning")

    def _show_end(self, end: JobEnd) -> None:
        if not self._silent and (end.outcome not in _SELF_EVIDENT or (end.outcome != "ok" and end.exit_code is None)):
            note(end.message or end.outcome)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
