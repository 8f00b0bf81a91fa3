"""Dramatiq's behaviours, as its own test-suite asks them of a broker, asked of this one.

Each test runs once for each lane, and once with messages that are delayed first: nothing of the contract may depend on
the way a message took. Deviations are listed, with their reasons, in docs/broker.md.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq import Middleware, group, pipeline
from dramatiq.errors import ActorNotFound, QueueJoinTimeout, RateLimitExceeded
from dramatiq.errors import Retry as RetryLater
from dramatiq.middleware import (
    AsyncIO,
    GroupCallbacks,
    Shutdown,
    ShutdownNotifications,
    SkipMessage,
    TimeLimit,
    TimeLimitExceeded,
)
from dramatiq.rate_limits import Barrier, BucketRateLimiter, ConcurrentRateLimiter, WindowRateLimiter
from dramatiq.rate_limits.backends import RedisBackend as LimitsBackend
from dramatiq.results import ResultFailure, Results, ResultTimeout

from app.broker import StreamResultBackend, StreamRetries, StreamsBroker
from tests.broker.conftest import MakeBroker, working
from tests.broker.delivery import message, nothing_left

FAST = {"min_backoff": 1, "max_backoff": 2}
WAYS = {
    "interactive": {},
    "batch": {"lane": "batch"},
    "delayed": {"delay": 10},
}


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options every message of the test is sent with."""
    return dict(WAYS[request.param])


Declare = Callable[..., dramatiq.Actor[Any, Any]]


@pytest.fixture
def declare(broker: StreamsBroker) -> Declare:
    def make(fn: Callable[..., Any], name: str = "act", **options: Any) -> dramatiq.Actor[Any, Any]:
        return dramatiq.actor(fn, actor_name=name, broker=broker, **{**FAST, **options})

    return make


@pytest.fixture
def results(broker: StreamsBroker) -> Iterator[StreamResultBackend]:
    backend = StreamResultBackend(broker.client, broker.namespace)
    broker.add_middleware(Results(backend=backend, store_results=True))
    dramatiq.set_broker(broker)
    yield backend
    dramatiq.set_broker(None)  # type: ignore[arg-type]


@pytest.fixture
def limits(client: redis.Redis) -> LimitsBackend:
    return LimitsBackend(client=client)


def run(broker: StreamsBroker, *queues: str, threads: int = 2) -> None:
    """Work until nothing is left."""
    with working(broker, threads=threads):
        for queue in queues or ("default",):
            broker.join(queue, timeout=15_000, interval=10)


class TestActors:
    def test_positional_and_keyword_arguments_arrive(self, broker: StreamsBroker, declare: Declare, way: Any) -> None:
        seen: list[Any] = []
        actor = declare(lambda *args, **kwargs: seen.append((args, kwargs)))

        actor.send_with_options(args=(1, [2, None]), kwargs={"three": {"four": 4.5}}, **way)
        run(broker)

        assert seen == [((1, [2, None]), {"three": {"four": 4.5}})]
        assert nothing_left(broker)

    def test_each_queue_has_its_own_messages(self, broker: StreamsBroker, declare: Declare, way: Any) -> None:
        seen: list[str] = []
        for queue in ("default", "other"):
            declare(lambda queue=queue: seen.append(queue), f"on_{queue}", queue_name=queue).send_with_options(**way)
        assert (broker.qsize("default"), broker.qsize("other")) == (1, 1)

        run(broker, "default", "other")

        assert sorted(seen) == ["default", "other"]

    def test_an_actor_declared_while_the_worker_runs_is_consumed(self, broker: StreamsBroker, declare: Declare) -> None:
        ran = threading.Event()
        with working(broker):
            declare(ran.set, queue_name="late").send()
            assert ran.wait(5)

    def test_a_worker_can_be_told_which_queues_to_consume(self, broker: StreamsBroker, declare: Declare) -> None:
        seen: list[str] = []
        for queue in ("default", "other"):
            declare(lambda queue=queue: seen.append(queue), f"on_{queue}", queue_name=queue).send()
        worker = dramatiq.Worker(broker, queues={"other"}, worker_threads=1, worker_timeout=50)
        worker.start()

        broker.join("other", timeout=5_000)
        worker.stop()

        assert (seen, broker.qsize("default")) == (["other"], 1)

    def test_an_asyncio_actor_runs_and_returns(
        self, broker: StreamsBroker, declare: Declare, results: StreamResultBackend, way: Any
    ) -> None:
        broker.add_middleware(AsyncIO())

        async def act(x: int) -> int:
            await asyncio.sleep(0)
            return x * 2

        sent = declare(act).send_with_options(args=(21,), **way)
        with working(broker):
            assert sent.get_result(backend=results, block=True, timeout=5_000) == 42

    def test_an_asyncio_actor_that_fails_is_retried(self, broker: StreamsBroker, declare: Declare) -> None:
        broker.add_middleware(AsyncIO())
        attempts: list[int] = []

        async def act() -> None:
            attempts.append(1)
            if len(attempts) < 3:
                raise RuntimeError

        declare(act).send()
        run(broker)

        assert len(attempts) == 3

    def test_a_generator_of_work_can_be_larger_than_a_batch(self, broker: StreamsBroker, declare: Declare) -> None:
        seen: list[int] = []
        actor = declare(seen.append)

        sent = broker.enqueue_many(actor.message(number) for number in range(1_100))
        run(broker, threads=4)

        assert len(sent) == 1_100
        assert sorted(seen) == list(range(1_100))


