"""Pipelines, follow-ups, priorities and the current message."""

from __future__ import annotations

from typing import Any

import dramatiq
import pytest
import redis
from dramatiq import pipeline
from dramatiq.middleware import CurrentMessage
from dramatiq.results import ResultFailure, Results
from dramatiq.results.backends import RedisBackend as ResultsBackend

from app.broker import StreamsBroker
from tests.broker.conftest import working
from tests.broker.delivery import message, nothing_left, take


@pytest.fixture
def results(broker: StreamsBroker, client: redis.Redis, namespace: str) -> ResultsBackend:
    backend = ResultsBackend(client=client, namespace=f"{namespace}-results")
    broker.add_middleware(Results(backend=backend, store_results=True))
    return backend


def test_other_result_backend_stores_results_and_failures(broker: StreamsBroker, results: ResultsBackend) -> None:
    add = dramatiq.actor(lambda x, y: x + y, actor_name="add", broker=broker)
    divide = dramatiq.actor(lambda x: 1 // x, actor_name="divide", broker=broker, max_retries=0)

    with working(broker):
        assert add.send(1, 2).get_result(backend=results, block=True, timeout=5_000) == 3
        with pytest.raises(ResultFailure, match="ZeroDivisionError"):
            divide.send(0).get_result(backend=results, block=True, timeout=5_000)


def test_pipeline_with_other_result_backend_spans_queues(broker: StreamsBroker, results: ResultsBackend) -> None:
    add = dramatiq.actor(lambda x, y: x + y, actor_name="add", broker=broker)
    double = dramatiq.actor(lambda x: 2 * x, actor_name="double", broker=broker, queue_name="other")
    stages = pipeline([add.message(1, 2), double.message(), add.message(10)], broker=broker)

    with working(broker):
        stages.run()
        assert stages.get_result(block=True, timeout=5_000) == 16
        for queue_name in ("default", "other"):
            broker.join(queue_name, timeout=5_000)

    assert nothing_left(broker)


def test_pipeline_runs_when_it_and_its_stages_are_delayed(broker: StreamsBroker, results: ResultsBackend) -> None:
    add = dramatiq.actor(lambda x, y: x + y, actor_name="add", broker=broker)
    later = add.message_with_options(args=(10,), delay=20)

    with working(broker):
        stages = pipeline([add.message(1, 2), later], broker=broker).run(delay=10)
        assert stages.get_result(block=True, timeout=5_000) == 13


def test_follow_up_in_the_same_queue_is_written_by_the_acknowledgement(broker: StreamsBroker) -> None:
    # Given a message that ran and a middleware that enqueues another message after it
    class Chain(dramatiq.Middleware):
        def after_process_message(self, broker: Any, message: Any, **outcome: Any) -> None:
            broker.enqueue(message._message.copy(args=("next",)))

    broker.add_middleware(Chain())
    broker.enqueue(message("first"))
    first = take(broker)
    broker.emit_after("process_message", first)

    # Then the second message exists only after the first one is acknowledged
    assert broker.qsize("default") == 1
    broker.consume("default").ack(first)
    assert broker.qsize("default") == 1
    assert take(broker).args == ("next",)


def test_follow_up_is_not_enqueued_when_the_message_is_fenced(broker: StreamsBroker) -> None:
    class Chain(dramatiq.Middleware):
        def after_process_message(self, broker: Any, message: Any, **outcome: Any) -> None:
            broker.enqueue(message._message.copy(args=("same queue",)))
            broker.enqueue(message._message.copy(args=("other queue",), queue_name="other"))

    broker.declare_queue("other")
    broker.add_middleware(Chain())
    broker.enqueue(message())
    delivery = take(broker)
    broker.emit_after("process_message", delivery)
    broker.flush("default")

    broker.consume("default").ack(delivery)

    assert (broker.qsize("default"), broker.qsize("other")) == (0, 0)
    assert broker.fenced_total == 1


def test_current_message_is_the_delivery(broker: StreamsBroker) -> None:
    seen: list[Any] = []
    actor = dramatiq.actor(lambda: seen.append(CurrentMessage.get_current_message()), actor_name="act", broker=broker)
    actor.send()

    with working(broker):
        broker.join("default", timeout=5_000)

    assert (seen[0].deliveries, seen[0].attempt) == (1, 1)
    assert seen[0].entry_id
