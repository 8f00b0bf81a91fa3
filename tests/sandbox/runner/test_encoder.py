"""Encoding of the frames for a runner. Values that the runner would reject raise ProtocolError."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import ProtocolError
from app.sandbox.runner.encoder import (
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
from app.sandbox.runner.frames import (
    MAX_ARTIFACT_FILES,
    MAX_PAYLOAD,
    UNLIMITED,
    CollectSpec,
    HostFrame,
    PhaseSpec,
    WindowSize,
)
from tests.sandbox.runner.runner_frames import uint64s

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


def split_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Split encoded data into frames, without the code under test."""
    frames = []
    while data:
        kind, length = struct.unpack_from(">BI", data)
        frames.append((kind, data[5 : 5 + length]))
        data = data[5 + length :]
    return frames


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
        output_bytes=uint64s,
        open_files=st.integers(3, 2**32 - 1),
        file_bytes=uint64s,
        stack_bytes=st.integers(1, UNLIMITED),
        cwd=texts,
        gets_stdin=st.booleans(),
        terminal=st.none() | sizes,
        is_test=st.booleans(),
        held=st.booleans(),
    )
)
def test_phase_round_trip(spec: PhaseSpec) -> None:
    ((kind, payload),) = split_frames(encode_phase(spec))
    flags, rows, columns, *limits, argc, envc = struct.unpack_from(">BHHIIQIQQHH", payload)
    cwd, *strings, rest = payload[struct.calcsize(">BHHIIQIQQHH") :].split(b"\0")

    assert kind == HostFrame.PHASE
    assert flags == spec.gets_stdin | (spec.terminal is not None) << 1 | spec.is_test << 2 | spec.held << 3
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
def test_file_round_trip(data: bytes, executable: bool) -> None:
    first, *more = split_frames(b"".join(encode_file("a/b.txt", data, executable=executable)))
    mode, (path, beginning) = first[1][:2], first[1][2:].split(b"\0", 1)

    assert first[0] == HostFrame.FILE
    assert int.from_bytes(mode) == (0o755 if executable else 0o644)
    assert path == b"a/b.txt"
    assert all(kind == HostFrame.FILE_DATA and 0 < len(piece) <= MAX_PAYLOAD for kind, piece in more)
    assert beginning + b"".join(piece for _, piece in more) == data


@given(st.integers(0, 3 * MAX_PAYLOAD).map(bytes))
def test_stdin_round_trip(data: bytes) -> None:
    frames = split_frames(encode_stdin(data))

    assert all(kind == HostFrame.STDIN and 0 < len(piece) <= MAX_PAYLOAD for kind, piece in frames)
    assert b"".join(piece for _, piece in frames) == data


@given(sizes)
def test_resize_round_trip(size: WindowSize) -> None:
    assert split_frames(encode_resize(size)) == [(HostFrame.RESIZE, struct.pack(">HH", size.rows, size.columns))]


@pytest.mark.parametrize("size", [WindowSize(0, 80), WindowSize(24, 0), WindowSize(65536, 80), WindowSize(24, -1)])
def test_encode_resize_rejects_sizes_out_of_range(size: WindowSize) -> None:
    with pytest.raises(ProtocolError):
        encode_resize(size)


@given(
    st.builds(
        CollectSpec,
        patterns=st.lists(texts.filter(bool), min_size=1, max_size=16).map(tuple),
        files=st.integers(1, MAX_ARTIFACT_FILES),
        total_bytes=uint64s,
    )
)
def test_collect_round_trip(spec: CollectSpec) -> None:
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
def test_encode_collect_rejects_invalid_requests(spec: CollectSpec) -> None:
    with pytest.raises(ProtocolError):
        encode_collect(spec)


def test_frames_without_payload() -> None:
    frames = encode_go() + encode_stdin_eof() + encode_cancel()

    assert split_frames(frames) == [(HostFrame.GO, b""), (HostFrame.STDIN_EOF, b""), (HostFrame.CANCEL, b"")]


@pytest.mark.parametrize("number", range(-1, 70))
def test_encode_signal_accepts_only_allowed_signals(number: int) -> None:
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
def test_encode_file_rejects_unsafe_paths(path: str) -> None:
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
def test_encode_phase_rejects_invalid_phases(wrong: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        encode_phase(replace(SPEC, **wrong))  # type: ignore[arg-type]
