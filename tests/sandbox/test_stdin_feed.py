"""What is sent to stdin: every byte of every phase in its order, and never more than the runner has room for."""

from __future__ import annotations

import struct

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.core.cases import CaseSpec
from app.core.spec import JobSpec
from app.sandbox.runner.frames import STDIN_WINDOW_BYTES, HostFrame
from app.sandbox.runner.stdin_feed import StdinFeed
from tests.sandbox.arena import job

W = STDIN_WINDOW_BYTES


def read(frames: bytes) -> list[bytes | None]:
    """The pieces of stdin that were sent; None is an end."""
    pieces: list[bytes | None] = []
    while frames:
        kind, length = struct.unpack_from(">BI", frames)
        pieces.append(None if kind == HostFrame.STDIN_EOF else frames[5 : 5 + length])
        frames = frames[5 + length :]
    return pieces


def streams(pieces: list[bytes | None]) -> list[bytes]:
    """What each phase reads."""
    whole = [b""]
    for piece in pieces:
        if piece is None:
            whole.append(b"")
        else:
            whole[-1] += piece
    return whole


def drained(feed: StdinFeed) -> list[bytes | None]:
    """All that a runner hears that takes what it gets."""
    pieces: list[bytes | None] = []
    while taken := read(feed.take_frames()):
        pieces += taken
        feed.acknowledge(sum(len(piece) for piece in taken if piece) or 1)
    return pieces


def with_tests(*stdins: bytes) -> JobSpec:
    spec = job("bash", "")
    cases = (
        CaseSpec(name=str(index), stdin=stdin, args=(), expected_output=None, limits=spec.limits)
        for index, stdin in enumerate(stdins)
    )
    return msgspec.structs.replace(spec, tests=tuple(cases))


def test_a_program_gets_its_input_and_then_the_end() -> None:
    assert drained(StdinFeed.for_job(job("bash", "", stdin=b"abc"))) == [b"abc", None]


def test_without_input_there_is_only_the_end() -> None:
    assert drained(StdinFeed.for_job(job("bash", ""))) == [None]


def test_an_interactive_programs_stays_open_until_its_end_is_typed() -> None:
    feed = StdinFeed.for_job(job("bash", "", stdin=b"given", interactive=True))
    assert read(feed.take_frames()) == [b"given"]

    feed.add(b"typed")
    feed.end()

    assert read(feed.take_frames()) == [b"typed", None]


def test_what_is_typed_after_the_end_and_a_second_end_are_nothing() -> None:
    feed = StdinFeed((), b"", stays_open=True)
    feed.end()
    feed.add(b"late")
    feed.end()

    assert drained(feed) == [None]


def test_each_test_has_a_stream_of_its_own() -> None:
    assert drained(StdinFeed.for_job(with_tests(b"one", b"", b"three"))) == [b"one", None, None, b"three", None]


def test_a_test_is_not_talked_to() -> None:
    feed = StdinFeed.for_job(with_tests(b"one"))

    feed.add(b"more")

    assert drained(feed) == [b"one", None]


def test_no_more_than_the_window_is_under_way() -> None:
    feed = StdinFeed((), bytes(3 * W), stays_open=False)

    assert len(streams(read(feed.take_frames()))[0]) == W
    assert feed.take_frames() == b""

    feed.acknowledge(10)
    assert read(feed.take_frames()) == [bytes(10)]


def test_the_window_is_one_for_all_streams() -> None:
    feed = StdinFeed([bytes(W)], b"next", stays_open=False)

    # The end of the first costs no room, the bytes behind it do
    assert read(feed.take_frames())[-1] is None
    feed.acknowledge(2)
    assert read(feed.take_frames()) == [b"ne"]


def test_more_is_only_worth_fetching_while_there_is_room() -> None:
    feed = StdinFeed((), b"", stays_open=True)
    assert feed.free_bytes == W

    feed.add(bytes(W - 1))
    assert feed.free_bytes == 1
    feed.add(bytes(5))
    assert feed.free_bytes == 0

    feed.take_frames()
    assert feed.free_bytes == 0
    feed.acknowledge(W)
    assert feed.free_bytes == W - 4  # those that did not fit before still wait


@given(st.lists(st.binary(max_size=20), max_size=4), st.lists(st.binary(max_size=20), max_size=4), st.data())
def test_every_byte_arrives_in_its_stream_however_the_runner_takes_it(
    first: list[bytes], typed: list[bytes], data: st.DataObject
) -> None:
    feed = StdinFeed(first, b"", stays_open=True)
    feed._window_bytes = data.draw(st.integers(1, 30))
    pieces: list[bytes | None] = []
    for text in typed:
        feed.add(text)
        pieces += read(feed.take_frames())
        feed.acknowledge(data.draw(st.integers(0, 10)))
    feed.end()

    while len(streams(pieces)) < len(first) + 2:
        feed.acknowledge(data.draw(st.integers(1, 10)))
        pieces += read(feed.take_frames())

    assert streams(pieces) == [*first, b"".join(typed), b""]
