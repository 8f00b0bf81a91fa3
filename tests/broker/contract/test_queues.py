"""Queues: join, flush, order and tests of actors."""

from __future__ import annotations

from typing import Any

import dramatiq
import pytest
from dramatiq.errors import ActorNotFound, QueueJoinTimeout

from app.broker import StreamsBroker
from tests.broker.contract.conftest import Declare, run
from tests.broker.delivery import message


class TestQueues:
    def test_join_waits_for_delayed_and_retried_messages(self, broker: StreamsBroker, declare: Declare) -> None:
        seen: list[int] = []
        declare(lambda: seen.append(1)).send_with_options(delay=300)

        run(broker)

        assert seen == [1]

    def test_join_times_out_when_the_queue_does_not_empty(self, broker: StreamsBroker, send_options: Any) -> None:
        delay = send_options.pop("delay", None)
        broker.enqueue(message(**send_options), delay=delay and 60_000)
        with pytest.raises(QueueJoinTimeout):
            broker.join("default", timeout=30, interval=10)

    def test_flush_empties_only_the_given_queue(self, broker: StreamsBroker, send_options: Any) -> None:
        broker.declare_queue("other")
        delay = send_options.pop("delay", None)
        for queue in ("default", "other"):
            broker.enqueue(message(queue=queue, **send_options), delay=delay and 60_000)

        broker.flush("default")

        assert (broker.qsize("default"), broker.qsize("other")) == (0, 1)
        broker.flush_all()
        assert broker.qsize("other") == 0

    def test_declared_names_are_returned_as_copies(self, broker: StreamsBroker, declare: Declare) -> None:
        actor = declare(lambda: None, queue_name="other")

        assert broker.get_declared_queues() == {"default", "other"}
        assert broker.get_declared_delay_queues() == {"default.DQ", "other.DQ"}
        assert broker.get_declared_actors() == {"act"}
        assert broker.get_actor("act") is actor
        broker.get_declared_queues().clear()
        assert broker.get_declared_queues() == {"default", "other"}
        with pytest.raises(ActorNotFound):
            broker.get_actor("unknown")

    def test_messages_of_one_lane_are_delivered_in_order(self, broker: StreamsBroker, declare: Declare) -> None:
        seen: list[int] = []
        actor = declare(seen.append)
        for number in range(50):
            actor.send(number)

        run(broker, threads=1)

        assert seen == list(range(50))

    def test_actors_can_be_tested_as_with_the_stub_broker(self, broker: StreamsBroker, declare: Declare) -> None:
        # Given the fixtures of Dramatiq's testing guide: an empty broker and a worker
        database: dict[str, str] = {}

        def store(key: str, value: str) -> None:
            database[key] = value

        actor = declare(store)
        broker.flush_all()
        worker = dramatiq.Worker(broker, worker_timeout=100)
        worker.start()

        # When a test sends a message and joins the queue and the worker
        actor.send("a", "1")
        broker.join(actor.queue_name)
        worker.join()
        worker.stop()

        # Then the actor has run
        assert database == {"a": "1"}
