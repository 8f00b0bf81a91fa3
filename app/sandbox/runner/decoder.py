"""Decoder for the frames of a runner.

It checks the value of every field and the order of the frames, because a program that takes over its runner controls
this input.
"""

from __future__ import annotations

import struct

from app.core.errors import ProtocolError
from app.core.job.events import Output, Stream
from app.sandbox.runner.frames import (
    MAX_ARTIFACT_FILES,
    MAX_PAYLOAD,
    MAX_PHASES,
    PROTOCOL_VERSION,
    STDIN_WINDOW_BYTES,
    STOP_REASONS,
    Artifact,
    ArtifactData,
    Done,
    Ending,
    Event,
    Fault,
    LimitsResult,
    LimitsSet,
    PhaseEnd,
    Ready,
    RunnerFrame,
    Started,
    StdinAck,
)

__all__ = ["FrameDecoder"]

_HEADER = struct.Struct(">BI")
_PHASE_END = struct.Struct(">BBBBI8Q")
_STDOUT_TRUNCATED, _STDERR_TRUNCATED, _FROM_CGROUP, _PEAK_IS_EXACT = 1, 2, 4, 8
_VALUE_RANGES = {Ending.EXITED: range(256), Ending.SIGNALLED: range(1, 65), Ending.NOT_STARTED: range(1, 4096)}
_FRAMES_INSIDE_ARTIFACT = (RunnerFrame.ARTIFACT_DATA, RunnerFrame.STDIN_ACK, RunnerFrame.FAULT)