class TestRetries:
    def test_a_message_is_retried_until_it_succeeds(self, broker: StreamsBroker, declare: Declare, way: Any) -> None:
        attempts: list[float] = []

        def flaky() -> None:
            attempts.append(time.monotonic())
            if len(attempts) < 4:
                raise RuntimeError

        declare(flaky, max_retries=3).send_with_options(**way)
        run(broker)

        assert len(attempts) == 4
        assert broker.dead_letters("default") == []
        assert nothing_left(broker)

    def test_retries_wait_at_least_their_backoff(self, broker: StreamsBroker, declare: Declare) -> None:
        attempts: list[float] = []

        def flaky() -> None:
            attempts.append(time.monotonic())
            if len(attempts) < 2:
                raise RuntimeError

        declare(flaky, max_retries=3, min_backoff=400, max_backoff=400).send()
        run(broker)

        # Half of it is jitter, as with Dramatiq.
        assert attempts[1] - attempts[0] >= 0.2

    @pytest.mark.parametrize("limit", [0, 1, 3])
    def test_max_retries_is_a_limit(self, broker: StreamsBroker, declare: Declare, limit: int, way: Any) -> None:
        attempts: list[int] = []

        def fail() -> None:
            attempts.append(1)
            raise RuntimeError

        declare(fail, max_retries=limit).send_with_options(**way)
        run(broker)

        assert len(attempts) == limit + 1
        assert len(broker.dead_letters("default")) == 1

    def test_a_raised_retry_is_a_retry_whatever_its_delay(self, broker: StreamsBroker, declare: Declare) -> None:
        attempts: list[int] = []

        def act() -> None:
            attempts.append(1)
            if len(attempts) == 1:
                raise RetryLater("not yet", delay=10)

        declare(act).send()
        run(broker)

        assert len(attempts) == 2

    def test_rate_limits_that_are_exceeded_are_retried(self, broker: StreamsBroker, declare: Declare) -> None:
        attempts: list[int] = []

        def act() -> None:
            attempts.append(1)
            if len(attempts) == 1:
                raise RateLimitExceeded("later")

        declare(act).send()
        run(broker)

        assert len(attempts) == 2


