"""`StreamsBroker`, the class that producers and Dramatiq workers use."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import redis
from dramatiq import Actor, Broker, Consumer, Message, Middleware
from dramatiq.common import dq_name
from dramatiq.errors import QueueNotFound
from dramatiq.middleware import Retries

from app.broker.administration import QueueAdministration
from app.broker.connection import create_client, translate_errors, without_retries
from app.broker.dead_letters import DeadLetterLimits
from app.broker.delivery.consumer import StreamConsumer, blocking_time_ms
from app.broker.delivery.deliveries import Deliveries
from app.broker.delivery.message import StreamMessage
from app.broker.effects import Effect, PackedEffects
from app.broker.enqueue_request import EnqueueRequest, Precondition, enqueue_many_call, select_lane, with_delay
from app.broker.keys import LaneKeys
from app.broker.lanes import Lane
from app.broker.maintenance import DelayQueueConsumer
from app.broker.middleware import FailureResults, WorkerLifecycle, default_middleware

__all__ = ["StreamsBroker"]

_log = logging.getLogger(__name__)
_MESSAGES_PER_CALL = 1_000
# redis.connection.Connection has this default since redis-py 8.
_DEFAULT_SOCKET_TIMEOUT_SECONDS = 5


class StreamsBroker(QueueAdministration, Broker):
    """A Dramatiq broker on Redis Streams.

    Args:
        url: ``redis://``, ``rediss://``, ``unix://`` or ``sentinel://host:port,host:port/service?db=0``.
        client: A client instead of a URL. The broker uses a copy without retries. The client of a cluster cannot be
            copied; the broker switches its retries off.
        namespace: Prefix of all keys, without braces.
        lease_ms: Time without a renewal after which other workers may take the messages of a worker. Workers renew
            their leases four times in this period.
        max_deliveries: Number of starts without an end after which a message is dead-lettered.
        dead_ttl_ms: Maximum age of a dead letter.
        dead_limit: Maximum number of dead letters of a queue.
        middleware: Replaces `default_middleware()`.

    Raises:
        ValueError: Not exactly one of `url` and `client` is given, the URL is invalid, or `middleware` contains
            Dramatiq's Retries.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        client: redis.Redis | None = None,
        namespace: str = "dramatiq",
        lease_ms: int = 15_000,
        max_deliveries: int = 3,
        dead_ttl_ms: int = 7 * 24 * 3_600_000,
        dead_limit: int = 10_000,
        middleware: list[Middleware] | None = None,
    ) -> None:
        if (url is None) == (client is None):
            raise ValueError("exactly one of url and client is required")
        QueueAdministration.__init__(
            self,
            without_retries(client) if client is not None else create_client(str(url)),
            namespace,
            lease_ms=lease_ms,
            max_deliveries=max_deliveries,
            limits=DeadLetterLimits(dead_ttl_ms, dead_limit),
        )
        self.deliveries = Deliveries(self.run)
        self._thread_state = threading.local()
        own = [WorkerLifecycle(self.deliveries, self.run, lease_ms), FailureResults()]
        Broker.__init__(self, [*own, *(default_middleware() if middleware is None else middleware)])
        self.queues: set[str] = set()

    def add_middleware(self, middleware: Middleware, **position: Any) -> None:
        """Add a middleware.

        Raises:
            ValueError: It is Dramatiq's Retries, whose retries can be lost while their message is acknowledged.
        """
        if isinstance(middleware, Retries):
            raise ValueError("use app.broker.StreamRetries instead of dramatiq's Retries: it has the same options")
        super().add_middleware(middleware, **position)

    def get_declared_queues(self) -> set[str]:
        """Return the names of the declared queues, without their delay queues."""
        return set(self.queues)

    def declare_actor(self, actor: Actor[Any, Any]) -> None:
        """Declare an actor. Its priority has no effect and is reported in the log: use lanes."""
        super().declare_actor(actor)
        if actor.priority:
            _log.warning(
                "Actor %s: priority=%d has no effect, because no message waits in the memory of a worker. Use lanes.",
                actor.actor_name,
                actor.priority,
            )

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue and its delay queue. Does no I/O.

        Raises:
            ValueError: The name contains a brace.
        """
        if queue_name in self.queues:
            return
        self.keys(queue_name)
        self.emit_before("declare_queue", queue_name)
        self.queues.add(queue_name)
        self.emit_after("declare_queue", queue_name)
        self.delay_queues.add(dq_name(queue_name))
        self.emit_after("declare_delay_queue", dq_name(queue_name))

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5_000) -> Consumer:
        """Create the consumer of a queue. The consumer of a delay queue maintains the queue and returns no messages.

        Args:
            queue_name: A declared queue, or its delay queue.
            prefetch: Number of messages of the queue that this process may hold.
            timeout: How long one step may wait, in ms.

        Raises:
            QueueNotFound: The queue was not declared.
            BrokerUnavailable: Redis cannot be reached.
        """
        if queue_name in self.delay_queues:
            return DelayQueueConsumer(partial(self.maintain, queue_name), timeout, self.lease_ms)
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)  # type: ignore[no-untyped-call]
        socket_timeout = self.client.get_connection_kwargs().get("socket_timeout", _DEFAULT_SOCKET_TIMEOUT_SECONDS)
        actors = [actor for actor in self.actors.values() if actor.queue_name == queue_name]
        return StreamConsumer(
            run=self.run,
            keys=self.keys(queue_name),
            deliveries=self.deliveries,
            limits=self._limits,
            prefetch=prefetch,
            timeout_ms=timeout,
            block_ms=blocking_time_ms(timeout, int(socket_timeout * 1000) if socket_timeout else None),
            counts=not any(actor.options.get("marks_start") for actor in actors),
            before_enqueue=self._emit_before_enqueue,
            after_enqueue=partial(self.emit_after, "enqueue"),
        )

    def enqueue(
        self,
        message: Message[Any],
        *,
        delay: int | None = None,
        effects: Sequence[Effect] = (),
        on_dead: Sequence[Effect] | PackedEffects = (),
        dedupe_key: str | None = None,
        max_backlog: int | None = None,
        lane: Lane | str | None = None,
        precondition: Precondition | None = None,
    ) -> Message[Any]:
        """Enqueue a message and make all other writes in one step.

        Args:
            message: The message.
            delay: Delay in ms, by the server's clock.
            effects: Writes to make.
            on_dead: Writes to make when the message is dead-lettered, also after retries and recoveries.
            dedupe_key: Write nothing if this key exists. Usually one of the effects creates it.
            max_backlog: Write nothing if the queue holds so many waiting, running and delayed messages.
            lane: "interactive" or "batch". Default: the option ``lane`` of the message, else of its actor, else
                interactive.
            precondition: Checked in the same step.

        Returns:
            The message; if it is delayed, with the name of its delay queue and its ``eta``.

        Raises:
            Duplicate: The dedupe key exists.
            PreconditionFailed: The precondition was not met.
            QueueFull: The backlog limit is reached.
            BrokerUnavailable: The message may or may not have been enqueued. It is not sent again.
            ValueError: A key does not have the hash tag of the queue, or the lane does not exist.
        """
        selected_lane, keys = self._select_lane(message, lane), self.keys(message.queue_name)
        message = self._emit_before_enqueue(message, delay)
        request = EnqueueRequest(
            message, keys, delay, effects, on_dead, dedupe_key, max_backlog, selected_lane, precondition
        )
        processed: StreamMessage | None = getattr(self._thread_state, "processed", None)
        if processed is None:
            request.check_reply(self.run(request.command()))
        else:
            processed.follow_ups.append(request)
        self.emit_after("enqueue", message, delay)
        return message

    def enqueue_many(self, messages: Iterable[Message[Any]], *, delay: int | None = None) -> list[Message[Any]]:
        """Enqueue messages in batches of up to 1,000. The messages of a batch are written together or not at all.

        Returns:
            The messages; see `enqueue`.

        Raises:
            BrokerUnavailable: None, some or all messages may have been enqueued.
        """
        # Calling a hook that does nothing for each message takes a noticeable part of the time.
        emit_before = self._emit_before_enqueue if _has_hook(self.middleware, "before_enqueue") else with_delay
        enqueued: list[Message[Any]] = []
        by_lane: dict[LaneKeys, list[Message[Any]]] = {}
        for message in messages:
            lane = self.keys(message.queue_name).lanes[self._select_lane(message)]
            enqueued.append(emit_before(message, delay))
            by_lane.setdefault(lane, []).append(enqueued[-1])
        for lane, batch in by_lane.items():
            for start in range(0, len(batch), _MESSAGES_PER_CALL):
                self.run(enqueue_many_call(batch[start : start + _MESSAGES_PER_CALL], lane, delay))
        for message in enqueued if _has_hook(self.middleware, "after_enqueue") else ():
            self.emit_after("enqueue", message, delay)
        return enqueued

    def emit_after(self, signal: str, *args: Any, **kwargs: Any) -> None:
        """Call a hook of all middleware.

        A message that middleware enqueues after a message ran (a callback, the next stage of a pipeline) is written
        when that message is settled. Dramatiq swallows exceptions of these hooks: the message could not be enqueued
        and would be lost, while its predecessor is acknowledged.
        """
        if signal != "process_message" or not isinstance(args[0], StreamMessage):
            super().emit_after(signal, *args, **kwargs)
            return
        self._thread_state.processed = args[0]
        try:
            super().emit_after(signal, *args, **kwargs)
        finally:
            self._thread_state.processed = None

    def flush_all(self) -> None:
        """Flush every declared queue and delete its dead letters."""
        for queue_name in self.get_declared_queues():
            self.flush(queue_name)
            with translate_errors():
                self.client.unlink(self.keys(queue_name).dead_letters)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()

    def pause_fetching(self) -> None:
        """Fetch no messages in this process until `resume_fetching`, and release those that were not started.

        Running messages continue, and their leases are renewed. Use it while the process cannot run messages.
        """
        self.deliveries.is_paused = True

    def resume_fetching(self) -> None:
        """Fetch messages again."""
        self.deliveries.is_paused = False

    @property
    def consumer_name(self) -> str:
        """Name of this process in every consumer group."""
        return self.deliveries.consumer_name

    @property
    def fenced_total(self) -> int:
        """How often a write or a finish of this process was refused because it had lost the lease."""
        return self.deliveries.fenced_total

    def fenced(self, message: StreamMessage, effects: Sequence[Effect], *, is_started: bool | None = None) -> list[Any]:
        """Make writes if this delivery still owns its entry, and return their replies.

        Args:
            message: The delivery.
            effects: The writes.
            is_started: Whether the delivery counts from now on if this process is killed. A delivery counts when it
                is fetched. If an actor of the queue has the option ``marks_start``, it counts when its actor sets True.
                None leaves it as it is.

        Raises:
            LeaseLost: Nothing was written. `StreamMessage.lease_lost` is set.
            BrokerUnavailable: The writes may or may not have been made.
        """
        return self.deliveries.fenced(message, effects, is_started=is_started)

    def _select_lane(self, message: Message[Any], lane: Lane | str | None = None) -> Lane:
        actor = self.actors.get(message.actor_name)
        return select_lane(lane, message.options.get("lane"), actor.options.get("lane") if actor else None)

    def _emit_before_enqueue(self, message: Message[Any], delay: int | None) -> Message[Any]:
        message = with_delay(message, delay)
        self.emit_before("enqueue", message, delay)
        return message


def _has_hook(middleware: Iterable[Middleware], name: str) -> bool:
    """Return whether any middleware overrides a hook."""
    default = getattr(Middleware, name)
    return any(getattr(getattr(item, name), "__func__", None) is not default for item in middleware)
