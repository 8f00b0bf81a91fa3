"""StreamResultBackend: a result exists exactly if its message is finished."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq import group, pipeline
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import SkipMessage
from dramatiq.results import ResultFailure, ResultMissing, Results, ResultTimeout

from app.broker import BrokerUnavailable, Effect, StreamResultBackend, StreamsBroker
from app.broker.connection import create_client
from tests.broker.conftest import working
from tests.broker.delivery import expire, message, take


@pytest.fixture
def results(broker: StreamsBroker) -> Iterator[StreamResultBackend]:
    backend = StreamResultBackend(broker.client, broker.namespace)
    broker.add_middleware(Results(backend=backend, store_results=True))
    dramatiq.set_broker(broker)  # a pipeline within a group uses the global broker
    yield backend
    dramatiq.set_broker(None)  # type: ignore[arg-type]


def test_get_result_returns_the_result_or_raises_the_failure(
    broker: StreamsBroker, results: StreamResultBackend
) -> None:
    add = dramatiq.actor(lambda x, y: x + y, actor_name="add", broker=broker)
    divide = dramatiq.actor(lambda x: 1 // x, actor_name="divide", broker=broker, max_retries=0)

    with working(broker):
        assert add.send(1, 2).get_result(backend=results, block=True, timeout=5_000) == 3
        with pytest.raises(ResultFailure, match="ZeroDivisionError") as caught:
            divide.send(0).get_result(backend=results, block=True, timeout=5_000)
    assert caught.value.orig_exc_type == "ZeroDivisionError"


def test_get_results_backend_returns_the_backend(broker: StreamsBroker, results: StreamResultBackend) -> None:
    assert broker.get_results_backend() is results


def test_get_result_distinguishes_none_from_a_missing_result(
    broker: StreamsBroker, results: StreamResultBackend
) -> None:
    sent = dramatiq.actor(lambda: None, actor_name="nothing", broker=broker).send()
    with pytest.raises(ResultMissing):
        sent.get_result(backend=results)

    with working(broker):
        broker.join("default", timeout=5_000)

    assert sent.get_result(backend=results) is None
    assert sent.get_result(backend=results, block=True, timeout=0) is None


def test_get_result_times_out_below_a_second(broker: StreamsBroker, results: StreamResultBackend) -> None:
    started = time.monotonic()
    with pytest.raises(ResultTimeout):
        results.get_result(message(), block=True, timeout=50)
    assert time.monotonic() - started < 3


def test_get_result_wakes_up_all_waiting_threads(broker: StreamsBroker, results: StreamResultBackend) -> None:
    sent = broker.enqueue(message(actor="act"))
    got: list[Any] = []
    waiters = [
        threading.Thread(target=lambda: got.append(sent.get_result(backend=results, block=True))) for _ in range(3)
    ]
    for waiter in waiters:
        waiter.start()
    dramatiq.actor(lambda: "woken", actor_name="act", broker=broker)

    with working(broker):
        for waiter in waiters:
            waiter.join(5)

    assert got == ["woken"] * 3


def test_result_is_written_by_the_acknowledgement(broker: StreamsBroker, results: StreamResultBackend) -> None:
    dramatiq.actor(lambda: None, actor_name="act", broker=broker)
    broker.enqueue(message())
    delivery = take(broker)
    broker.emit_after("process_message", delivery, result=42)
    with pytest.raises(ResultMissing):
        results.get_result(delivery)

    broker.consume("default").ack(delivery)

    assert results.get_result(delivery) == 42


def test_result_is_not_written_when_the_lease_was_lost(
    broker: StreamsBroker, results: StreamResultBackend, client: redis.Redis
) -> None:
    dramatiq.actor(lambda: None, actor_name="act", broker=broker)
    for how in ("ack", "nack"):
        broker.enqueue(message())
        delivery = take(broker)
        expire(broker)
        broker.recover("default")
        if how == "ack":
            broker.emit_after("process_message", delivery, result="stale")
        else:
            delivery.fail()
            broker.emit_before("nack", delivery)
        getattr(broker.consume("default"), how)(delivery)

        with pytest.raises(ResultMissing):
            results.get_result(delivery)
        broker.flush("default")
    assert broker.fenced_total == 2


def test_failure_is_stored_when_the_retries_are_exhausted(broker: StreamsBroker, results: StreamResultBackend) -> None:
    seen: list[bool] = []

    def fail() -> None:
        try:
            results.get_result(sent[0])
        except ResultMissing:
            seen.append(True)
        raise RuntimeError("for good")

    actor = dramatiq.actor(fail, actor_name="fail", broker=broker, max_retries=2, min_backoff=1, max_backoff=2)
    sent = [actor.message()]
    broker.enqueue(sent[0])

    with working(broker), pytest.raises(ResultFailure, match="for good"):
        results.get_result(sent[0], block=True, timeout=5_000)

    assert seen == [True] * 3


def test_result_is_none_when_the_message_was_skipped(broker: StreamsBroker, results: StreamResultBackend) -> None:
    class Skip(dramatiq.Middleware):
        def before_process_message(self, broker: Any, message: Any) -> None:
            raise SkipMessage

    broker.add_middleware(Skip())
    sent = dramatiq.actor(lambda: 1, actor_name="act", broker=broker).send()

    with working(broker):
        assert sent.get_result(backend=results, block=True, timeout=5_000) is None


def test_result_is_not_stored_when_store_results_is_false(
    broker: StreamsBroker, results: StreamResultBackend, client: redis.Redis
) -> None:
    actor = dramatiq.actor(lambda: 5, actor_name="act", broker=broker, store_results=False)
    sent = actor.send()

    with working(broker):
        broker.join("default", timeout=5_000)

    assert not client.exists(results.build_message_key(sent))


def test_result_expires_after_its_ttl(broker: StreamsBroker, results: StreamResultBackend, client: redis.Redis) -> None:
    sent = dramatiq.actor(lambda: 5, actor_name="act", broker=broker, result_ttl=90_000).send()

    with working(broker):
        assert sent.get_result(backend=results, block=True, timeout=5_000) == 5

    assert 0 < client.pttl(results.build_message_key(sent)) <= 90_000


def test_pipeline_spans_queues(broker: StreamsBroker, results: StreamResultBackend) -> None:
    add = dramatiq.actor(lambda x, y: x + y, actor_name="add", broker=broker)
    double = dramatiq.actor(lambda x: 2 * x, actor_name="double", broker=broker, queue_name="other")
    stages = pipeline([add.message(1, 2), double.message(), add.message(10)], broker=broker)

    with working(broker):
        stages.run()
        assert stages.get_result(block=True, timeout=5_000) == 16
        assert list(stages.get_results(block=True, timeout=5_000)) == [3, 6, 16]
        assert stages.completed
        assert stages.completed_count == 3


def test_group_of_pipelines_has_their_results(broker: StreamsBroker, results: StreamResultBackend) -> None:
    add = dramatiq.actor(lambda x, y: x + y, actor_name="add", broker=broker)
    chains = group([pipeline([add.message(n, 1), add.message(10)], broker=broker) for n in range(3)], broker=broker)

    with working(broker):
        chains.run()
        assert list(chains.get_results(block=True, timeout=5_000)) == [11, 12, 13]


def test_result_and_finish_effects_are_written_together(
    broker: StreamsBroker, results: StreamResultBackend, client: redis.Redis
) -> None:
    key = f"{broker.keys('default').tag}:mine"
    dramatiq.actor(lambda: None, actor_name="act", broker=broker)
    broker.enqueue(message())
    delivery = take(broker)
    delivery.finish_with([Effect("SET", key, 1)])
    broker.emit_after("process_message", delivery, result=42)

    broker.consume("default").ack(delivery)

    assert (client.get(key), results.get_result(delivery)) == (b"1", 42)


def test_backend_works_with_the_stub_broker(broker: StreamsBroker) -> None:
    stub = StubBroker()
    backend = StreamResultBackend(broker.client, broker.namespace)
    stub.add_middleware(Results(backend=backend, store_results=True))
    actor = dramatiq.actor(lambda: "stubbed", actor_name="act", broker=stub)
    failing = dramatiq.actor(lambda: 1 // 0, actor_name="failing", broker=stub, max_retries=0)
    sent, failed = actor.send(), failing.send()

    worker = dramatiq.Worker(stub, worker_timeout=50)
    worker.start()
    stub.join("default", timeout=5_000, fail_fast=False)
    worker.stop()

    assert sent.get_result(backend=backend) == "stubbed"
    with pytest.raises(ResultFailure):
        failed.get_result(backend=backend)


def test_get_result_raises_broker_unavailable_when_redis_is_unreachable() -> None:
    backend = StreamResultBackend(create_client("redis://127.0.0.1:1"))

    with pytest.raises(BrokerUnavailable):
        backend.get_result(message())
