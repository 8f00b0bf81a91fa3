"""Pausing and resuming a queue, with a real worker and a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import dramatiq
import pytest
import redis

from app.broker import StreamsBroker
from tests.broker.servers import eventually


@pytest.fixture
def broker(redis_url: str, namespace: str) -> Iterator[StreamsBroker]:
    broker = StreamsBroker(client=redis.Redis.from_url(redis_url), namespace=namespace, lease_ms=2000)
    yield broker
    broker.close()


@pytest.fixture
def received(broker: StreamsBroker) -> Iterator[list[int]]:
    """The arguments of the messages that a worker with two threads has received."""
    arguments: list[int] = []

    def collect(number: int) -> None:
        arguments.append(number)

    dramatiq.actor(collect, broker=broker, queue_name="jobs", actor_name="collect")
    worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=2)
    worker.start()
    yield arguments
    worker.stop()


def send(broker: StreamsBroker, *numbers: int, **options: Any) -> None:
    for number in numbers:
        broker.enqueue(broker.actors["collect"].message_with_options(args=(number,), **options))


def test_paused_queue_delivers_nothing_until_it_is_resumed(broker: StreamsBroker, received: list[int]) -> None:
    # Given a worker that has received a message and blocks until the next one
    send(broker, 0)
    eventually(lambda: received == [0])
    time.sleep(0.1)
    # When the queue is paused, and messages of both lanes and a delayed one are enqueued
    assert broker.pause("jobs")
    assert not broker.pause("jobs")
    send(broker, 1, 2)
    send(broker, 3, lane="batch")
    broker.enqueue(broker.actors["collect"].message_with_options(args=(4,)), delay=50)
    # Then the worker receives none, also after its read has ended and the delay is over
    time.sleep(1.2)
    assert received == [0]
    assert broker.qsize("jobs") == 4
    # And receives each of them once when the queue is resumed
    assert broker.resume("jobs")
    assert not broker.resume("jobs")
    eventually(lambda: sorted(received) == [0, 1, 2, 3, 4])


def test_queue_can_be_paused_before_its_first_worker_starts(broker: StreamsBroker) -> None:
    broker.declare_queue("jobs")
    assert broker.pause("jobs")
    arguments: list[int] = []
    dramatiq.actor(arguments.append, broker=broker, queue_name="jobs", actor_name="collect")
    send(broker, 1)
    worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=2)
    worker.start()
    try:
        time.sleep(0.5)
        assert arguments == []
        broker.resume("jobs")
        eventually(lambda: arguments == [1])
    finally:
        worker.stop()


def test_finished_message_fetches_no_successor_from_a_paused_queue(broker: StreamsBroker) -> None:
    # Given a worker with one thread that runs a message, with another one queued
    arguments: list[int] = []

    def pause_and_return(number: int) -> None:
        arguments.append(number)
        broker.pause("jobs")

    dramatiq.actor(pause_and_return, broker=broker, queue_name="jobs", actor_name="collect")
    send(broker, 1, 2)
    worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=1)
    worker.start()
    try:
        # When the queue is paused before the first message ends
        eventually(lambda: bool(arguments))
        time.sleep(0.5)
        # Then the second one stays in the queue
        assert (arguments, broker.qsize("jobs")) == ([1], 1)
        broker.resume("jobs")
        eventually(lambda: arguments == [1, 2])
    finally:
        worker.stop()