class FrameDecoder:
    """Decodes the output of one runner. After a ProtocolError it must not be used any more."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._ready = False
        self._closed = False
        self._running = False
        self._ended = 0
        self._forwarded = {Stream.STDOUT: 0, Stream.STDERR: 0}
        self._artifacts = 0
        self._artifact_remaining_bytes = 0

    @property
    def closed(self) -> bool:
        """Whether the last frame, Done or Fault, was decoded."""
        return self._closed

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that ``data`` completes, in order. The input may be split at any byte.

        Raises:
            ProtocolError: A frame is malformed or out of order.
        """
        self._buffer += data
        events: list[Event] = []
        position = 0
        while (end := self._frame_end(position)) is not None:
            kind, start = self._buffer[position], position + _HEADER.size
            events.append(self._decode_frame(kind, bytes(self._buffer[start:end])))
            position = end
        del self._buffer[:position]
        return events

    def _frame_end(self, position: int) -> int | None:
        if len(self._buffer) - position < _HEADER.size:
            return None
        _, length = _HEADER.unpack_from(self._buffer, position)
        if length > MAX_PAYLOAD:
            raise ProtocolError(f"frame of {length} bytes; the maximum is {MAX_PAYLOAD}")
        end = position + _HEADER.size + int(length)
        return end if end <= len(self._buffer) else None

    def _decode_frame(self, number: int, payload: bytes) -> Event:
        try:
            kind = RunnerFrame(number)
        except ValueError as error:
            raise ProtocolError(f"unknown frame type {number:#04x}") from error
        self._check_order(kind)
        try:
            return self._decode_payload(kind, payload)
        except (ValueError, struct.error) as error:
            raise ProtocolError(f"malformed {kind.name}: {error}") from error

    def _check_order(self, kind: RunnerFrame) -> None:
        if self._closed:
            raise ProtocolError(f"{kind.name} after the last frame")
        if self._artifact_remaining_bytes and kind not in _FRAMES_INSIDE_ARTIFACT:
            raise ProtocolError(f"{kind.name} inside an artifact")
        if not self._ready and kind not in (RunnerFrame.READY, RunnerFrame.FAULT):
            raise ProtocolError(f"{kind.name} before READY")

    def _decode_payload(self, kind: RunnerFrame, payload: bytes) -> Event:
        match kind:
            case RunnerFrame.READY:
                return self._decode_ready(payload)
            case RunnerFrame.STARTED:
                return self._decode_started(payload)
            case RunnerFrame.STDOUT:
                return self._decode_output(Stream.STDOUT, payload)
            case RunnerFrame.STDERR:
                return self._decode_output(Stream.STDERR, payload)
            case RunnerFrame.STDIN_ACK:
                return StdinAck(_check_range(_unpack_number(payload, ">I"), range(1, STDIN_WINDOW_BYTES + 1), "count"))
            case RunnerFrame.PHASE_END:
                return self._decode_phase_end(payload)
            case RunnerFrame.ARTIFACT:
                return self._decode_artifact(payload)
            case RunnerFrame.ARTIFACT_DATA:
                return self._decode_artifact_data(payload)
            case RunnerFrame.LIMITS_SET:
                _require(not self._running and self._ended > 0 and not self._artifacts, "LIMITS_SET out of order")
                return LimitsSet(LimitsResult(_unpack_number(payload, ">B")))
            case RunnerFrame.DONE:
                return self._decode_done(payload)
            case RunnerFrame.FAULT:
                self._closed = True
                return Fault(payload.decode("utf-8", "replace"))

    def _decode_ready(self, payload: bytes) -> Ready:
        _require(not self._ready, "second READY")
        version = _unpack_number(payload, ">B")
        _require(version == PROTOCOL_VERSION, f"version {version}")
        self._ready = True
        return Ready(version)

    def _decode_started(self, payload: bytes) -> Started:
        phase = _unpack_number(payload, ">B")
        _require(not self._running and self._is_next(phase), f"phase {phase} out of order")
        self._running = True
        self._forwarded = {Stream.STDOUT: 0, Stream.STDERR: 0}
        return Started(phase)

    def _is_next(self, phase: int) -> bool:
        return not self._artifacts and phase == self._ended < MAX_PHASES

    def _decode_output(self, stream: Stream, payload: bytes) -> Output:
        _require(self._running and payload != b"", "empty output, or output outside of a phase")
        self._forwarded[stream] += len(payload)
        return Output(stream, payload)

    def _decode_phase_end(self, payload: bytes) -> PhaseEnd:
        end = _unpack_phase_end(payload)
        _require(self._is_next(end.phase), f"phase {end.phase} out of order")
        _require(self._running == (end.ending is not Ending.NOT_STARTED), "ending does not match STARTED")
        self._check_totals(end)
        self._running = False
        self._ended += 1
        return end

    def _check_totals(self, end: PhaseEnd) -> None:
        """Check that no output was lost between the runner and the host."""
        if end.ending is Ending.NOT_STARTED:
            _require(end.stdout_bytes == end.stderr_bytes == 0, "output of a phase that did not start")
            return
        for forwarded, total, truncated in (
            (self._forwarded[Stream.STDOUT], end.stdout_bytes, end.stdout_truncated),
            (self._forwarded[Stream.STDERR], end.stderr_bytes, end.stderr_truncated),
        ):
            _require(
                forwarded < total if truncated else forwarded == total,
                "output totals do not match the output",
            )

    def _decode_done(self, payload: bytes) -> Done:
        ended, total, flags = struct.unpack(">BBB", payload)
        _require(flags < 2, f"flags {flags}")
        _require(not self._running and ended == self._ended, "DONE out of order")
        self._closed = True
        return Done(ended, _check_range(total, range(ended, MAX_PHASES + 1), "total"), bool(flags))

    def _decode_artifact(self, payload: bytes) -> Artifact:
        size, path = _unpack_number(payload[:8], ">Q"), payload[8:]
        _require(path[-1:] == b"\0" and b"\0" not in path[:-1] and len(path) > 1, "invalid path of an artifact")
        _require(not self._running and self._ended > 0, "artifact out of order")
        self._artifacts = _check_range(self._artifacts + 1, range(MAX_ARTIFACT_FILES + 1), "artifacts")
        self._artifact_remaining_bytes = size
        return Artifact(path[:-1], size)

    def _decode_artifact_data(self, payload: bytes) -> ArtifactData:
        _require(0 < len(payload) <= self._artifact_remaining_bytes, "empty artifact data, or more than its size")
        self._artifact_remaining_bytes -= len(payload)
        return ArtifactData(payload)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _check_range(value: int, allowed: range, name: str) -> int:
    _require(value in allowed, f"{name} {value}")
    return value


def _unpack_number(payload: bytes, layout: str) -> int:
    return int(struct.unpack(layout, payload)[0])


def _unpack_phase_end(payload: bytes) -> PhaseEnd:
    phase, ending_number, reason, flags, value, *numbers = _PHASE_END.unpack(payload)
    ending = Ending(ending_number)
    _require(flags < 16, f"flags {flags}")
    wall_us, cpu_us, max_rss_bytes, memory_peak_bytes, oom_kills, process_limit_hits, *output_bytes = numbers
    return PhaseEnd(
        phase=phase,
        ending=ending,
        value=_check_range(value, _VALUE_RANGES[ending], "value"),
        reason=STOP_REASONS[_check_range(reason, range(len(STOP_REASONS)), "reason")],
        wall_us=wall_us,
        cpu_us=cpu_us,
        max_rss_bytes=max_rss_bytes,
        memory_peak_bytes=memory_peak_bytes,
        oom_kills=oom_kills,
        process_limit_hits=process_limit_hits,
        stdout_bytes=output_bytes[0],
        stderr_bytes=output_bytes[1],
        stdout_truncated=bool(flags & _STDOUT_TRUNCATED),
        stderr_truncated=bool(flags & _STDERR_TRUNCATED),
        from_cgroup=bool(flags & _FROM_CGROUP),
        peak_is_exact=bool(flags & _PEAK_IS_EXACT),
    )
