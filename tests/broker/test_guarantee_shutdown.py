"""How many messages a worker holds, and what happens to them when it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dramatiq
import pytest
import redis
from dramatiq import Worker
from dramatiq.middleware import CurrentMessage

from app.broker import BrokerUnavailable, Lane, StreamMessage, StreamsBroker
from app.broker.maintenance import DelayQueueConsumer
from tests.broker.conftest import MakeBroker, working
from tests.broker.delivery import message, nothing_left, take
from tests.broker.servers import eventually
from tests.broker.test_faults import wait_for


class Gate:
    """An actor that runs until it is released.

    Attributes:
        started: Arguments of the started messages, in order.
        finished: Arguments of the finished messages, in order.
        lost: Arguments of the messages whose lease was lost.
    """

    def __init__(self, broker: StreamsBroker, *, queue: str = "default", name: str = "act") -> None:
        self.started: list[object] = []
        self.finished: list[object] = []
        self.lost: list[object] = []
        self.released = threading.Event()
        dramatiq.actor(self._run, actor_name=name, queue_name=queue, broker=broker)

    def _run(self, argument: object) -> None:
        delivery = CurrentMessage.get_current_message()
        assert isinstance(delivery, StreamMessage)
        delivery.on_lease_lost(lambda: self.lost.append(argument))
        self.started.append(argument)
        assert self.released.wait(30)
        self.finished.append(argument)


def start_worker(broker: StreamsBroker, threads: int) -> Worker:
    worker = Worker(broker, worker_threads=threads, worker_timeout=50)
    worker.start()
    return worker


def stop_in_background(worker: Worker, timeout_ms: int = 30_000) -> threading.Thread:
    thread = threading.Thread(target=worker.stop, kwargs={"timeout": timeout_ms})
    thread.start()
    return thread


def held_entries(broker: StreamsBroker) -> list[str]:
    return [entry.consumer for entry in broker.pending("default")]


def test_guarantee_6_worker_holds_as_many_messages_as_it_has_threads(make_broker: MakeBroker) -> None:
    # Given eight long messages and a worker with four threads
    first, second = make_broker(), make_broker()
    gates = [Gate(first), Gate(second)]
    first.enqueue_many(message(number, lane=lane) for number in range(4) for lane in Lane)
    busy = start_worker(first, 4)
    eventually(lambda: len(gates[0].started) == 4)
    time.sleep(0.5)
    assert held_entries(first) == [first.consumer_name] * 4

    # When another worker becomes idle
    idle = start_worker(second, 4)

    # Then it runs the other messages at once
    eventually(lambda: len(gates[1].started) == 4, 3)
    for gate in gates:
        gate.released.set()
    first.join("default", timeout=10_000)
    for worker in (busy, idle):
        worker.stop()
    assert len(gates[0].finished + gates[1].finished) == 8


def test_guarantee_6_queues_of_a_process_share_its_threads(make_broker: MakeBroker) -> None:
    # Given two queues with backlogs and a worker with two threads
    broker = make_broker()
    broker.declare_queue("other")
    gates = [Gate(broker), Gate(broker, queue="other", name="other_act")]
    for number in range(10):
        broker.enqueue(message(number))
        broker.enqueue(message(number, actor="other_act", queue="other"))

    # When it runs long messages
    worker = start_worker(broker, 2)
    eventually(lambda: sum(len(gate.started) for gate in gates) == 2)
    time.sleep(0.5)

    # Then it holds two messages of both queues together, and afterwards runs all of both
    assert len(broker.pending("default")) + len(broker.pending("other")) == 2
    for gate in gates:
        gate.released.set()
    for queue in ("default", "other"):
        broker.join(queue, timeout=20_000)
    worker.stop()
    assert [len(gate.finished) for gate in gates] == [10, 10]


def test_guarantee_6_queue_with_a_backlog_does_not_starve_another_queue_of_the_process(make_broker: MakeBroker) -> None:
    broker = make_broker()
    order: list[str] = []
    dramatiq.actor(lambda _: order.append("default"), actor_name="act", broker=broker)
    dramatiq.actor(lambda _: order.append("other"), actor_name="other_act", queue_name="other", broker=broker)
    broker.enqueue_many(message(number) for number in range(2_000))
    broker.enqueue(message(0, actor="other_act", queue="other"))

    with working(broker, threads=1):
        broker.join("other", timeout=20_000)
        assert broker.qsize("default") > 200
        broker.flush("default")


def test_guarantee_5_stopping_worker_fetches_nothing(make_broker: MakeBroker) -> None:
    # Given a worker that runs a message
    broker, other = make_broker(), make_broker()
    gate, other_gate = Gate(broker), Gate(other)
    worker = start_worker(broker, 4)
    broker.enqueue(message("running"))
    eventually(lambda: gate.started == ["running"])

    # When it is stopped and messages arrive
    stopping = stop_in_background(worker)
    time.sleep(0.2)
    broker.enqueue_many(message(number) for number in range(8))

    # Then it runs and holds none of them, and another worker runs them at once
    other_worker = start_worker(other, 8)
    eventually(lambda: sorted(other_gate.started) == list(range(8)), 3)
    assert held_entries(broker).count(broker.consumer_name) == 1
    gate.released.set()
    other_gate.released.set()
    stopping.join(20)
    other_worker.stop()
    assert (gate.started, gate.finished) == (["running"], ["running"])
    assert nothing_left(broker)


def test_guarantee_5_message_that_arrives_at_a_blocking_fetch_of_a_stopping_worker_is_released(
    make_broker: MakeBroker,
) -> None:
    # Given an idle worker whose fetch blocks for 2.5 s
    broker = make_broker()
    gate = Gate(broker)
    worker = Worker(broker, worker_threads=1, worker_timeout=1_000)
    worker.start()
    time.sleep(0.5)

    # When it is stopped and a message arrives
    stopping = stop_in_background(worker)
    time.sleep(0.2)
    broker.enqueue(message("late"))

    # Then the message is available to others at once, as in its first delivery
    assert (delivery := take(make_broker())).args == ("late",)
    assert (delivery.deliveries, delivery.attempt) == (1, 1)
    stopping.join(20)
    assert gate.started == []


def test_guarantee_5_message_that_is_fetched_with_a_finish_as_the_worker_stops_is_released(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that runs a long message, and fetches a third one with the script that finishes the second
    broker = make_broker()
    gate = Gate(broker)
    short_started = threading.Event()

    def short() -> None:
        short_started.set()
        time.sleep(0.5)

    dramatiq.actor(short, broker=broker)
    broker.enqueue(message("long"))
    broker.enqueue(message(actor="short"))
    worker = start_worker(broker, 2)
    eventually(lambda: gate.started == ["long"] and short_started.is_set())
    thread = broker.deliveries.consumer_threads[broker.keys("default")]
    handle_message, stopping = thread.handle_message, []

    def stop_before_handling(successor: StreamMessage) -> None:
        if successor.args == ("late",):
            # When it is stopped before the message reaches a worker thread
            stopping.append(stop_in_background(worker))
            time.sleep(0.3)
        handle_message(successor)

    monkeypatch.setattr(thread, "handle_message", stop_before_handling)
    broker.enqueue(message("late"))
    eventually(lambda: bool(stopping))

    # Then the message is available to others at once, as in its first delivery
    other = make_broker()
    deadline = time.monotonic() + 2
    delivery = None
    while delivery is None and time.monotonic() < deadline:
        delivery = next(other.consume("default", prefetch=1, timeout=200))
    gate.released.set()
    stopping[0].join(20)
    assert delivery is not None
    assert (delivery.args, delivery.deliveries, delivery.attempt) == (("late",), 1, 1)
    assert gate.started == ["long"]


def test_guarantee_5_running_messages_share_one_deadline(make_broker: MakeBroker) -> None:
    # Given four running messages that end one after the other, within the time-out
    broker = make_broker()
    all_started = threading.Barrier(5, timeout=15)
    finished: list[float] = []

    def sleep(seconds: float) -> None:
        all_started.wait()
        time.sleep(seconds)
        finished.append(seconds)

    dramatiq.actor(sleep, actor_name="act", broker=broker)
    durations = [0.6, 1.2, 1.8, 2.4]
    broker.enqueue_many(message(seconds) for seconds in durations)
    worker = start_worker(broker, 4)
    all_started.wait()

    # When the worker is stopped
    stopped_at = time.monotonic()
    worker.stop(timeout=3_500)

    # Then it waits for all of them
    assert finished == durations
    assert time.monotonic() - stopped_at < 3.5
    assert nothing_left(broker)


def test_guarantee_5_message_that_runs_at_the_deadline_is_released_at_once(make_broker: MakeBroker) -> None:
    # Given a worker that runs a short and a long message
    broker, other = make_broker(max_deliveries=1, lease_ms=60_000), make_broker(max_deliveries=1, lease_ms=60_000)
    gate = Gate(broker)
    short_started = threading.Event()

    def short() -> None:
        short_started.set()
        time.sleep(0.5)

    dramatiq.actor(short, broker=broker)
    broker.enqueue(message("long"))
    broker.enqueue(message(actor="short"))
    worker = start_worker(broker, 2)
    eventually(lambda: gate.started == ["long"] and short_started.is_set())

    # When the worker is stopped
    stopped_at = time.monotonic()
    worker.stop(timeout=1_500)

    # Then it returns at the deadline, and the long message is available to others as a new attempt that does not count
    assert 1.4 < time.monotonic() - stopped_at < 3
    assert broker.qsize("default") == 1
    delivery = take(other)
    assert (delivery.args, delivery.deliveries, delivery.attempt) == (("long",), 1, 2)
    # And the old attempt has lost its lease
    assert gate.lost == ["long"]
    gate.released.set()
    eventually(lambda: gate.finished == ["long"])
    assert [entry.entry_id for entry in other.pending("default")] == [delivery.entry_id]
    other.consume("default").ack(delivery)
    assert nothing_left(other)


def test_guarantee_3_paused_worker_holds_nothing(make_broker: MakeBroker) -> None:
    # Given a worker with a backlog of short messages
    broker, other = make_broker(), make_broker()
    ran: list[object] = []
    dramatiq.actor(ran.append, actor_name="act", broker=broker)
    broker.enqueue_many(message(number) for number in range(3_000))
    worker = start_worker(broker, 2)
    eventually(lambda: ran)

    # When it is paused
    broker.pause_fetching()

    # Then it soon holds no message, and the others wait uncounted for other workers
    eventually(lambda: broker.pending("default") == [], 3)
    time.sleep(0.2)
    count = len(ran)
    assert count + broker.qsize("default") == 3_000
    consumer = other.consume("default", prefetch=10)
    deliveries = [next(consumer) for _ in range(10)]
    assert {(delivery.deliveries, delivery.attempt) for delivery in deliveries if delivery} == {(1, 1)}
    consumer.requeue(delivery for delivery in deliveries if delivery)
    assert len(ran) == count
    # And after it is resumed, it runs all of them
    broker.resume_fetching()
    broker.join("default", timeout=20_000)
    worker.stop()
    assert sorted(ran) == list(range(3_000))


def test_guarantee_3_worker_fetches_nothing_while_redis_is_out_of_memory(
    make_broker: MakeBroker, client: redis.Redis
) -> None:
    broker = make_broker()
    broker.enqueue_many(message(number) for number in range(3))
    consumer = broker.consume("default", prefetch=3, timeout=10)
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(BrokerUnavailable):
            next(consumer)
        assert broker.pending("default") == []
    finally:
        client.config_set("maxmemory", 0)

    delivery = next(filter(None, (next(consumer) for _ in range(3))))
    assert (delivery.deliveries, delivery.attempt) == (1, 1)


@pytest.fixture
def command_line(url: str, namespace: str, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        options = ["--processes", "1", "--threads", "2", "--worker-shutdown-timeout", "10000"]
        command = [sys.executable, "-m", "dramatiq", "tests.broker.cli_actors", *options]
        environment = {**os.environ, "BROKER_URL": url, "BROKER_NAMESPACE": namespace}
        with (tmp_path / "log").open("ab") as log:
            started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.wait(20)


def test_guarantee_5_signal_stops_fetching_at_once(
    broker: StreamsBroker, client: redis.Redis, command_line: Callable[[], subprocess.Popen[bytes]]
) -> None:
    # Given a dramatiq process that runs messages of 50 ms continuously
    process = command_line()
    broker.enqueue_many(message(0.05, actor="note_after") for _ in range(1_000))
    notes = f"{broker.keys('default').tag}:notes"
    wait_for(client, notes, 5, seconds=20)

    # When it receives SIGTERM
    process.send_signal(signal.SIGTERM)

    # Then it starts no message more than 0.3 s later, although Dramatiq notices the signal only after up to a second
    time.sleep(0.3)
    count = client.llen(notes) + len(broker.pending("default"))
    assert process.wait(20) == 0
    assert client.llen(notes) <= count
    assert broker.pending("default") == []
    assert broker.qsize("default") + client.llen(notes) == 1_000


def test_delayed_messages_that_are_due_at_once_are_promoted_without_pauses(make_broker: MakeBroker) -> None:
    # Given 3,000 delayed messages that are due
    broker = make_broker()
    broker.enqueue_many((message(number) for number in range(3_000)), delay=1)
    time.sleep(0.01)
    consumer = broker.consume("default.DQ", timeout=1_000)
    assert isinstance(consumer, DelayQueueConsumer)

    # When the queue is maintained
    started_at = time.monotonic()
    for _ in range(30):
        next(consumer)

    # Then 30 steps promote all of them. Dramatiq's worker calls the next step at once
    lanes = broker.keys("default").lanes
    assert broker.client.xlen(lanes[Lane.INTERACTIVE].stream) == 3_000
    assert time.monotonic() - started_at < 3
