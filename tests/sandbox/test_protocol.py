"""The host's side of the runner protocol: what is sent can be read back, what is heard is checked to the last field."""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import ProtocolError
from app.sandbox.frame_decoder import FrameDecoder
from app.sandbox.frames import (
    MAX_ARTIFACT_FILES,
    MAX_PAYLOAD,
    MAX_PHASES,
    PROTOCOL_VERSION,
    STDIN_WINDOW_BYTES,
    UNLIMITED,
    Artifact,
    ArtifactData,
    CollectSpec,
    Done,
    Ending,
    Event,
    Fault,
    HostFrame,
    Output,
    PhaseEnd,
    PhaseSpec,
    Ready,
    RunnerFrame,
    Started,
    StdinAck,
    StopReason,
    Stream,
    WindowSize,
)
from app.sandbox.protocol import (
    SIGNALS,
    encode_cancel,
    encode_collect,
    encode_file,
    encode_go,
    encode_phase,
    encode_resize,
    encode_signal,
    encode_stdin,
    encode_stdin_eof,
)

V = PROTOCOL_VERSION
SPEC = PhaseSpec(
    argv=("cat", "-n"),
    env=(("PATH", "/bin"),),
    wall_ms=1,
    cpu_ms=2,
    output_bytes=3,
    open_files=4,
    file_bytes=5,
    stack_bytes=6,
)
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
    return struct.pack(">BI", kind, len(payload)) + payload


def split_frames(data: bytes) -> list[tuple[int, bytes]]:
    """An independent reading of what the encoders wrote."""
    frames = []
    while data:
        kind, length = struct.unpack_from(">BI", data)
        frames.append((kind, data[5 : 5 + length]))
        data = data[5 + length :]
    return frames


def end_payload(end: PhaseEnd) -> bytes:
    flags = end.stdout_truncated | end.stderr_truncated << 1 | end.from_cgroup << 2
    return struct.pack(
        ">BBBBI7Q",
        *(end.phase, end.ending, end.reason, flags, end.value, end.wall_us, end.cpu_us, end.max_rss_bytes),
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


@given(whole_lives(), st.data())
def test_a_runners_life_is_heard_as_it_was_said_in_any_portions(life: list[Event], data: st.DataObject) -> None:
    said = b"".join(map(spoken, life))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=20)))
    decoder = FrameDecoder()

    events = [event for start, end in pairwise([0, *cuts, len(said)]) for event in decoder.feed(said[start:end])]

    assert events == life
    assert decoder.closed


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


sizes = st.builds(WindowSize, st.integers(1, 65535), st.integers(1, 65535))
names = st.text(
    st.characters(exclude_characters="\0=", categories=["L", "N", "P", "S", "Z", "Cc"]), min_size=1, max_size=20
)
texts = st.text(st.characters(exclude_characters="\0", categories=["L", "N", "P", "S", "Z", "Cc"]), max_size=50)


@given(
    st.builds(
        PhaseSpec,
        argv=st.lists(texts, min_size=1, max_size=8).map(tuple),
        env=st.lists(st.tuples(names, texts), max_size=8).map(tuple),
        wall_ms=st.integers(1, 2**32 - 1),
        cpu_ms=st.integers(1, 2**32 - 1),
        output_bytes=numbers,
        open_files=st.integers(3, 2**32 - 1),
        file_bytes=numbers,
        stack_bytes=st.integers(1, UNLIMITED),
        cwd=texts,
        gets_stdin=st.booleans(),
        terminal=st.none() | sizes,
        is_test=st.booleans(),
    )
)
def test_a_phase_can_be_read_back(spec: PhaseSpec) -> None:
    ((kind, payload),) = split_frames(encode_phase(spec))
    flags, rows, columns, *limits, argc, envc = struct.unpack_from(">BHHIIQIQQHH", payload)
    cwd, *strings, rest = payload[struct.calcsize(">BHHIIQIQQHH") :].split(b"\0")

    assert kind == HostFrame.PHASE
    assert flags == spec.gets_stdin | (spec.terminal is not None) << 1 | spec.is_test << 2
    assert (rows, columns) == ((spec.terminal.rows, spec.terminal.columns) if spec.terminal else (0, 0))
    assert limits == [
        *(spec.wall_ms, spec.cpu_ms, spec.output_bytes),
        *(spec.open_files, spec.file_bytes, spec.stack_bytes),
    ]
    assert cwd.decode() == spec.cwd
    assert [text.decode() for text in strings[:argc]] == list(spec.argv)
    assert [text.decode() for text in strings[argc:]] == [f"{name}={value}" for name, value in spec.env]
    assert envc == len(spec.env)
    assert rest == b""


