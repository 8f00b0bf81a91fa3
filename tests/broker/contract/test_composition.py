"""Callbacks, pipelines, groups and rate limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from dramatiq import group, pipeline
from dramatiq.middleware import (
    GroupCallbacks,
)
from dramatiq.rate_limits import Barrier, BucketRateLimiter, ConcurrentRateLimiter, WindowRateLimiter
from dramatiq.rate_limits.backends import RedisBackend as LimitsBackend
from dramatiq.results import ResultFailure, ResultTimeout

from app.broker import StreamResultBackend, StreamsBroker
from tests.broker.conftest import working
from tests.broker.contract.conftest import Declare, run


class TestComposition:
    def test_callbacks_run_after_success_and_failure(
        self, broker: StreamsBroker, declare: Declare, send_options: Any
    ) -> None:
        calls: list[Any] = []
        declare(lambda body, result: calls.append(("ok", body["actor_name"], result)), "succeeded")
        declare(lambda body, error: calls.append(("no", body["actor_name"], error["type"])), "failed")
        declare(lambda: 42, "good", on_success="succeeded").send_with_options(**send_options)
        declare(lambda: 1 // 0, "bad", on_failure="failed", max_retries=0).send_with_options(**send_options)

        run(broker)

        assert sorted(calls) == [("no", "bad", "ZeroDivisionError"), ("ok", "good", 42)]

    def test_pipeline_result_is_the_result_of_its_last_stage(
        self, broker: StreamsBroker, declare: Declare, results: StreamResultBackend, send_options: Any
    ) -> None:
        add = declare(lambda x, y: x + y, "add")
        stages = [
            add.message_with_options(args=(1, 2), **send_options),
            *(add.message_with_options(args=(10,), **send_options) for _ in range(2)),
        ]
        chain = pipeline(stages, broker=broker)

        with working(broker):
            chain.run()
            assert chain.get_result(block=True, timeout=10_000) == 23

    def test_pipeline_stage_can_ignore_the_previous_result(
        self, broker: StreamsBroker, declare: Declare, results: StreamResultBackend
    ) -> None:
        first = declare(lambda: 1, "first")
        second = declare(lambda: "alone", "second")

        with working(broker):
            chain = (first.message() | second.message_with_options(pipe_ignore=True)).run()
            assert chain.get_result(block=True, timeout=5_000) == "alone"

    def test_pipeline_stops_when_a_stage_fails(
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

    def test_group_calls_back_once(
        self,
        broker: StreamsBroker,
        declare: Declare,
        results: StreamResultBackend,
        limits: LimitsBackend,
        send_options: Any,
    ) -> None:
        complete: list[int] = []
        broker.add_middleware(GroupCallbacks(limits))
        square = declare(lambda x: x * x, "square")
        done = declare(lambda: complete.append(1), "done")
        members = group([square.message_with_options(args=(n,), **send_options) for n in range(8)], broker=broker)
        members.add_completion_callback(done.message())

        with working(broker, threads=4):
            members.run()
            assert list(members.get_results(block=True, timeout=10_000)) == [n * n for n in range(8)]
            broker.join("default", timeout=5_000)

        assert complete == [1]

    def test_groups_and_pipelines_can_be_nested(
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
            assert [list(result) if isinstance(result, Iterator) else result for result in nested.get_results()] == [
                [2, 4],
                10,
            ]


class TestLimits:
    def test_concurrent_limit_is_not_exceeded(
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

    def test_bucket_and_window_limits_are_not_exceeded(
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

    def test_barrier_identifies_the_last_party(
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
