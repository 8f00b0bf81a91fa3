"""What a runner may say, as bytes and at random, for the tests of the protocol."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

from app.core.events import Output, Stream
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

__all__ = ["END", "V", "end_payload", "frame", "heard", "numbers", "spoken", "whole_lives"]

V = PROTOCOL_VERSION
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
    stdout_bytes=0,
    stderr_bytes=0,
    stdout_truncated=False,
    stderr_truncated=False,
    from_cgroup=True,
)


def frame(kind: int, payload: bytes = b"") -> bytes:
    """Type, length, payload."""
    return struct.pack(">BI", kind, len(payload)) + payload


def end_payload(end: PhaseEnd) -> bytes:
    flags = end.stdout_truncated | end.stderr_truncated << 1 | end.from_cgroup << 2
    return struct.pack(
        ">BBBBI7Q",
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
        *(end.memory_peak_bytes, end.oom_kills, end.stdout_bytes, end.stderr_bytes),
    )


def spoken(event: Event) -> bytes:
    """The frame a runner would say for this event."""
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


def heard(*events: Event) -> list[Event]:
    return FrameDecoder().feed(b"".join(map(spoken, events)))


numbers = st.integers(0, 2**64 - 1)
chatter = st.one_of(
    st.builds(Output, st.sampled_from(Stream), st.binary(min_size=1, max_size=300)),
    st.builds(StdinAck, st.integers(1, STDIN_WINDOW_BYTES)),
)


@st.composite
def started_phases(draw: st.DrawFn, phase: int) -> list[Event]:
    said = draw(st.lists(chatter, max_size=6))
    totals = {
        stream: sum(len(event.data) for event in said if isinstance(event, Output) and event.stream is stream)
        for stream in Stream
    }
    lost = {stream: draw(st.integers(0, 3)) for stream in Stream}
    ending = draw(st.sampled_from([Ending.EXITED, Ending.SIGNALLED]))
    end = PhaseEnd(
        phase=phase,
        ending=ending,
        value=draw(st.integers(0, 255) if ending is Ending.EXITED else st.integers(1, 64)),
        reason=draw(st.sampled_from(StopReason)),
        wall_us=draw(numbers),
        cpu_us=draw(numbers),
        max_rss_bytes=draw(numbers),
        memory_peak_bytes=draw(numbers),
        oom_kills=draw(numbers),
        stdout_bytes=totals[Stream.STDOUT] + lost[Stream.STDOUT],
        stderr_bytes=totals[Stream.STDERR] + lost[Stream.STDERR],
        stdout_truncated=lost[Stream.STDOUT] > 0,
        stderr_truncated=lost[Stream.STDERR] > 0,
        from_cgroup=draw(st.booleans()),
    )
    return [Started(phase), *said, end]


@st.composite
def whole_artifacts(draw: st.DrawFn) -> list[Event]:
    path = draw(st.binary(min_size=1, max_size=300).filter(lambda path: 0 not in path))
    pieces = draw(st.lists(st.binary(min_size=1, max_size=300), max_size=4))
    return [Artifact(path, sum(map(len, pieces))), *map(ArtifactData, pieces)]


@st.composite
def whole_lives(draw: st.DrawFn) -> list[Event]:
    count = draw(st.integers(0, 8))
    events: list[Event] = [Ready(V)]
    for phase in range(count):
        events += draw(started_phases(phase))
    for artifact in draw(st.lists(whole_artifacts(), max_size=4)) if count else ():
        events += artifact
    done = st.builds(Done, st.just(count), st.just(MAX_PHASES), st.booleans())
    return [*events, draw(done | st.builds(Fault, st.text(max_size=50)))]
