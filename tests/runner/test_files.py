"""The files of a job: size, content, modes and paths."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from app.sandbox.runner.encoder import encode_file, encode_go, encode_phase
from app.sandbox.runner.frames import HostFrame
from tests.runner.runner_process import RunnerProcess, job, phase


def file_frame(path: bytes, mode: int = 0o644, data: bytes = b"") -> bytes:
    payload = mode.to_bytes(2) + path + b"\0" + data
    return struct.pack(">BI", HostFrame.FILE, len(payload)) + payload


@pytest.mark.parametrize("size", [0, 1, 65_500, 65_536, 65_537, 1_000_000])
def test_files_of_any_size_are_complete(bare: RunnerProcess, size: int) -> None:
    data = (bytes(range(256)) * 4000)[:size]
    bare.run(phase("cat", "data"), files={"data": data})

    assert bare.stdout == data


def test_files_have_the_requested_paths(runner: RunnerProcess) -> None:
    files = {"main": b"1", "a/b/c/d/e/f/g/h": b"2", "a/b/other": b"3", "-rf": b"4", ".hidden": b"5", "...": b"6"}
    runner.run(phase("find", ".", "-type", "f"), files=files)

    assert sorted(runner.stdout.decode().split()) == sorted(f"./{path}" for path in files)


def test_files_have_the_requested_modes(runner: RunnerProcess) -> None:
    frames = [*encode_file("plain", b""), *encode_file("program", b"", executable=True), file_frame(b"secret", 0o400)]
    runner.send(*frames, encode_phase(phase("stat", "-c", "%a %n", "plain", "program", "secret")), encode_go())

    assert runner.read_to_end().stdout == b"644 plain\n755 program\n400 secret\n"


@pytest.mark.parametrize(
    "path",
    [
        *(b"", b"/", b"/etc/x", b"..", b"../x", b"a/../x", b"a/..", b".", b"./x", b"a//b", b"a/", b"/a"),
        *(b"x" * 256, b"a/" + b"x" * 256 + b"/b", b"1/2/3/4/5/6/7/8/9", b"x/" * 100 + b"x"),
    ],
)
def test_unsafe_paths_are_faults(bare: RunnerProcess, path: bytes) -> None:
    bare.send(file_frame(path))

    assert bare.read_to_end().fault == "unsafe file path"
    assert bare.exit_status() == 1


def test_longest_safe_path_is_accepted(runner: RunnerProcess) -> None:
    path = "/".join(["x" * 255] * 8)
    runner.run(phase("cat", path), files={path: b"deep"})

    assert runner.stdout == b"deep"


@pytest.mark.parametrize("first", ["same", "same/inner"])
def test_duplicate_path_is_a_fault(bare: RunnerProcess, first: str) -> None:
    bare.send(job(phase("true"), files={first: b"", "same": b""}) if first != "same" else file_frame(b"same") * 2)

    assert bare.read_to_end().fault == "two files of one path"


@pytest.mark.parametrize("link", ["link", "link/inner"])
def test_files_do_not_follow_symbolic_links(bare: RunnerProcess, tmp_path: Path, link: str) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (tmp_path / "link").symlink_to(outside)
    bare.send(file_frame(link.encode()))

    assert bare.read_to_end().fault in ("cannot create a file", "two files of one path")
    assert list(outside.iterdir()) == []


@pytest.mark.docker
def test_files_that_do_not_fit_are_a_fault(contained: RunnerProcess) -> None:
    contained.send(job(phase("true"), files={"big": b"x" * (70 << 20)})[: 66 << 20])

    assert contained.read_to_end().fault == "no space left for the files"