class TestTimeAndShutdown:
    def test_a_time_limit_interrupts_and_is_retried(self, make_broker: MakeBroker, way: Any) -> None:
        broker = make_broker(middleware=[TimeLimit(interval=50), StreamRetries(min_backoff=1, max_backoff=2)])
        seen: list[str] = []

        def slow() -> None:
            try:
                while not seen:
                    time.sleep(0.01)
            except TimeLimitExceeded:
                seen.append("interrupted")
                raise

        actor = dramatiq.actor(slow, actor_name="act", broker=broker, time_limit=100)
        broker.emit_after("process_boot")  # as the command line does: the watch starts with it
        actor.send_with_options(**way)
        run(broker)

        assert seen == ["interrupted"]
        assert nothing_left(broker)

    def test_a_shutdown_notifies_and_the_message_goes_back(self, broker: StreamsBroker, declare: Declare) -> None:
        assert any(isinstance(one, ShutdownNotifications) for one in broker.middleware)
        started = threading.Event()
        seen: list[str] = []

        def wait() -> None:
            started.set()
            try:
                for _ in range(500):
                    time.sleep(0.01)
            except Shutdown:
                seen.append("told")
                raise

        declare(wait, notify_shutdown=True).send()
        with working(broker):
            assert started.wait(5)

        assert seen == ["told"]
        assert broker.qsize("default") == 1
        assert broker.pending("default") == []

    def test_a_paused_worker_runs_nothing_until_it_is_resumed(self, broker: StreamsBroker, declare: Declare) -> None:
        ran = threading.Event()
        actor = declare(ran.set)
        with working(broker) as worker:
            worker.pause()
            actor.send()
            assert not ran.wait(0.3)
            worker.resume()
            assert ran.wait(5)

    def test_worker_join_waits_for_what_is_in_memory(self, broker: StreamsBroker, declare: Declare) -> None:
        seen: list[int] = []
        actor = declare(lambda number: (time.sleep(0.02), seen.append(number)))
        for number in range(4):
            actor.send(number)
        with working(broker) as worker:
            broker.join("default", timeout=5_000)
            worker.join()
        assert sorted(seen) == [0, 1, 2, 3]

    def test_two_workers_share_a_queue_and_run_each_message_once(self, make_broker: MakeBroker) -> None:
        seen: list[int] = []
        brokers = [make_broker(), make_broker()]
        for one in brokers:
            dramatiq.actor(seen.append, actor_name="act", broker=one)
        brokers[0].enqueue_many(message(number) for number in range(200))

        with working(brokers[0]), working(brokers[1]):
            brokers[0].join("default", timeout=10_000)

        assert sorted(seen) == list(range(200))


class TestMiddleware:
    def test_the_signals_of_a_messages_life_come_in_order(self, broker: StreamsBroker, declare: Declare) -> None:
        heard: list[str] = []

        def listen(name: str) -> Callable[..., None]:
            return lambda self, *args, **kwargs: heard.append(name)

        names = ("enqueue", "process_message", "ack", "nack", "declare_actor")
        signals = [f"{when}_{name}" for name in names for when in ("before", "after")]
        broker.add_middleware(type("Listener", (Middleware,), {name: listen(name) for name in signals})())

        declare(lambda: None).send()
        run(broker)

        assert heard == [
            "before_declare_actor", "after_declare_actor", "before_enqueue", "after_enqueue",
            "before_process_message", "after_process_message", "before_ack", "after_ack",
        ]  # fmt: skip

    def test_worker_and_thread_signals_are_sent(self, broker: StreamsBroker) -> None:
        heard: set[str] = set()
        names = ["before_worker_boot", "after_worker_boot", "before_worker_shutdown", "after_worker_shutdown"]
        names += ["after_worker_thread_boot", "before_worker_thread_shutdown"]
        names += ["after_consumer_thread_boot", "before_consumer_thread_shutdown"]
        listeners = {name: lambda self, *args, name=name: heard.add(name) for name in names}
        broker.add_middleware(type("Listener", (Middleware,), listeners)())

        with working(broker):
            pass

        assert heard == set(names)

    def test_a_skipped_message_is_acknowledged_and_never_runs(
        self, broker: StreamsBroker, declare: Declare, way: Any
    ) -> None:
        ran: list[int] = []
        skipped: list[str] = []

        class Skip(Middleware):
            def before_process_message(self, broker: Any, message: Any) -> None:
                raise SkipMessage

            def after_skip_message(self, broker: Any, message: Any) -> None:
                skipped.append(message.actor_name)

        broker.add_middleware(Skip())
        declare(lambda: ran.append(1)).send_with_options(**way)
        run(broker)

        assert (ran, skipped, broker.dead_letters("default")) == ([], ["act"], [])

    def test_a_middleware_that_fails_stops_nothing(self, broker: StreamsBroker, declare: Declare) -> None:
        class Broken(Middleware):
            def before_process_message(self, broker: Any, message: Any) -> None:
                raise RuntimeError

            after_process_message = after_ack = before_ack = before_enqueue = before_process_message  # type: ignore[assignment]

        ran: list[int] = []
        broker.add_middleware(Broken())
        declare(lambda: ran.append(1)).send()
        run(broker)

        assert ran == [1]

    def test_middleware_is_placed_where_it_is_wanted(self, broker: StreamsBroker) -> None:
        class Mine(Middleware):
            pass

        broker.add_middleware(Mine(), before=TimeLimit)
        broker.add_middleware(Mine(), after=ShutdownNotifications)

        kinds = [type(one) for one in broker.middleware]
        assert kinds.index(Mine) == kinds.index(TimeLimit) - 1
        assert kinds[kinds.index(ShutdownNotifications) + 1] is Mine
        with pytest.raises(ValueError, match="not found"):
            broker.add_middleware(Mine(), before=AsyncIO)

    def test_an_option_no_middleware_knows_is_refused(self, broker: StreamsBroker) -> None:
        with pytest.raises(ValueError, match="undefined"):
            dramatiq.actor(lambda: None, actor_name="act", broker=broker, no_such_option=1)


