"""The files that a runner sends back: within what it was told, under names that a client can use."""

from __future__ import annotations

import pytest

from app.core.artifacts import Artifact
from app.core.errors import ProtocolError
from app.sandbox.runner.artifact_collector import ArtifactCollector
from app.sandbox.runner.frames import Artifact as Announced
from app.sandbox.runner.frames import CollectSpec

ASKED = CollectSpec(("*",), files=3, total_bytes=10)


def sent(collector: ArtifactCollector, path: bytes, *pieces: bytes) -> None:
    collector.start_file(Announced(path, sum(map(len, pieces))))
    for piece in pieces:
        collector.append(piece)


def test_files_are_put_together_in_the_order_in_which_they_came() -> None:
    collector = ArtifactCollector(ASKED)

    sent(collector, b"out/a.bin", b"\0\xff", b"\n")
    sent(collector, "größe.txt".encode(), b"x")

    files = (Artifact("out/a.bin", b"\0\xff\n"), Artifact("größe.txt", b"x"))
    assert collector.artifacts() == (files, False)


def test_an_empty_file_is_a_file() -> None:
    collector = ArtifactCollector(ASKED)

    sent(collector, b"empty")

    assert collector.artifacts() == ((Artifact("empty", b""),), False)


def test_a_job_that_wants_nothing_has_none() -> None:
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
def test_a_name_that_no_client_could_use_is_left_out_and_told(path: bytes) -> None:
    collector = ArtifactCollector(ASKED)

    sent(collector, b"good", b"1")
    sent(collector, path, b"2")

    assert collector.artifacts() == ((Artifact("good", b"1"),), True)


def test_as_many_files_as_were_asked_for_and_not_one_more() -> None:
    collector = ArtifactCollector(ASKED)
    for name in (b"a", b"b", b"c"):
        sent(collector, name)

    with pytest.raises(ProtocolError, match="more artifacts than were requested"):
        sent(collector, b"d")


def test_as_many_bytes_as_were_asked_for_and_not_one_more() -> None:
    collector = ArtifactCollector(ASKED)
    sent(collector, b"a", bytes(6))
    sent(collector, b"b", bytes(4))

    with pytest.raises(ProtocolError, match="more artifacts than were requested"):
        collector.start_file(Announced(b"c", 1))


def test_a_size_that_is_too_much_is_refused_before_its_bytes_come() -> None:
    with pytest.raises(ProtocolError, match="more artifacts than were requested"):
        ArtifactCollector(ASKED).start_file(Announced(b"a", 2**63))


def test_who_was_asked_for_nothing_sends_nothing() -> None:
    with pytest.raises(ProtocolError, match="more artifacts than were requested"):
        ArtifactCollector(None).start_file(Announced(b"a", 0))
