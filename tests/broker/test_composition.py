"""Everything Dramatiq builds on a broker: pipelines, groups, callbacks, results, limits, asyncio."""

from __future__ import annotations

import threading
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq import group, pipeline
from dramatiq.middleware import AsyncIO, CurrentMessage, GroupCallbacks
from dramatiq.rate_limits import Barrier, ConcurrentRateLimiter
from dramatiq.rate_limits.backends import RedisBackend as LimitsBackend
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


def test_results_come_back_and_failures_do_too(broker: StreamsBroker, results: ResultsBackend) -> None:
    add = dramatiq.actor(lambda x, y: x + y, actor_name="add", broker=broker)
    divide = dramatiq.actor(lambda x: 1 // x, actor_name="divide", broker=broker, max_retries=0)

    with working(broker):
        assert add.send(1, 2).get_result(backend=results, block=True, timeout=5_000) == 3
        with pytest.raises(ResultFailure, match="ZeroDivisionError"):
            divide.send(0).get_result(backend=results, block=True, timeout=5_000)


def test_a_pipeline_passes_results_on_across_queues(broker: StreamsBroker, results: ResultsBackend) -> None:
    add = dramatiq.actor(lambda x, y: x + y, actor_name="add", broker=broker)
    double = dramatiq.actor(lambda x: 2 * x, actor_name="double", broker=broker, queue_name="other")
    stages = pipeline([add.message(1, 2), double.message(), add.message(10)], broker=broker)

    with working(broker):
        stages.run()
        assert stages.get_result(block=True, timeout=5_000) == 16
        for queue_name in ("default", "other"):
            broker.join(queue_name, timeout=5_000)

    assert nothing_left(broker)


def test_a_delayed_pipeline_and_delayed_stages_run(broker: StreamsBroker, results: ResultsBackend) -> None:
    add = dramatiq.actor(lambda x, y: x + y, actor_name="add", broker=broker)
    later = add.message_with_options(args=(10,), delay=20)

    with working(broker):
        stages = pipeline([add.message(1, 2), later], broker=broker).run(delay=10)
        assert stages.get_result(block=True, timeout=5_000) == 13


def test_a_group_runs_and_calls_back_when_it_is_complete(
    broker: StreamsBroker, results: ResultsBackend, client: redis.Redis
) -> None:
    complete = threading.Event()
    broker.add_middleware(GroupCallbacks(LimitsBackend(client=client)))
    square = dramatiq.actor(lambda x: x * x, actor_name="square", broker=broker)
    done = dramatiq.actor(lambda: complete.set(), actor_name="done", broker=broker)
    squares = group([square.message(number) for number in range(5)], broker=broker)
    squares.add_completion_callback(done.message())

    with working(broker):
        squares.run()
        assert list(squares.get_results(block=True, timeout=5_000)) == [0, 1, 4, 9, 16]
        assert complete.wait(5)


def test_callbacks_follow_success_and_failure(broker: StreamsBroker) -> None:
    calls: list[Any] = []
    dramatiq.actor(lambda body, result: calls.append(result), actor_name="succeeded", broker=broker)
    dramatiq.actor(lambda body, error: calls.append(error["type"]), actor_name="failed", broker=broker)
    good = dramatiq.actor(lambda: 42, actor_name="good", broker=broker, on_success="succeeded")
    bad = dramatiq.actor(lambda: 1 // 0, actor_name="bad", broker=broker, on_failure="failed", max_retries=0)

    with working(broker):
        good.send()
        bad.send()
        broker.join("default", timeout=5_000)

    assert sorted(map(str, calls)) == ["42", "ZeroDivisionError"]


def test_a_follow_up_on_the_same_queue_appears_only_with_its_predecessors_finish(broker: StreamsBroker) -> None:
    # Given a message that ran, and a middleware that enqueued another one after it
    class Chain(dramatiq.Middleware):
        def after_process_message(self, broker: Any, message: Any, **outcome: Any) -> None:
            broker.enqueue(message._message.copy(args=("next",)))

    broker.add_middleware(Chain())
    broker.enqueue(message("first"))
    first = take(broker)
    broker.emit_after("process_message", first)

    # Then it is not there yet, and it is once the first is acknowledged
    assert broker.qsize("default") == 1
    broker.consume("default").ack(first)
    assert broker.qsize("default") == 1
    assert take(broker).args == ("next",)


def test_a_follow_up_of_a_fenced_message_never_appears(broker: StreamsBroker) -> None:
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


def test_an_asyncio_actor_runs(broker: StreamsBroker) -> None:
    ran = threading.Event()
    broker.add_middleware(AsyncIO())

    async def act() -> None:
        ran.set()

    dramatiq.actor(act, actor_name="act", broker=broker).send()

    with working(broker):
        assert ran.wait(5)
        broker.join("default", timeout=5_000)


def test_rate_limits_and_barriers_work_beside_it(broker: StreamsBroker, client: redis.Redis, namespace: str) -> None:
    backend = LimitsBackend(client=client)
    barrier = Barrier(backend, f"{namespace}-barrier", ttl=10_000)
    barrier.create(parties=2)
    last: list[bool] = []
    limiter = ConcurrentRateLimiter(backend, f"{namespace}-mutex", limit=1)

    def meet() -> None:
        with limiter.acquire():
            last.append(barrier.wait(block=False))

    actor = dramatiq.actor(meet, actor_name="meet", broker=broker, min_backoff=1, max_backoff=5)
    actor.send()
    actor.send()

    with working(broker):
        broker.join("default", timeout=10_000)
    assert last == [False, True]
    assert broker.dead_letters("default") == []


def test_an_actors_priority_orders_what_waits_in_memory(broker: StreamsBroker) -> None:
    order: list[str] = []
    gate, started = threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        gate.wait(5)

    blocker = dramatiq.actor(hold, actor_name="blocker", broker=broker)
    low = dramatiq.actor(lambda: order.append("low"), actor_name="low", broker=broker, priority=10)
    high = dramatiq.actor(lambda: order.append("high"), actor_name="high", broker=broker, priority=0, queue_name="fast")

    with working(broker, threads=1):
        blocker.send()
        assert started.wait(5)
        low.send()
        while len(broker.pending("default")) < 2:
            pass
        high.send()
        while not broker.pending("fast"):
            pass
        gate.set()
        broker.join("default", timeout=5_000)

    assert order == ["high", "low"]


def test_an_actor_gets_at_its_own_delivery(broker: StreamsBroker) -> None:
    seen: list[Any] = []
    actor = dramatiq.actor(lambda: seen.append(CurrentMessage.get_current_message()), actor_name="act", broker=broker)
    actor.send()

    with working(broker):
        broker.join("default", timeout=5_000)

    assert (seen[0].deliveries, seen[0].attempt) == (1, 1)
    assert seen[0].entry_id
