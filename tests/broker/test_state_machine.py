"""Random interleavings of all transitions of a message, on a real server.

The invariant, checked after every step: each accepted message is in exactly one state (waiting or running in a
stream, delayed, dead, finished), and what was finished was finished once.
"""

from __future__ import annotations

import itertools
from collections import Counter

import msgspec
import redis
from dramatiq import Message
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from app.broker import Effect, Lane, StreamMessage, StreamsBroker
from tests.broker.delivery import expire, message, promote

WORKERS = 3
_numbers = itertools.count()


class Queue(RuleBasedStateMachine):
    """Three workers that fetch, finish, fail and crash, and leases and delays that expire."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.namespace = f"states{next(_numbers)}"
        self.client = redis.Redis.from_url(self.url)
        self.workers = [self.new_worker() for _ in range(WORKERS)]
        self.deliveries: list[tuple[StreamsBroker, StreamMessage]] = []
        self.accepted: list[int] = []
        self.keys = self.workers[0].keys("default")
        self.finished = f"{self.keys.tag}:finished"

    def new_worker(self) -> StreamsBroker:
        broker = StreamsBroker(url=self.url, namespace=self.namespace, lease_ms=600_000, max_deliveries=2)
        broker.declare_queue("default")
        return broker

    @rule(worker=st.integers(0, WORKERS - 1), delayed=st.booleans(), many=st.booleans(), lane=st.sampled_from(Lane))
    def enqueue(self, worker: int, delayed: bool, many: bool, lane: Lane) -> None:
        number = len(self.accepted)
        delay = 1_000_000 if delayed else None
        if many:
            self.workers[worker].enqueue_many([message(number), message(number + 1, lane=lane)], delay=delay)
            self.accepted += [number, number + 1]
        else:
            self.workers[worker].enqueue(message(number, lane=lane), delay=delay)
            self.accepted.append(number)

    @rule(worker=st.integers(0, WORKERS - 1))
    def fetch(self, worker: int) -> None:
        broker = self.workers[worker]
        held = len(broker.deliveries.in_flight(self.keys))
        delivery = next(broker.consume("default", prefetch=held + 1, timeout=1))
        if isinstance(delivery, StreamMessage):
            self.deliveries.append((broker, delivery))

    @precondition(lambda self: self.deliveries)
    @rule(data=st.data(), how=st.sampled_from(["finish", "retry", "retry now", "reject", "release"]))
    def settle(self, data: st.DataObject, how: str) -> None:
        broker, delivery = self.deliveries.pop(data.draw(st.integers(0, len(self.deliveries) - 1)))
        consumer = broker.consume("default", timeout=1)
        delivery.finish_with([Effect("RPUSH", self.finished, delivery.args[0])])
        match how:
            case "finish":
                consumer.ack(delivery)
            case "retry" | "retry now":
                delivery.retry_later(1_000_000 if how == "retry" else 0)
                consumer.ack(delivery)
            case "reject":
                consumer.nack(delivery)
            case _:
                consumer.requeue([delivery])

    @precondition(lambda self: self.deliveries)
    @rule(worker=st.integers(0, WORKERS - 1))
    def crash(self, worker: int) -> None:
        """Replace a worker. Its deliveries stay in the list: a suspended process tries to finish them later."""
        self.workers[worker] = self.new_worker()

    @precondition(lambda self: self.deliveries)
    @rule(worker=st.integers(0, WORKERS - 1))
    def leases_expire(self, worker: int) -> None:
        expire(self.workers[worker])
        self.workers[worker].recover("default")

    @precondition(lambda self: self.client.exists(*(lane.delayed for lane in self.keys.lanes.values())))
    @rule(worker=st.integers(0, WORKERS - 1))
    def time_passes(self, worker: int) -> None:
        for lane in self.keys.lanes.values():
            for member in self.client.zrange(lane.delayed, 0, -1):
                self.client.zadd(lane.delayed, {member: 1})
        promote(self.workers[worker])

    @precondition(lambda self: self.client.exists(self.keys.dead_letters))
    @rule(worker=st.integers(0, WORKERS - 1))
    def replay_all(self, worker: int) -> None:
        for dead_letter in self.workers[worker].dead_letters("default"):
            assert self.workers[worker].replay_dead("default", dead_letter.id)

    @invariant()
    def each_message_is_in_one_state(self) -> None:
        lanes = self.keys.lanes.values()
        with self.client.pipeline(transaction=False) as pipeline:
            for stream in (*self.keys.streams, self.keys.dead_letters):
                pipeline.xrange(stream)
            for lane in lanes:
                pipeline.hgetall(lane.delayed_entries)
                pipeline.zrange(lane.delayed, 0, -1)
            pipeline.lrange(self.finished, 0, -1)
            *replies, finished = pipeline.execute()
        stream_count = len(self.keys.streams) + 1
        bodies = [fields[b"message"] for rows in replies[:stream_count] for _, fields in rows]
        delayed = replies[stream_count:]
        for entries, due_ids in zip(delayed[::2], delayed[1::2], strict=True):
            assert set(entries) == set(due_ids)
            bodies += [msgspec.msgpack.decode(entry)["message"].encode() for entry in entries.values()]
        states = Counter(Message.decode(body).args[0] for body in bodies)
        states.update(map(int, finished))
        assert states == Counter(self.accepted)

    def teardown(self) -> None:
        """Finish all messages."""
        self.time_passes(0)
        self.leases_expire(0)
        self.replay_all(0)
        last = self.new_worker()
        while last.qsize("default"):
            delivery = next(last.consume("default", prefetch=1, timeout=1))
            delivery.finish_with([Effect("RPUSH", self.finished, delivery.args[0])])
            last.consume("default", timeout=1).ack(delivery)
        assert sorted(map(int, self.client.lrange(self.finished, 0, -1))) == self.accepted
        self.client.close()
        for worker in (*self.workers, last):
            worker.close()


def test_accepted_messages_end_once_in_random_interleavings(url: str) -> None:
    Queue.url = url
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    limits = settings(
        max_examples=10, stateful_step_count=40, deadline=None, database=None, suppress_health_check=checks
    )
    run_state_machine_as_test(Queue, settings=limits)
