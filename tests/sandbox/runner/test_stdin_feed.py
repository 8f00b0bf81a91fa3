"""Flow control of stdin: all bytes arrive in their order, and never more than the window is unacknowledged."""

from __future__ import annotations

import struct

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.core.job.spec import JobSpec
from app.core.judging.cases import CaseSpec
from app.sandbox.runner.frames import STDIN_WINDOW_BYTES, HostFrame
from app.sandbox.runner.stdin_feed import StdinFeed
from tests.sandbox.sandbox_fixture import job

W = STDIN_WINDOW_BYTES


def decode(frames: bytes) -> list[bytes | None]:
    """Return the pieces of stdin in some frames. None is the end of a stream."""
    pieces: list[bytes | None] = []
    while frames:
        kind, length = struct.unpack_from(">BI", frames)
        pieces.append(None if kind == HostFrame.STDIN_EOF else frames[5 : 5 + length])
        frames = frames[5 + length :]
    return pieces


def streams(pieces: list[bytes | None]) -> list[bytes]:
    """Return the stdin of each phase."""
    whole = [b""]
    for piece in pieces:
        if piece is None:
            whole.append(b"")
        else:
            whole[-1] += piece
    return whole


def drain(feed: StdinFeed) -> list[bytes | None]:
    """Return all pieces for a runner that acknowledges everything immediately."""
    pieces: list[bytes | None] = []
    while sent := decode(feed.take_frames()):
        pieces += sent
        feed.acknowledge(sum(len(piece) for piece in sent if piece) or 1)
    return pieces


def with_tests(*stdins: bytes) -> JobSpec:
    spec = job("bash", "")
    cases = (
        CaseSpec(name=str(index), stdin=stdin, args=(), expected_output=None, limits=spec.limits)
        for index, stdin in enumerate(stdins)
    )
    return msgspec.structs.replace(spec, tests=tuple(cases))


def test_input_is_followed_by_its_end() -> None:
    assert drain(StdinFeed.for_job(job("bash", "", stdin=b"abc"))) == [b"abc", None]


def test_empty_input_is_only_an_end() -> None:
    assert drain(StdinFeed.for_job(job("bash", ""))) == [None]


def test_interactive_input_stays_open_until_its_end() -> None:
    feed = StdinFeed.for_job(job("bash", "", stdin=b"given", interactive=True))
    assert decode(feed.take_frames()) == [b"given"]

    feed.add(b"added")
    feed.end()

    assert decode(feed.take_frames()) == [b"added", None]


def test_input_after_the_end_is_ignored() -> None:
    feed = StdinFeed((), b"", stays_open=True)
    feed.end()
    feed.add(b"late")
    feed.end()

    assert drain(feed) == [None]


def test_tests_have_their_own_streams() -> None:
    assert drain(StdinFeed.for_job(with_tests(b"one", b"", b"three"))) == [b"one", None, None, b"three", None]


def test_tests_accept_no_further_input() -> None:
    feed = StdinFeed.for_job(with_tests(b"one"))

    feed.add(b"more")

    assert drain(feed) == [b"one", None]


def test_unacknowledged_input_never_exceeds_the_window() -> None:
    feed = StdinFeed((), bytes(3 * W), stays_open=False)

    assert len(streams(decode(feed.take_frames()))[0]) == W
    assert feed.take_frames() == b""

    feed.acknowledge(10)
    assert decode(feed.take_frames()) == [bytes(10)]


def test_streams_share_one_window() -> None:
    feed = StdinFeed([bytes(W)], b"next", stays_open=False)

    # Only bytes count against the window, not the end of a stream
    assert decode(feed.take_frames())[-1] is None
    feed.acknowledge(2)
    assert decode(feed.take_frames()) == [b"ne"]


def test_free_bytes_is_the_window_minus_the_buffered_input() -> None:
    feed = StdinFeed((), b"", stays_open=True)
    assert feed.free_bytes == W

    feed.add(bytes(W - 1))
    assert feed.free_bytes == 1
    feed.add(bytes(5))
    assert feed.free_bytes == 0

    feed.take_frames()
    assert feed.free_bytes == 0
    feed.acknowledge(W)
    assert feed.free_bytes == W - 4  # 4 bytes did not fit into the window before


@given(st.lists(st.binary(max_size=20), max_size=4), st.lists(st.binary(max_size=20), max_size=4), st.data())
def test_bytes_arrive_in_their_stream_with_any_acknowledgements(
    first: list[bytes], added: list[bytes], data: st.DataObject
) -> None:
    feed = StdinFeed(first, b"", stays_open=True)
    feed._window_bytes = data.draw(st.integers(1, 30))
    pieces: list[bytes | None] = []
    for text in added:
        feed.add(text)
        pieces += decode(feed.take_frames())
        feed.acknowledge(data.draw(st.integers(0, 10)))
    feed.end()

    while len(streams(pieces)) < len(first) + 2:
        feed.acknowledge(data.draw(st.integers(1, 10)))
        pieces += decode(feed.take_frames())

    assert streams(pieces) == [*first, b"".join(added), b""]


def test_held_tests_have_the_stdin_that_is_added_for_them() -> None:
    feed = StdinFeed.for_job(msgspec.structs.replace(with_tests(b"a", b"b"), hold_tests=True))
    assert drain(feed) == []

    feed.add_test([b"x" * (W + 1)], stays_open=False)
    feed.add_test([b""], stays_open=False)
    assert streams(drain(feed)) == [b"x" * (W + 1), b"", b""]


def test_held_test_with_open_stdin_receives_only_what_arrives_before_its_end() -> None:
    feed = StdinFeed.for_job(msgspec.structs.replace(with_tests(b"", b""), hold_tests=True))
    feed.add(b"early")
    feed.add_test([b"a"], stays_open=True)
    feed.add(b"b")
    feed.end()
    feed.add(b"late")
    feed.end()
    feed.add_test([b""], stays_open=True)
    feed.add(b"c")

    assert streams(drain(feed)) == [b"ab", b"c"]
