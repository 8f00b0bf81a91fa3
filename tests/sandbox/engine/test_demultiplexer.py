"""Decoding of the multiplexed stream of an attached container."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import ProtocolError
from app.sandbox.engine.demultiplexer import Demultiplexer

pieces = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=300)), max_size=20)


def multiplexed(parts: list[tuple[int, bytes]]) -> bytes:
    return b"".join(bytes([kind, 0, 0, 0]) + len(data).to_bytes(4) + data for kind, data in parts)


@given(pieces, st.data())
def test_streams_do_not_depend_on_the_chunks_of_the_input(parts: list[tuple[int, bytes]], data: st.DataObject) -> None:
    whole = multiplexed(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=10)))
    demultiplexer = Demultiplexer()

    stdout = b"".join(
        demultiplexer.feed(whole[start:end]) for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)
    )

    assert stdout == b"".join(piece for kind, piece in parts if kind == 1)
    assert demultiplexer.stderr == b"".join(piece for kind, piece in parts if kind == 2)[-1024:]


def test_incomplete_piece_is_returned_immediately() -> None:
    demultiplexer = Demultiplexer()

    assert demultiplexer.feed(multiplexed([(1, b"abcdef")])[:-3]) == b"abc"
    assert demultiplexer.feed(b"def") == b"def"


def test_stderr_keeps_only_the_last_bytes() -> None:
    demultiplexer = Demultiplexer()

    demultiplexer.feed(multiplexed([(2, b"x" * 100_000), (2, b"the end")]))

    assert len(demultiplexer.stderr) == 1024
    assert demultiplexer.stderr.endswith(b"the end")


@pytest.mark.parametrize("header", [b"\x00\0\0\0\0\0\0\1", b"\x03\0\0\0\0\0\0\1", b"\x01\1\0\0\0\0\0\1", b"HTTP/1.1"])
def test_invalid_header_raises_protocol_error(header: bytes) -> None:
    with pytest.raises(ProtocolError, match="stream header"):
        Demultiplexer().feed(header)