class TestComposition:
    def test_callbacks_follow_success_and_failure(self, broker: StreamsBroker, declare: Declare, way: Any) -> None:
        calls: list[Any] = []
        declare(lambda body, result: calls.append(("ok", body["actor_name"], result)), "succeeded")
        declare(lambda body, error: calls.append(("no", body["actor_name"], error["type"])), "failed")
        declare(lambda: 42, "good", on_success="succeeded").send_with_options(**way)
        declare(lambda: 1 // 0, "bad", on_failure="failed", max_retries=0).send_with_options(**way)

        run(broker)

        assert sorted(calls) == [("no", "bad", "ZeroDivisionError"), ("ok", "good", 42)]

    def test_a_pipeline_runs_and_its_result_is_the_last_ones(
        self, broker: StreamsBroker, declare: Declare, results: StreamResultBackend, way: Any
    ) -> None:
        add = declare(lambda x, y: x + y, "add")
        stages = [
            add.message_with_options(args=(1, 2), **way),
            *(add.message_with_options(args=(10,), **way) for _ in range(2)),
        ]
        chain = pipeline(stages, broker=broker)

        with working(broker):
            chain.run()
            assert chain.get_result(block=True, timeout=10_000) == 23

    def test_a_stage_can_ignore_what_came_before(
        self, broker: StreamsBroker, declare: Declare, results: StreamResultBackend
    ) -> None:
        first = declare(lambda: 1, "first")
        second = declare(lambda: "alone", "second")

        with working(broker):
            chain = (first.message() | second.message_with_options(pipe_ignore=True)).run()
            assert chain.get_result(block=True, timeout=5_000) == "alone"

    def test_a_pipeline_stops_at_a_stage_that_fails(
        self, broker: StreamsBroker, declare: Declare, results: StreamResultBackend
    ) -> None:
        ran: list[int] = []
        fail = declare(lambda: 1 // 0, "fail", max_retries=0)
        after = declare(lambda _: ran.append(1), "after")

        with working(broker):
            chain = (fail.message() | after.message()).run()
            broker.join("default", timeout=5_000)
            with pytest.raises(ResultTimeout):
                chain.get_result(block=True, timeout=100)
            with pytest.raises(ResultFailure):
                results.get_result(chain.messages[0])
        assert ran == []

    def test_a_group_runs_all_and_calls_back_once(
        self, broker: StreamsBroker, declare: Declare, results: StreamResultBackend, limits: LimitsBackend, way: Any
    ) -> None:
        complete: list[int] = []
        broker.add_middleware(GroupCallbacks(limits))
        square = declare(lambda x: x * x, "square")
        done = declare(lambda: complete.append(1), "done")
        members = group([square.message_with_options(args=(n,), **way) for n in range(8)], broker=broker)
        members.add_completion_callback(done.message())

        with working(broker, threads=4):
            members.run()
            assert list(members.get_results(block=True, timeout=10_000)) == [n * n for n in range(8)]
            broker.join("default", timeout=5_000)

        assert complete == [1]

    def test_groups_and_pipelines_nest(
        self, broker: StreamsBroker, declare: Declare, results: StreamResultBackend
    ) -> None:
        add = declare(lambda x, y: x + y, "add")
        nested = group(
            [group([add.message(1, 1), add.message(2, 2)], broker=broker), add.message(3, 3) | add.message(4)],
            broker=broker,
        )

        with working(broker):
            nested.run()
            nested.wait(timeout=5_000)
            assert [list(one) if isinstance(one, Iterator) else one for one in nested.get_results()] == [[2, 4], 10]


class TestLimits:
    def test_a_concurrent_limit_is_never_exceeded(
        self, broker: StreamsBroker, declare: Declare, limits: LimitsBackend, namespace: str
    ) -> None:
        limiter = ConcurrentRateLimiter(limits, f"{namespace}-concurrent", limit=1)
        running, most, ran = [0], [0], []

        def act(number: int) -> None:
            with limiter.acquire():
                running[0] += 1
                most[0] = max(most[0], running[0])
                time.sleep(0.01)
                running[0] -= 1
                ran.append(number)

        actor = declare(act, max_retries=None)
        for number in range(5):
            actor.send(number)
        run(broker, threads=4)

        assert (most, sorted(ran)) == ([1], list(range(5)))

    def test_bucket_and_window_limits_hold(
        self, broker: StreamsBroker, declare: Declare, limits: LimitsBackend, namespace: str
    ) -> None:
        bucket = BucketRateLimiter(limits, f"{namespace}-bucket", limit=2, bucket=3_600_000)
        window = WindowRateLimiter(limits, f"{namespace}-window", limit=2, window=3_600)
        allowed: list[str] = []

        def act(name: str) -> None:
            with {"bucket": bucket, "window": window}[name].acquire(raise_on_failure=False) as acquired:
                if acquired:
                    allowed.append(name)

        actor = declare(act)
        for _ in range(4):
            actor.send("bucket")
            actor.send("window")
        run(broker)

        assert sorted(allowed) == ["bucket"] * 2 + ["window"] * 2

    def test_the_last_to_reach_a_barrier_knows(
        self, broker: StreamsBroker, declare: Declare, limits: LimitsBackend, namespace: str
    ) -> None:
        barrier = Barrier(limits, f"{namespace}-barrier", ttl=60_000)
        barrier.create(parties=4)
        last: list[bool] = []
        actor = declare(lambda: last.append(barrier.wait(block=False)))
        for _ in range(4):
            actor.send()

        run(broker, threads=4)

        assert sorted(last) == [False] * 3 + [True]


class TestQueues:
    def test_join_waits_for_delayed_and_retried_messages(self, broker: StreamsBroker, declare: Declare) -> None:
        seen: list[int] = []
        declare(lambda: seen.append(1)).send_with_options(delay=300)

        run(broker)

        assert seen == [1]

    def test_join_of_a_queue_that_does_not_empty_times_out(self, broker: StreamsBroker, way: Any) -> None:
        delay = way.pop("delay", None)
        broker.enqueue(message(**way), delay=delay and 60_000)
        with pytest.raises(QueueJoinTimeout):
            broker.join("default", timeout=30, interval=10)

    def test_flush_empties_one_queue_and_no_other(self, broker: StreamsBroker, way: Any) -> None:
        broker.declare_queue("other")
        delay = way.pop("delay", None)
        for queue in ("default", "other"):
            broker.enqueue(message(queue=queue, **way), delay=delay and 60_000)

        broker.flush("default")

        assert (broker.qsize("default"), broker.qsize("other")) == (0, 1)
        broker.flush_all()
        assert broker.qsize("other") == 0

    def test_declared_names_are_sets_of_their_own(self, broker: StreamsBroker, declare: Declare) -> None:
        actor = declare(lambda: None, queue_name="other")

        assert broker.get_declared_queues() == {"default", "other"}
        assert broker.get_declared_delay_queues() == {"default.DQ", "other.DQ"}
        assert broker.get_declared_actors() == {"act"}
        assert broker.get_actor("act") is actor
        broker.get_declared_queues().clear()
        assert broker.get_declared_queues() == {"default", "other"}
        with pytest.raises(ActorNotFound):
            broker.get_actor("nobody")

    def test_messages_of_one_lane_are_delivered_in_their_order(self, broker: StreamsBroker, declare: Declare) -> None:
        seen: list[int] = []
        actor = declare(seen.append)
        for number in range(50):
            actor.send(number)

        run(broker, threads=1)

        assert seen == list(range(50))

    def test_a_user_can_test_his_actors_against_it_as_with_a_stub(
        self, broker: StreamsBroker, declare: Declare
    ) -> None:
        # Given a broker as a fixture that is emptied, and a worker as another
        database: dict[str, str] = {}

        def store(key: str, value: str) -> None:
            database[key] = value

        actor = declare(store)
        broker.flush_all()
        worker = dramatiq.Worker(broker, worker_timeout=100)
        worker.start()

        # When the user sends, joins the queue and the worker
        actor.send("a", "1")
        broker.join(actor.queue_name)
        worker.join()
        worker.stop()

        # Then what the actor does is done
        assert database == {"a": "1"}
