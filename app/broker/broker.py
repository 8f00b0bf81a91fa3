"""The broker: Dramatiq's contract, kept on Redis Streams."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

import redis
from dramatiq import Broker, Consumer, Message, Middleware
from dramatiq.common import dq_name
from dramatiq.errors import QueueJoinTimeout, QueueNotFound
from dramatiq.middleware import Retries

from app.broker.admin import Administration
from app.broker.connection import connect, translated, without_retries
from app.broker.consumer import StreamConsumer
from app.broker.delayed_consumer import DelayedConsumer
from app.broker.effects import Effect
from app.broker.keys import LaneKeys
from app.broker.lanes import Lane
from app.broker.message import StreamMessage
from app.broker.middleware import Failures, Leases, default_middleware
from app.broker.precondition import Precondition
from app.broker.settlement import DeadLetterLimits
from app.broker.submission import Submission, announced, chosen_lane, many, settle

__all__ = ["StreamsBroker"]

_MESSAGES_PER_TRIP = 1_000
_REDIS_PY_TIMEOUT_SECONDS = 5


class StreamsBroker(Administration, Broker):
    """A Dramatiq broker on Redis Streams.

    Parameters:
        url: ``redis://``, ``rediss://``, ``unix://`` or ``sentinel://host:port,host:port/service?db=0``.
        client: instead of a URL. Commands go through a copy of it that never sends one twice; a Sentinel's or
            cluster's cannot be copied, and is itself set so.
        namespace: prefix of all keys; no braces.
        lease_ms: how long a worker may be silent before what it holds is given to others. Renewed every quarter.
        max_deliveries: so many deliveries without a finish are a dead letter.
        dead_ttl_ms, dead_limit: how long, and how many, dead letters a queue keeps.
        middleware: replaces `default_middleware()`. Dramatiq's own Retries is refused.
        consumer_name: unique to this process; made up when not given.
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
        consumer_name: str | None = None,
    ) -> None:
        if (url is None) == (client is None):
            raise ValueError("give either a url or a client")
        Administration.__init__(
            self,
            without_retries(client) if client is not None else connect(str(url)),
            namespace,
            lease_ms=lease_ms,
            max_deliveries=max_deliveries,
            limits=DeadLetterLimits(dead_ttl_ms, dead_limit),
            consumer_name=consumer_name,
        )
        self._local = threading.local()
        Broker.__init__(self, [Leases(), Failures(), *(default_middleware() if middleware is None else middleware)])
        self.queues: set[str] = set()

    @property
    def socket_timeout_ms(self) -> int | None:
        """After which the client gives up waiting for a reply; None when it never does."""
        seconds = self.client.get_connection_kwargs().get("socket_timeout", _REDIS_PY_TIMEOUT_SECONDS)
        return int(seconds * 1000) if seconds else None

    # --- Dramatiq's contract

    def add_middleware(self, middleware: Middleware, **position: Any) -> None:
        """As Dramatiq's.

        Raises:
            ValueError: for Dramatiq's Retries, whose retries can be lost while their message is acknowledged.
        """
        if isinstance(middleware, Retries):
            raise ValueError("StreamsBroker needs app.broker.StreamRetries instead of dramatiq's Retries: same options")
        super().add_middleware(middleware, **position)

    def get_declared_queues(self) -> set[str]:
        return set(self.queues)

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue and its delay queue. Does no I/O.

        Raises:
            ValueError: the name has a brace in it.
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
        """A consumer of a queue, or, for a delay queue, the one that promotes and sweeps.

        Raises:
            QueueNotFound: it was never declared.
            BrokerUnavailable: Redis cannot be reached.
        """
        if queue_name in self.delay_queues:
            return DelayedConsumer(self, queue_name, timeout)
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)  # type: ignore[no-untyped-call]
        return StreamConsumer(self, queue_name, prefetch, timeout)

    def enqueue(
        self,
        message: Message[Any],
        *,
        delay: int | None = None,
        effects: Sequence[Effect] = (),
        on_dead: Sequence[Effect] = (),
        dedupe_key: str | None = None,
        max_backlog: int | None = None,
        lane: Lane | str | None = None,
        precondition: Precondition | None = None,
    ) -> Message[Any]:
        """Put a message on its queue, in one step with everything else given here.

        Parameters:
            delay: ms from now, by the server's clock.
            effects: writes made in the same step.
            on_dead: writes made when the message is dead-lettered, whoever does that, however often it moved before.
            dedupe_key: if this key exists, nothing is written. Usually one of the effects creates it.
            max_backlog: nothing is written if so many messages wait, run or are delayed.
            lane: "interactive" or "batch"; else the message's option ``lane``, its actor's, or interactive.
            precondition: decides in the same step whether it is written.

        Raises:
            Duplicate, QueueFull, PreconditionFailed: nothing was written.
            BrokerUnavailable: it may or may not have been written; it is not sent again by itself.
            ValueError: a key lacks the queue's hash tag, or there is no such lane.
        """
        chosen, keys = self._lane(message, lane), self.keys(message.queue_name)
        shown = self.announce(message, delay)
        submission = Submission(shown, keys, delay, effects, on_dead, dedupe_key, max_backlog, chosen, precondition)
        if (ending := self._ending) is None:
            settle(self.run(submission.command()), submission)
        else:
            ending.follow_ups.append(submission)
        self.emit_after("enqueue", shown, delay)
        return shown

    def enqueue_many(self, messages: Iterable[Message[Any]], *, delay: int | None = None) -> list[Message[Any]]:
        """Put many messages on their queues, up to 1,000 in a round trip, which are written together or not at all.

        Raises:
            BrokerUnavailable: some, all or none may have been written.
        """
        shown: list[Message[Any]] = []
        places: dict[LaneKeys, list[Message[Any]]] = {}
        announce = self.announce if self._anyone_hears("before_enqueue") else announced
        for message in messages:
            place = self.keys(message.queue_name).lanes[self._lane(message)]
            shown.append(announce(message, delay))
            places.setdefault(place, []).append(shown[-1])
        for place, batch in places.items():
            for start in range(0, len(batch), _MESSAGES_PER_TRIP):
                self.run(many(batch[start : start + _MESSAGES_PER_TRIP], place, delay))
        for message in shown if self._anyone_hears("after_enqueue") else ():
            self.emit_after("enqueue", message, delay)
        return shown

    def _anyone_hears(self, signal: str) -> bool:
        """False when all middleware left this method as it came: to call it for each of many messages takes time."""
        as_it_came = getattr(Middleware, signal)
        return any(getattr(getattr(one, signal), "__func__", None) is not as_it_came for one in self.middleware)

    def emit_after(self, signal: str, *args: Any, **kwargs: Any) -> None:
        """As Dramatiq's; but what middleware enqueues once a message has run is written when that message ends.

        Dramatiq swallows what a middleware raises there. A callback, or the next stage of a pipeline, that could not
        be enqueued would be lost while its message is acknowledged.
        """
        if signal != "process_message" or not isinstance(args[0], StreamMessage):
            super().emit_after(signal, *args, **kwargs)
            return
        self._local.ending = args[0]
        try:
            super().emit_after(signal, *args, **kwargs)
        finally:
            self._local.ending = None

    def _lane(self, message: Message[Any], given: Lane | str | None = None) -> Lane:
        actor = self.actors.get(message.actor_name)
        return chosen_lane(given, message.options.get("lane"), actor.options.get("lane") if actor else None)

    @property
    def _ending(self) -> StreamMessage | None:
        return getattr(self._local, "ending", None)

    def announce(self, message: Message[Any], delay: int | None) -> Message[Any]:
        """Tell middleware that a message is about to be enqueued; returns it in the form they see."""
        shown = announced(message, delay)
        self.emit_before("enqueue", shown, delay)
        return shown

    def flush(self, queue_name: str) -> None:
        """Drop what waits, is delayed, or runs: what runs is fenced and its finish refused. Keeps dead letters."""
        keys = self.keys(queue_name)
        with translated():
            self.client.unlink(
                *keys.streams, *(key for one in keys.lanes.values() for key in (one.delayed, one.delayed_bodies))
            )

    def flush_all(self) -> None:
        """Flush every declared queue, its dead letters too."""
        for queue_name in self.get_declared_queues():
            self.flush(queue_name)
            with translated():
                self.client.unlink(self.keys(queue_name).dead)

    def join(self, queue_name: str, *, interval: int = 100, timeout: int | None = None) -> None:
        """Wait until nothing waits, runs or is delayed. For tests.

        Raises:
            QueueJoinTimeout: after `timeout` ms.
        """
        deadline = None if timeout is None else time.monotonic() + timeout / 1000
        while self.qsize(queue_name):
            if deadline is not None and time.monotonic() >= deadline:
                raise QueueJoinTimeout(queue_name)  # type: ignore[no-untyped-call]
            time.sleep(interval / 1000)

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()
        self.client.close()

    # --- deliveries

    def fenced(self, message: StreamMessage, effects: Sequence[Effect]) -> list[Any]:
        """Make these writes if, and only if, this delivery still owns its entry; returns their replies.

        Raises:
            LeaseLost: nothing was written; the message's `lease_lost` is set.
            BrokerUnavailable: they may or may not have been made.
        """
        return self.deliveries.fenced(message, effects)

    @property
    def fenced_total(self) -> int:
        """How often this process was refused a write, or a finish, because it had lost the lease."""
        return self.deliveries.fenced_total
