"""Encoding of the frames of a runner, and random valid sequences of them, for the tests of the protocol."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

from app.core.job.events import Output, Stream
from app.core.outcomes import StopReason
from app.sandbox.runner.decoder import FrameDecoder
from app.sandbox.runner.frames import (
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
    PhaseEnd,
    Ready,
    RunnerFrame,
    Started,
    StdinAck,
)

__all__ = ["END", "VERSION", "decode_events", "encode_event", "end_payload", "event_sequences", "frame", "uint64s"]

VERSION = PROTOCOL_VERSION
END = PhaseEnd(
    phase=0,
    ending=Ending.EXITED,
    value=0,
    reason=StopReason.NONE,
    wall_us=1,
    cpu_us=2,
    max_rss_bytes=3,
    memory_peak_bytes=4,
    oom_kills=0,
    process_limit_hits=0,
    stdout_bytes=0,
    stderr_bytes=0,
    stdout_truncated=False,
    stderr_truncated=False,
    from_cgroup=True,
    peak_is_exact=True,
)


def frame(kind: int, payload: bytes = b"") -> bytes:
    """Return a frame: type, length, payload."""
    return struct.pack(">BI", kind, len(payload)) + payload


def end_payload(end: PhaseEnd) -> bytes:
    flags = end.stdout_truncated | end.stderr_truncated << 1 | end.from_cgroup << 2 | end.peak_is_exact << 3
    return struct.pack(
        ">BBBBI8Q",
        *(
            end.phase,
            end.ending,
            STOP_REASONS.index(end.reason),
            flags,
            end.value,
            end.wall_us,
            end.cpu_us,
            end.max_rss_bytes,
        ),
        *(end.memory_peak_bytes, end.oom_kills, end.process_limit_hits, end.stdout_bytes, end.stderr_bytes),
    )


def encode_event(event: Event) -> bytes:
    """Return the frame of an event."""
    match event:
        case Ready(version):
            return frame(RunnerFrame.READY, bytes([version]))
        case Started(phase):
            return frame(RunnerFrame.STARTED, bytes([phase]))
        case Output(stream, data):
            return frame(RunnerFrame.STDOUT if stream is Stream.STDOUT else RunnerFrame.STDERR, data)
        case StdinAck(count):
            return frame(RunnerFrame.STDIN_ACK, count.to_bytes(4))
        case PhaseEnd():
            return frame(RunnerFrame.PHASE_END, end_payload(event))
        case Artifact(path, size):
            return frame(RunnerFrame.ARTIFACT, struct.pack(">Q", size) + path + b"\0")
        case ArtifactData(data):
            return frame(RunnerFrame.ARTIFACT_DATA, data)
        case Done(ended, total, incomplete):
            return frame(RunnerFrame.DONE, bytes([ended, total, incomplete]))
        case Fault(text):
            return frame(RunnerFrame.FAULT, text.encode())


def decode_events(*events: Event) -> list[Event]:
    return FrameDecoder().feed(b"".join(map(encode_event, events)))


uint64s = st.integers(0, 2**64 - 1)
output_or_ack = st.one_of(
    st.builds(Output, st.sampled_from(Stream), st.binary(min_size=1, max_size=300)),
    st.builds(StdinAck, st.integers(1, STDIN_WINDOW_BYTES)),
)


@st.composite
def phase_events(draw: st.DrawFn, phase: int) -> list[Event]:
    events = draw(st.lists(output_or_ack, max_size=6))
    totals = {
        stream: sum(len(event.data) for event in events if isinstance(event, Output) and event.stream is stream)
        for stream in Stream
    }
    dropped = {stream: draw(st.integers(0, 3)) for stream in Stream}
    ending = draw(st.sampled_from([Ending.EXITED, Ending.SIGNALLED]))
    end = PhaseEnd(
        phase=phase,
        ending=ending,
        value=draw(st.integers(0, 255) if ending is Ending.EXITED else st.integers(1, 64)),
        reason=draw(st.sampled_from(StopReason)),
        wall_us=draw(uint64s),
        cpu_us=draw(uint64s),
        max_rss_bytes=draw(uint64s),
        memory_peak_bytes=draw(uint64s),
        oom_kills=draw(uint64s),
        process_limit_hits=draw(uint64s),
        stdout_bytes=totals[Stream.STDOUT] + dropped[Stream.STDOUT],
        stderr_bytes=totals[Stream.STDERR] + dropped[Stream.STDERR],
        stdout_truncated=dropped[Stream.STDOUT] > 0,
        stderr_truncated=dropped[Stream.STDERR] > 0,
        from_cgroup=draw(st.booleans()),
        peak_is_exact=draw(st.booleans()),
    )
    return [Started(phase), *events, end]


@st.composite
def artifact_events(draw: st.DrawFn) -> list[Event]:
    path = draw(st.binary(min_size=1, max_size=300).filter(lambda path: 0 not in path))
    pieces = draw(st.lists(st.binary(min_size=1, max_size=300), max_size=4))
    return [Artifact(path, sum(map(len, pieces))), *map(ArtifactData, pieces)]


@st.composite
def event_sequences(draw: st.DrawFn) -> list[Event]:
    count = draw(st.integers(0, 8))
    events: list[Event] = [Ready(VERSION)]
    for phase in range(count):
        events += draw(phase_events(phase))
    for artifact in draw(st.lists(artifact_events(), max_size=4)) if count else ():
        events += artifact
    done = st.builds(Done, st.just(count), st.just(MAX_PHASES), st.booleans())
    return [*events, draw(done | st.builds(Fault, st.text(max_size=50)))]
