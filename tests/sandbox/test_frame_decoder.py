"""What is heard of a runner is checked to the last field, in any portions."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import ProtocolError
from app.core.events import Output, Stream
from app.sandbox.runner.decoder import FrameDecoder
from app.sandbox.runner.frames import (
    MAX_ARTIFACT_FILES,
    MAX_PAYLOAD,
    MAX_PHASES,
    STDIN_WINDOW_BYTES,
    Artifact,
    ArtifactData,
    Done,
    Ending,
    Event,
    Fault,
    Ready,
    RunnerFrame,
    Started,
    StdinAck,
)
from tests.sandbox.runner_words import END, V, end_payload, frame, heard, spoken, whole_lives


@settings(suppress_health_check=[HealthCheck.too_slow])  # of a busy machine
@given(whole_lives(), st.data())
def test_a_runners_life_is_heard_as_it_was_said_in_any_portions(life: list[Event], data: st.DataObject) -> None:
    said = b"".join(map(spoken, life))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=20)))
    decoder = FrameDecoder()

    events = [event for start, end in pairwise([0, *cuts, len(said)]) for event in decoder.feed(said[start:end])]

    assert events == life
    assert decoder.closed


@settings(suppress_health_check=[HealthCheck.too_slow])  # of a busy machine
@given(whole_lives(), st.data())
def test_a_life_with_flipped_bytes_is_heard_or_refused_and_nothing_else(life: list[Event], data: st.DataObject) -> None:
    said = bytearray(b"".join(map(spoken, life)))
    for position in data.draw(st.lists(st.integers(0, len(said) - 1), min_size=1, max_size=5)):
        said[position] ^= data.draw(st.integers(1, 255))

    try:
        events = FrameDecoder().feed(bytes(said))
    except ProtocolError:
        return
    heard_again = b"".join(spoken(event) for event in events if not isinstance(event, Fault))
    assert said.startswith(heard_again)  # a fault's text is for people, and may be mended


@given(st.binary(max_size=200))
def test_noise_is_refused_and_never_crashes(noise: bytes) -> None:
    decoder = FrameDecoder()
    decoder.feed(spoken(Ready(V)))
    try:
        decoder.feed(noise)
    except ProtocolError:
        assert noise


OUT = Output(Stream.STDOUT, b"out")
UNSTARTED = replace(END, ending=Ending.NOT_STARTED, value=2)


@pytest.mark.parametrize(
    "life",
    [
        [Ready(V), Done(0, 1)],
        [Ready(V), Fault("why")],
        [Fault("why")],
        [Ready(V), UNSTARTED, Done(1, 2)],
        [Ready(V), Started(0), END, replace(UNSTARTED, phase=1), Done(2, 2)],
        [Ready(V), StdinAck(1), Started(0), StdinAck(STDIN_WINDOW_BYTES), END, StdinAck(5), Done(1, 1)],
        [
            Ready(V),
            Started(0),
            END,
            Artifact(b"a", 0),
            Artifact(b"b", 1),
            StdinAck(5),
            ArtifactData(b"x"),
            Done(1, 2, True),
        ],
        [Ready(V), Started(0), END, Artifact(b"a", 1), Fault("why")],
    ],
)
def test_lives_that_may_be(life: list[Event]) -> None:
    assert heard(*life) == life


@pytest.mark.parametrize(
    "life",
    [
        [Started(0)],
        [Done(0, 1)],
        [Ready(V - 1)],
        [Ready(V + 1)],
        [Ready(V), Ready(V)],
        [Ready(V), Started(1)],
        [Ready(V), Started(0), Started(0)],
        [Ready(V), Started(0), Started(1)],
        [Ready(V), OUT],
        [Ready(V), Started(0), Output(Stream.STDERR, b"")],
        [Ready(V), END],
        [Ready(V), Started(0), UNSTARTED],
        [Ready(V), Started(0), replace(END, phase=1)],
        [Ready(V), Started(0), END, END],
        [Ready(V), Started(0), END, OUT],
        [Ready(V), Started(0), OUT, END],
        [Ready(V), Started(0), OUT, replace(END, stdout_bytes=2)],
        [Ready(V), Started(0), OUT, replace(END, stderr_bytes=3)],
        [Ready(V), Started(0), OUT, replace(END, stdout_bytes=3, stdout_truncated=True)],
        [Ready(V), Started(0), replace(END, stderr_truncated=True)],
        [Ready(V), replace(UNSTARTED, stdout_bytes=1)],
        [Ready(V), Started(0), replace(END, value=256)],
        [Ready(V), Started(0), replace(END, ending=Ending.SIGNALLED, value=0)],
        [Ready(V), Started(0), replace(END, ending=Ending.SIGNALLED, value=65)],
        [Ready(V), replace(UNSTARTED, value=0)],
        [Ready(V), StdinAck(0)],
        [Ready(V), StdinAck(STDIN_WINDOW_BYTES + 1)],
        [Ready(V), Started(0), Done(0, 1)],
        [Ready(V), Started(0), END, Done(0, 1)],
        [Ready(V), Started(0), END, Done(1, 0)],
        [Ready(V), Done(0, MAX_PHASES + 1)],
        [Ready(V), Done(0, 1), Done(0, 1)],
        [Ready(V), Fault("why"), Started(0)],
        [Ready(V), Artifact(b"a", 0)],
        [Ready(V), Started(0), Artifact(b"a", 0)],
        [Ready(V), Started(0), END, ArtifactData(b"x")],
        [Ready(V), Started(0), END, Artifact(b"a", 2), ArtifactData(b"x"), Done(1, 1)],
        [Ready(V), Started(0), END, Artifact(b"a", 1), ArtifactData(b"xx")],
        [Ready(V), Started(0), END, Artifact(b"a", 1), ArtifactData(b"")],
        [Ready(V), Started(0), END, Artifact(b"a", 1), Artifact(b"b", 1)],
        [Ready(V), Started(0), END, Artifact(b"a", 0), Started(1)],
        [Ready(V), Started(0), END, Artifact(b"", 0)],
        [Ready(V), Started(0), END, Artifact(b"a\0b", 0)],
        [Ready(V), Started(0), END, *[Artifact(b"a", 0)] * (MAX_ARTIFACT_FILES + 1)],
        [
            Ready(V),
            *(event for phase in range(MAX_PHASES + 1) for event in (Started(phase), replace(END, phase=phase))),
        ],
    ],
)
def test_lives_that_must_not_be(life: list[Event]) -> None:
    with pytest.raises(ProtocolError):
        heard(*life)


@pytest.mark.parametrize(
    "said",
    [
        b"\x83" + (MAX_PAYLOAD + 1).to_bytes(4),
        b"\x83\xff\xff\xff\xff",
        frame(0x00),
        frame(0x01),
        frame(0x8B),
        frame(RunnerFrame.READY),
        frame(RunnerFrame.READY, b"\1\1"),
        frame(RunnerFrame.STARTED, b""),
        frame(RunnerFrame.STDIN_ACK, b"\1"),
        frame(RunnerFrame.STDIN_ACK, b"\0\0\0\1\0"),
        frame(RunnerFrame.DONE, b"\0"),
        frame(RunnerFrame.DONE, b"\0\0\2"),
        frame(RunnerFrame.ARTIFACT, b"\0"),
        frame(RunnerFrame.PHASE_END, b""),
        frame(RunnerFrame.PHASE_END, b"\0\3" + end_payload(END)[2:]),
        frame(RunnerFrame.PHASE_END, b"\0\2\5" + end_payload(UNSTARTED)[3:]),
        frame(RunnerFrame.PHASE_END, b"\0\2\0\x08" + end_payload(UNSTARTED)[4:]),
        frame(RunnerFrame.PHASE_END, end_payload(UNSTARTED) + b"\0"),
    ],
)
def test_malformed_frames_are_refused(said: bytes) -> None:
    decoder = FrameDecoder()
    decoder.feed(spoken(Ready(V)))
    with pytest.raises(ProtocolError):
        decoder.feed(said)


def test_a_frame_that_claims_too_much_is_refused_before_its_bytes_come() -> None:
    decoder = FrameDecoder()
    with pytest.raises(ProtocolError, match="the maximum is"):
        decoder.feed(b"\x81\x00\x01\x00\x01")


def test_a_fault_in_broken_utf8_is_still_heard() -> None:
    assert FrameDecoder().feed(frame(RunnerFrame.FAULT, b"\xffwhy")) == [Fault("\ufffdwhy")]
