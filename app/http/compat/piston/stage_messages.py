"""The events of a job as Piston's messages. A stage's end is not an event of ours: it is told when it is known."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from app.core.events import AttemptStarted, JobFinished, LoggedEvent, Output, PhaseStarted, Stream
from app.core.outcomes import COMPILE
from app.core.results import JobResult
from app.http.compat.piston.messages import encode_message
from app.http.compat.piston.stages import code_of, signal_name

__all__ = ["StageWords"]


class StageWords:
    """Of one execution, for one client."""

    def __init__(self) -> None:
        self._stage: str | None = None
        self.result: JobResult | None = None
        self._begin(None)

    def of(self, logged: LoggedEvent) -> Iterator[str]:
        """The messages for the next event. ``result`` is there once it was the last."""
        match logged.event:
            case AttemptStarted():
                self._begin(None)
            case PhaseStarted(phase=phase):
                # A program is started only when its compiler has ended well.
                yield from self._end(code=0, signal=None) if self._stage == COMPILE else ()
                self._begin(phase)
                yield encode_message("stage", stage=phase)
            case Output(stream=stream, data=data):
                yield from self._text(stream, data)
            case JobFinished(result=result):
                self.result = result
                yield from self._last(result)

    def _begin(self, stage: str | None) -> None:
        self._stage = stage
        # A chunk may end inside a character.
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {stream: decoder(errors="replace") for stream in Stream}

    def _text(self, stream: Stream, data: bytes, final: bool = False) -> Iterator[str]:
        if text := self._decoders[stream].decode(data, final):
            yield encode_message("data", stream=stream, data=text)

    def _last(self, result: JobResult) -> Iterator[str]:
        if self._stage is not None and result.phases:
            report = result.phases[-1]
            yield from self._end(code_of(report), signal_name(report))

    def _end(self, code: int | None, signal: str | None) -> Iterator[str]:
        for stream in Stream:
            yield from self._text(stream, b"", final=True)
        yield encode_message("exit", stage=self._stage, code=code, signal=signal)
