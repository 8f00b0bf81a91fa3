"""Decoding of the frames of a runner, with all checks of values and order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import ProtocolError
from app.core.job.events import Output, Stream
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
from tests.sandbox.runner.runner_frames import (
    END,
    VERSION,
    decode_events,
    encode_event,
    end_payload,
    event_sequences,
    frame,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(event_sequences(), st.data())
def test_events_round_trip_with_any_chunks(sequence: list[Event], data: st.DataObject) -> None:
    encoded = b"".join(map(encode_event, sequence))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(encoded)), max_size=20)))
    decoder = FrameDecoder()

    events = [event for start, end in pairwise([0, *cuts, len(encoded)]) for event in decoder.feed(encoded[start:end])]

    assert events == sequence
    assert decoder.closed


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(event_sequences(), st.data())
def test_corrupt_frames_are_decoded_or_rejected(sequence: list[Event], data: st.DataObject) -> None:
    encoded = bytearray(b"".join(map(encode_event, sequence)))
    for position in data.draw(st.lists(st.integers(0, len(encoded) - 1), min_size=1, max_size=5)):
        encoded[position] ^= data.draw(st.integers(1, 255))

    try:
        events = FrameDecoder().feed(bytes(encoded))
    except ProtocolError:
        return
    encoded_again = b"".join(encode_event(event) for event in events if not isinstance(event, Fault))
    assert encoded.startswith(encoded_again)  # the text of a Fault may change: invalid UTF-8 is replaced


@given(st.binary(max_size=200))
def test_random_bytes_are_rejected(noise: bytes) -> None:
    decoder = FrameDecoder()
    decoder.feed(encode_event(Ready(VERSION)))
    try:
        decoder.feed(noise)
    except ProtocolError:
        assert noise


OUT = Output(Stream.STDOUT, b"out")
UNSTARTED = replace(END, ending=Ending.NOT_STARTED, value=2)


@pytest.mark.parametrize(
    "sequence",
    [
        [Ready(VERSION), Done(0, 1)],
        [Ready(VERSION), Fault("why")],
        [Fault("why")],
        [Ready(VERSION), UNSTARTED, Done(1, 2)],
        [Ready(VERSION), Started(0), END, replace(UNSTARTED, phase=1), Done(2, 2)],
        [Ready(VERSION), StdinAck(1), Started(0), StdinAck(STDIN_WINDOW_BYTES), END, StdinAck(5), Done(1, 1)],
        [
            Ready(VERSION),
            Started(0),
            END,
            Artifact(b"a", 0),
            Artifact(b"b", 1),
            StdinAck(5),
            ArtifactData(b"x"),
            Done(1, 2, True),
        ],
        [Ready(VERSION), Started(0), END, Artifact(b"a", 1), Fault("why")],
    ],
)
def test_valid_sequences_are_accepted(sequence: list[Event]) -> None:
    assert decode_events(*sequence) == sequence


@pytest.mark.parametrize(
    "sequence",
    [
        [Started(0)],
        [Done(0, 1)],
        [Ready(VERSION - 1)],
        [Ready(VERSION + 1)],
        [Ready(VERSION), Ready(VERSION)],
        [Ready(VERSION), Started(1)],
        [Ready(VERSION), Started(0), Started(0)],
        [Ready(VERSION), Started(0), Started(1)],
        [Ready(VERSION), OUT],
        [Ready(VERSION), Started(0), Output(Stream.STDERR, b"")],
        [Ready(VERSION), END],
        [Ready(VERSION), Started(0), UNSTARTED],
        [Ready(VERSION), Started(0), replace(END, phase=1)],
        [Ready(VERSION), Started(0), END, END],
        [Ready(VERSION), Started(0), END, OUT],
        [Ready(VERSION), Started(0), OUT, END],
        [Ready(VERSION), Started(0), OUT, replace(END, stdout_bytes=2)],
        [Ready(VERSION), Started(0), OUT, replace(END, stderr_bytes=3)],
        [Ready(VERSION), Started(0), OUT, replace(END, stdout_bytes=3, stdout_truncated=True)],
        [Ready(VERSION), Started(0), replace(END, stderr_truncated=True)],
        [Ready(VERSION), replace(UNSTARTED, stdout_bytes=1)],
        [Ready(VERSION), Started(0), replace(END, value=256)],
        [Ready(VERSION), Started(0), replace(END, ending=Ending.SIGNALLED, value=0)],
        [Ready(VERSION), Started(0), replace(END, ending=Ending.SIGNALLED, value=65)],
        [Ready(VERSION), replace(UNSTARTED, value=0)],
        [Ready(VERSION), StdinAck(0)],
        [Ready(VERSION), StdinAck(STDIN_WINDOW_BYTES + 1)],
        [Ready(VERSION), Started(0), Done(0, 1)],
        [Ready(VERSION), Started(0), END, Done(0, 1)],
        [Ready(VERSION), Started(0), END, Done(1, 0)],
        [Ready(VERSION), Done(0, MAX_PHASES + 1)],
        [Ready(VERSION), Done(0, 1), Done(0, 1)],
        [Ready(VERSION), Fault("why"), Started(0)],
        [Ready(VERSION), Artifact(b"a", 0)],
        [Ready(VERSION), Started(0), Artifact(b"a", 0)],
        [Ready(VERSION), Started(0), END, ArtifactData(b"x")],
        [Ready(VERSION), Started(0), END, Artifact(b"a", 2), ArtifactData(b"x"), Done(1, 1)],
        [Ready(VERSION), Started(0), END, Artifact(b"a", 1), ArtifactData(b"xx")],
        [Ready(VERSION), Started(0), END, Artifact(b"a", 1), ArtifactData(b"")],
        [Ready(VERSION), Started(0), END, Artifact(b"a", 1), Artifact(b"b", 1)],
        [Ready(VERSION), Started(0), END, Artifact(b"a", 0), Started(1)],
        [Ready(VERSION), Started(0), END, Artifact(b"", 0)],
        [Ready(VERSION), Started(0), END, Artifact(b"a\0b", 0)],
        [Ready(VERSION), Started(0), END, *[Artifact(b"a", 0)] * (MAX_ARTIFACT_FILES + 1)],
        [
            Ready(VERSION),
            *(event for phase in range(MAX_PHASES + 1) for event in (Started(phase), replace(END, phase=phase))),
        ],
    ],
)
def test_invalid_sequences_are_rejected(sequence: list[Event]) -> None:
    with pytest.raises(ProtocolError):
        decode_events(*sequence)


@pytest.mark.parametrize(
    "encoded",
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
        frame(RunnerFrame.PHASE_END, b"\0\2\0\x10" + end_payload(UNSTARTED)[4:]),
        frame(RunnerFrame.PHASE_END, end_payload(UNSTARTED) + b"\0"),
    ],
)
def test_malformed_frames_are_rejected(encoded: bytes) -> None:
    decoder = FrameDecoder()
    decoder.feed(encode_event(Ready(VERSION)))
    with pytest.raises(ProtocolError):
        decoder.feed(encoded)


def test_too_long_frame_is_rejected_before_its_payload() -> None:
    decoder = FrameDecoder()
    with pytest.raises(ProtocolError, match="the maximum is"):
        decoder.feed(b"\x81\x00\x01\x00\x01")


def test_fault_with_invalid_utf8_is_decoded() -> None:
    assert FrameDecoder().feed(frame(RunnerFrame.FAULT, b"\xffwhy")) == [Fault("\ufffdwhy")]
