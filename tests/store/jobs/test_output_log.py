"""Encoding, merging and paging of the output log."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidRequest, JobNotFound
from app.core.job.events import AttemptStarted, Event, JobFinished, Output, PhaseStarted, Stream
from app.store.jobs.output_log import check_cursor, decode_entry, encode_event, merge_outputs
from tests.store.live_store import OK, LiveStore, new_job

outputs = st.builds(Output, st.sampled_from(Stream), st.binary(max_size=40))
events = st.one_of(
    outputs,
    st.builds(PhaseStarted, st.sampled_from(["compile", "run"])),
    st.builds(AttemptStarted, st.integers(1, 10**6)),
    st.just(JobFinished(OK)),
)


@given(events)
def test_decode_entry_reverses_encode_event(event: Event) -> None:
    flat = encode_event(event)
    fields = dict(zip(flat[::2], flat[1::2], strict=True))

    logged = decode_entry(b"1-2", fields)

    assert (logged.cursor, logged.event) == ("1-2", event)


def test_decode_entry_rejects_an_unknown_kind() -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        decode_entry(b"1-1", {b"k": b"?", b"d": b""})


@given(st.lists(outputs))
def test_merge_outputs_keeps_all_bytes_in_order(chunks: list[Output]) -> None:
    merged = merge_outputs(chunks)

    def flat(pieces: list[Output]) -> list[tuple[Stream, int]]:
        return [(piece.stream, byte) for piece in pieces for byte in piece.data]

    assert flat(merged) == flat(chunks)
    assert all(left.stream is not right.stream for left, right in itertools.pairwise(merged))


def test_merge_outputs_limits_chunks_to_64_kib() -> None:
    chunk = Output(Stream.STDOUT, bytes(40 * 1024))

    assert [len(piece.data) for piece in merge_outputs([chunk, chunk, chunk])] == [40 * 1024] * 3


async def _job_with_outputs(store: LiveStore, count: int) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.claim(delivery)
    written = [Output(Stream.STDOUT, str(number).encode()) for number in range(count)]
    store.write(delivery, store.effects.append("job", written))


async def test_events_pages_have_no_gap_and_no_repetition(store: LiveStore) -> None:
    await _job_with_outputs(store, 25)

    seen, cursor = [], None
    while page := await store.jobs.events("job", cursor, count=10):
        assert len(page) <= 10
        seen += [logged.event.data for logged in page if isinstance(logged.event, Output)]
        cursor = page[-1].cursor

    assert seen == [str(number).encode() for number in range(25)]


async def test_events_accepts_a_cursor_before_and_after_all_events(store: LiveStore) -> None:
    await _job_with_outputs(store, 3)

    assert len(await store.jobs.events("job", "0")) == 4
    assert len(await store.jobs.events("job", "0-0")) == 4
    assert await store.jobs.events("job", "18446744073709551615-18446744073709551614") == []


async def test_events_is_empty_for_an_unknown_job(store: LiveStore) -> None:
    assert await store.jobs.events("unknown", None) == []
    with pytest.raises(JobNotFound):
        await store.jobs.get("unknown")


@pytest.mark.parametrize(
    "cursor",
    [
        "", "-", "+", "$", ">", "(1", "1-", "-1", "1-2-3", "1.5", " 1", "1\n", "x", "0x1", "1_0", "٣", "１-１",
        "18446744073709551616", "0-18446744073709551616", "9" * 21,
        # Redis rejects a range after the highest possible id.
        "18446744073709551615-18446744073709551615",
    ],
)  # fmt: skip
async def test_events_rejects_an_invalid_cursor(store: LiveStore, cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await store.jobs.events("job", cursor)
    assert refused.value.field == "after"


@given(st.text(max_size=45) | st.from_regex(r"\d{1,20}-\d{1,20}", fullmatch=True))
def test_check_cursor_accepts_or_rejects_any_text(text: str) -> None:
    try:
        milliseconds, _, sequence = check_cursor(text).partition("-")
    except InvalidRequest:
        return
    assert text.isascii()
    assert 0 <= int(milliseconds) < 2**64
    assert 0 <= int(sequence or 0) < 2**64
