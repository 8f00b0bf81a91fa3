"""Actors, their messages and their retries."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import dramatiq
import pytest
from dramatiq.errors import RateLimitExceeded
from dramatiq.errors import Retry as RetryLater
from dramatiq.middleware import (
    AsyncIO,
)

from app.broker import StreamResultBackend, StreamsBroker
from tests.broker.conftest import working
from tests.broker.contract.conftest import Declare, run
from tests.broker.delivery import nothing_left


class TestActors:
    def test_actor_receives_positional_and_keyword_arguments(
        self, broker: StreamsBroker, declare: Declare, send_options: Any
    ) -> None:
        seen: list[Any] = []
        actor = declare(lambda *args, **kwargs: seen.append((args, kwargs)))

        actor.send_with_options(args=(1, [2, None]), kwargs={"three": {"four": 4.5}}, **send_options)
        run(broker)

        assert seen == [((1, [2, None]), {"three": {"four": 4.5}})]
        assert nothing_left(broker)

    def test_queues_are_separate(self, broker: StreamsBroker, declare: Declare, send_options: Any) -> None:
        seen: list[str] = []
        for queue in ("default", "other"):
            declare(lambda queue=queue: seen.append(queue), f"on_{queue}", queue_name=queue).send_with_options(
                **send_options
            )
        assert (broker.qsize("default"), broker.qsize("other")) == (1, 1)

        run(broker, "default", "other")

        assert sorted(seen) == ["default", "other"]

    def test_actor_is_consumed_when_it_is_declared_after_the_worker_started(
        self, broker: StreamsBroker, declare: Declare
    ) -> None:
        ran = threading.Event()
        with working(broker):
            declare(ran.set, queue_name="late").send()
            assert ran.wait(5)

    def test_worker_consumes_only_the_given_queues(self, broker: StreamsBroker, declare: Declare) -> None:
        seen: list[str] = []
        for queue in ("default", "other"):
            declare(lambda queue=queue: seen.append(queue), f"on_{queue}", queue_name=queue).send()
        worker = dramatiq.Worker(broker, queues={"other"}, worker_threads=1, worker_timeout=50)
        worker.start()

        broker.join("other", timeout=5_000)
        worker.stop()

        assert (seen, broker.qsize("default")) == (["other"], 1)

    def test_asyncio_actor_returns_its_result(
        self, broker: StreamsBroker, declare: Declare, results: StreamResultBackend, send_options: Any
    ) -> None:
        broker.add_middleware(AsyncIO())

        async def act(x: int) -> int:
            await asyncio.sleep(0)
            return x * 2

        sent = declare(act).send_with_options(args=(21,), **send_options)
        with working(broker):
            assert sent.get_result(backend=results, block=True, timeout=5_000) == 42

    def test_asyncio_actor_is_retried_when_it_fails(self, broker: StreamsBroker, declare: Declare) -> None:
        broker.add_middleware(AsyncIO())
        attempts: list[int] = []

        async def act() -> None:
            attempts.append(1)
            if len(attempts) < 3:
                raise RuntimeError

        declare(act).send()
        run(broker)

        assert len(attempts) == 3

    def test_enqueue_many_accepts_a_generator_longer_than_a_batch(
        self, broker: StreamsBroker, declare: Declare
    ) -> None:
        seen: list[int] = []
        actor = declare(seen.append)

        sent = broker.enqueue_many(actor.message(number) for number in range(1_100))
        run(broker, threads=4)

        assert len(sent) == 1_100
        assert sorted(seen) == list(range(1_100))


class TestRetries:
    def test_message_is_retried_until_it_succeeds(
        self, broker: StreamsBroker, declare: Declare, send_options: Any
    ) -> None:
        attempts: list[float] = []

        def flaky() -> None:
            attempts.append(time.monotonic())
            if len(attempts) < 4:
                raise RuntimeError

        declare(flaky, max_retries=3).send_with_options(**send_options)
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
    def test_max_retries_is_a_limit(
        self, broker: StreamsBroker, declare: Declare, limit: int, send_options: Any
    ) -> None:
        attempts: list[int] = []

        def fail() -> None:
            attempts.append(1)
            raise RuntimeError

        declare(fail, max_retries=limit).send_with_options(**send_options)
        run(broker)

        assert len(attempts) == limit + 1
        assert len(broker.dead_letters("default")) == 1

    def test_raised_retry_is_retried(self, broker: StreamsBroker, declare: Declare) -> None:
        attempts: list[int] = []

        def act() -> None:
            attempts.append(1)
            if len(attempts) == 1:
                raise RetryLater("not yet", delay=10)

        declare(act).send()
        run(broker)

        assert len(attempts) == 2

    def test_message_is_retried_when_a_rate_limit_is_exceeded(self, broker: StreamsBroker, declare: Declare) -> None:
        attempts: list[int] = []

        def act() -> None:
            attempts.append(1)
            if len(attempts) == 1:
                raise RateLimitExceeded("later")

        declare(act).send()
        run(broker)

        assert len(attempts) == 2
