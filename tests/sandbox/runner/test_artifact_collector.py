"""Assembly of the artifacts that a runner sends: their limits and their names."""

from __future__ import annotations

import pytest

from app.core.errors import ProtocolError
from app.core.job.results import Artifact
from app.sandbox.runner.artifact_collector import ArtifactCollector
from app.sandbox.runner.frames import Artifact as ArtifactHeader
from app.sandbox.runner.frames import CollectSpec

REQUESTED = CollectSpec(("*",), files=3, total_bytes=10)


def send_file(collector: ArtifactCollector, path: bytes, *pieces: bytes) -> None:
    collector.start_file(ArtifactHeader(path, sum(map(len, pieces))))
    for piece in pieces:
        collector.append(piece)


def test_artifacts_have_the_order_of_their_arrival() -> None:
    collector = ArtifactCollector(REQUESTED)

    send_file(collector, b"out/a.bin", b"\0\xff", b"\n")
    send_file(collector, "größe.txt".encode(), b"x")

    files = (Artifact("out/a.bin", b"\0\xff\n"), Artifact("größe.txt", b"x"))
    assert collector.artifacts() == (files, False)


def test_empty_file_is_an_artifact() -> None:
    collector = ArtifactCollector(REQUESTED)

    send_file(collector, b"empty")

    assert collector.artifacts() == ((Artifact("empty", b""),), False)


def test_collector_returns_no_artifacts_when_none_are_requested() -> None:
    assert ArtifactCollector(None).artifacts() == ((), False)


@pytest.mark.parametrize(
    "path",
    [
        b"caf\xe9",
        b"-rf",
        b"a/../b",
        b"../a",
        b"/etc/passwd",
        b"a\nb",
        b"a\\b",
        b"dot.",
        b"a//b",
        b"x" * 256,
        b"\x1b[2J",
    ],
)
def test_artifact_with_invalid_name_is_left_out_and_reported(path: bytes) -> None:
    collector = ArtifactCollector(REQUESTED)

    send_file(collector, b"good", b"1")
    send_file(collector, path, b"2")

    assert collector.artifacts() == ((Artifact("good", b"1"),), True)


def test_too_many_files_raise_protocol_error() -> None:
    collector = ArtifactCollector(REQUESTED)
    for name in (b"a", b"b", b"c"):
        send_file(collector, name)

    with pytest.raises(ProtocolError, match="more artifacts than were requested"):
        send_file(collector, b"d")


def test_too_many_bytes_raise_protocol_error() -> None:
    collector = ArtifactCollector(REQUESTED)
    send_file(collector, b"a", bytes(6))
    send_file(collector, b"b", bytes(4))

    with pytest.raises(ProtocolError, match="more artifacts than were requested"):
        collector.start_file(ArtifactHeader(b"c", 1))


def test_too_large_file_raises_protocol_error_before_its_data() -> None:
    with pytest.raises(ProtocolError, match="more artifacts than were requested"):
        ArtifactCollector(REQUESTED).start_file(ArtifactHeader(b"a", 2**63))


def test_artifact_raises_protocol_error_when_none_are_requested() -> None:
    with pytest.raises(ProtocolError, match="more artifacts than were requested"):
        ArtifactCollector(None).start_file(ArtifactHeader(b"a", 0))