@given(st.binary(max_size=100) | st.integers(MAX_PAYLOAD - 20, 3 * MAX_PAYLOAD).map(bytes), st.booleans())
def test_a_file_can_be_read_back(data: bytes, executable: bool) -> None:
    first, *more = split_frames(b"".join(encode_file("a/b.txt", data, executable=executable)))
    mode, (path, beginning) = first[1][:2], first[1][2:].split(b"\0", 1)

    assert first[0] == HostFrame.FILE
    assert int.from_bytes(mode) == (0o755 if executable else 0o644)
    assert path == b"a/b.txt"
    assert all(kind == HostFrame.FILE_DATA and 0 < len(piece) <= MAX_PAYLOAD for kind, piece in more)
    assert beginning + b"".join(piece for _, piece in more) == data


@given(st.integers(0, 3 * MAX_PAYLOAD).map(bytes))
def test_stdin_can_be_read_back(data: bytes) -> None:
    frames = split_frames(encode_stdin(data))

    assert all(kind == HostFrame.STDIN and 0 < len(piece) <= MAX_PAYLOAD for kind, piece in frames)
    assert b"".join(piece for _, piece in frames) == data


@given(sizes)
def test_a_size_can_be_read_back(size: WindowSize) -> None:
    assert split_frames(encode_resize(size)) == [(HostFrame.RESIZE, struct.pack(">HH", size.rows, size.columns))]


@pytest.mark.parametrize("size", [WindowSize(0, 80), WindowSize(24, 0), WindowSize(65536, 80), WindowSize(24, -1)])
def test_sizes_out_of_range_are_refused(size: WindowSize) -> None:
    with pytest.raises(ProtocolError):
        encode_resize(size)


@given(
    st.builds(
        CollectSpec,
        patterns=st.lists(texts.filter(bool), min_size=1, max_size=16).map(tuple),
        files=st.integers(1, MAX_ARTIFACT_FILES),
        total_bytes=numbers,
    )
)
def test_what_is_wanted_back_can_be_read_back(spec: CollectSpec) -> None:
    ((kind, payload),) = split_frames(encode_collect(spec))

    assert kind == HostFrame.COLLECT
    assert struct.unpack_from(">BQB", payload) == (spec.files, spec.total_bytes, len(spec.patterns))
    assert payload[10:].decode() == "".join(f"{pattern}\0" for pattern in spec.patterns)


@pytest.mark.parametrize(
    "spec",
    [
        CollectSpec((), 1, 1),
        CollectSpec(("x",) * 17, 1, 1),
        CollectSpec(("x",), 0, 1),
        CollectSpec(("x",), MAX_ARTIFACT_FILES + 1, 1),
        CollectSpec(("",), 1, 1),
        CollectSpec(("x" * 256,), 1, 1),
        CollectSpec(("a\0b",), 1, 1),
    ],
)
def test_what_the_runner_would_not_collect_is_refused_here(spec: CollectSpec) -> None:
    with pytest.raises(ProtocolError):
        encode_collect(spec)


def test_frames_without_content() -> None:
    frames = encode_go() + encode_stdin_eof() + encode_cancel()

    assert split_frames(frames) == [(HostFrame.GO, b""), (HostFrame.STDIN_EOF, b""), (HostFrame.CANCEL, b"")]


@pytest.mark.parametrize("number", range(-1, 70))
def test_only_allowed_signals_are_encoded(number: int) -> None:
    if number in SIGNALS:
        assert split_frames(encode_signal(number)) == [(HostFrame.SIGNAL, bytes([number]))]
    else:
        with pytest.raises(ProtocolError):
            encode_signal(number)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/etc/x",
        "..",
        "../x",
        "a/../x",
        ".",
        "./x",
        "a//b",
        "a/",
        "x" * 256,
        "ü" * 128,
        "1/2/3/4/5/6/7/8/9",
        "a\0b",
        "\ud800",
    ],
)
def test_unsafe_paths_are_refused(path: str) -> None:
    with pytest.raises(ProtocolError):
        list(encode_file(path, b""))


@pytest.mark.parametrize(
    "wrong",
    [
        {"argv": ()},
        {"argv": ("a\0b",)},
        {"argv": ("\ud800",)},
        {"argv": ("x" * MAX_PAYLOAD,)},
        {"argv": ("x",) * 70_000},
        {"env": (("", "x"),)},
        {"env": (("A=B", "x"),)},
        {"env": (("A", "\0"),)},
        {"env": (("A", "x" * MAX_PAYLOAD),)},
        {"env": (("A", ""),) * 70_000},
        {"cwd": "\0"},
        {"wall_ms": 0},
        {"wall_ms": 2**32},
        {"cpu_ms": 0},
        {"output_bytes": -1},
        {"output_bytes": 2**64},
        {"open_files": 2},
        {"file_bytes": -1},
        {"stack_bytes": 0},
        {"terminal": WindowSize(0, 80)},
    ],
)
def test_phases_that_the_runner_would_refuse_are_refused_here(wrong: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        encode_phase(replace(SPEC, **wrong))  # type: ignore[arg-type]


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
    with pytest.raises(ProtocolError, match="exceeds"):
        decoder.feed(b"\x81\x00\x01\x00\x01")


def test_a_fault_in_broken_utf8_is_still_heard() -> None:
    assert FrameDecoder().feed(frame(RunnerFrame.FAULT, b"\xffwhy")) == [Fault("\ufffdwhy")]
