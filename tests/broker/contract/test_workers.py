"""Workers: time limits, shutdown, pause and hooks of middleware."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import dramatiq
import pytest
from dramatiq import Middleware
from dramatiq.middleware import (
    AsyncIO,
    Shutdown,
    ShutdownNotifications,
    SkipMessage,
    TimeLimit,
    TimeLimitExceeded,
)

from app.broker import StreamRetries, StreamsBroker
from tests.broker.conftest import MakeBroker, working
from tests.broker.contract.conftest import Declare, run
from tests.broker.delivery import message, nothing_left


class TestTimeAndShutdown:
    def test_time_limit_interrupts_the_actor_and_retries_the_message(
        self, make_broker: MakeBroker, send_options: Any
    ) -> None:
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
        broker.emit_after("process_boot")  # the dramatiq command does this; it starts the thread of TimeLimit
        actor.send_with_options(**send_options)
        run(broker)

        assert seen == ["interrupted"]
        assert nothing_left(broker)

    def test_shutdown_interrupts_the_actor_and_requeues_the_message(
        self, broker: StreamsBroker, declare: Declare
    ) -> None:
        assert any(isinstance(item, ShutdownNotifications) for item in broker.middleware)
        started = threading.Event()
        seen: list[str] = []

        def wait() -> None:
            try:
                started.set()
                for _ in range(500):
                    time.sleep(0.01)
            except Shutdown:
                seen.append("interrupted")
                raise

        # With a short backoff, another thread could start the retry before the worker has stopped.
        declare(wait, notify_shutdown=True, min_backoff=60_000, max_backoff=60_000).send()
        with working(broker):
            assert started.wait(5)

        assert seen == ["interrupted"]
        assert broker.qsize("default") == 1
        assert broker.pending("default") == []

    def test_worker_runs_nothing_while_it_is_paused(
        self, broker: StreamsBroker, declare: Declare, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.05)
        ran = threading.Event()
        actor = declare(ran.set)
        with working(broker) as worker:
            worker.pause()
            actor.send()
            assert not ran.wait(0.3)
            worker.resume()
            assert ran.wait(5)

    def test_worker_join_waits_for_messages_in_memory(self, broker: StreamsBroker, declare: Declare) -> None:
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
        for broker in brokers:
            dramatiq.actor(seen.append, actor_name="act", broker=broker)
        brokers[0].enqueue_many(message(number) for number in range(200))

        with working(brokers[0]), working(brokers[1]):
            brokers[0].join("default", timeout=10_000)

        assert sorted(seen) == list(range(200))


class TestMiddleware:
    def test_message_hooks_are_called_in_order(self, broker: StreamsBroker, declare: Declare) -> None:
        calls: list[str] = []

        def listen(name: str) -> Callable[..., None]:
            return lambda self, *args, **kwargs: calls.append(name)

        names = ("enqueue", "process_message", "ack", "nack", "declare_actor")
        signals = [f"{when}_{name}" for name in names for when in ("before", "after")]
        broker.add_middleware(type("Listener", (Middleware,), {name: listen(name) for name in signals})())

        declare(lambda: None).send()
        run(broker)

        assert calls == [
            "before_declare_actor", "after_declare_actor", "before_enqueue", "after_enqueue",
            "before_process_message", "after_process_message", "before_ack", "after_ack",
        ]  # fmt: skip

    def test_worker_and_thread_hooks_are_called(self, broker: StreamsBroker) -> None:
        calls: set[str] = set()
        names = ["before_worker_boot", "after_worker_boot", "before_worker_shutdown", "after_worker_shutdown"]
        names += ["after_worker_thread_boot", "before_worker_thread_shutdown"]
        names += ["after_consumer_thread_boot", "before_consumer_thread_shutdown"]
        listeners = {name: lambda self, *args, name=name: calls.add(name) for name in names}
        broker.add_middleware(type("Listener", (Middleware,), listeners)())

        with working(broker):
            pass

        assert calls == set(names)

    def test_skipped_message_is_acknowledged_without_running(
        self, broker: StreamsBroker, declare: Declare, send_options: Any
    ) -> None:
        ran: list[int] = []
        skipped: list[str] = []

        class Skip(Middleware):
            def before_process_message(self, broker: Any, message: Any) -> None:
                raise SkipMessage

            def after_skip_message(self, broker: Any, message: Any) -> None:
                skipped.append(message.actor_name)

        broker.add_middleware(Skip())
        declare(lambda: ran.append(1)).send_with_options(**send_options)
        run(broker)

        assert (ran, skipped, broker.dead_letters("default")) == ([], ["act"], [])

    def test_failing_middleware_does_not_prevent_processing(self, broker: StreamsBroker, declare: Declare) -> None:
        class Broken(Middleware):
            def before_process_message(self, broker: Any, message: Any) -> None:
                raise RuntimeError

            after_process_message = after_ack = before_ack = before_enqueue = before_process_message  # type: ignore[assignment]

        ran: list[int] = []
        broker.add_middleware(Broken())
        declare(lambda: ran.append(1)).send()
        run(broker)

        assert ran == [1]

    def test_add_middleware_respects_before_and_after(self, broker: StreamsBroker) -> None:
        class Mine(Middleware):
            pass

        broker.add_middleware(Mine(), before=TimeLimit)
        broker.add_middleware(Mine(), after=ShutdownNotifications)

        kinds = [type(item) for item in broker.middleware]
        assert kinds.index(Mine) == kinds.index(TimeLimit) - 1
        assert kinds[kinds.index(ShutdownNotifications) + 1] is Mine
        with pytest.raises(ValueError, match="not found"):
            broker.add_middleware(Mine(), before=AsyncIO)

    def test_actor_with_an_unknown_option_is_rejected(self, broker: StreamsBroker) -> None:
        with pytest.raises(ValueError, match="undefined"):
            dramatiq.actor(lambda: None, actor_name="act", broker=broker, no_such_option=1)
