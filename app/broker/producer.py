"""The asyncio producer, for processes that only enqueue messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.asyncio
from dramatiq import Message

from app.broker.connection import create_async_client, without_retries_async
from app.broker.effects import Effect, PackedEffects
from app.broker.enqueue_request import EnqueueRequest, Precondition, select_lane, with_delay
from app.broker.keys import QueueKeys, queue_keys
from app.broker.lanes import Lane
from app.broker.scripts import run_async

__all__ = ["AsyncProducer"]


class AsyncProducer:
    """Enqueues messages for a `StreamsBroker`. It runs no Dramatiq middleware.

    Args:
        client: The producer uses a copy without retries.
        namespace: Namespace of the broker.
    """

    def __init__(self, client: redis.asyncio.Redis, namespace: str = "dramatiq") -> None:
        self._client = without_retries_async(client)
        self._namespace = namespace

    @classmethod
    def from_url(cls, url: str, namespace: str = "dramatiq") -> AsyncProducer:
        """Create a producer with its own connections. It accepts the URLs of `StreamsBroker`."""
        return cls(create_async_client(url), namespace)

    def keys(self, queue_name: str) -> QueueKeys:
        """Return the Redis keys of a queue."""
        return queue_keys(self._namespace, queue_name)

    async def enqueue(
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
        """Enqueue a message in one round trip. See `StreamsBroker.enqueue` for the arguments.

        The producer knows no actors: the lane is the argument, else the option of the message, else interactive.

        Raises:
            Duplicate: The dedupe key exists.
            PreconditionFailed: The precondition was not met.
            QueueFull: The backlog limit is reached.
            BrokerUnavailable: The message may or may not have been enqueued.
            ValueError: A key does not have the hash tag of the queue, or the lane does not exist.
        """
        request = EnqueueRequest(
            message,
            self.keys(message.queue_name),
            delay_ms=delay,
            effects=effects,
            on_dead=on_dead,
            dedupe_key=dedupe_key,
            max_backlog=max_backlog,
            lane=select_lane(lane, message.options.get("lane")),
            precondition=precondition,
        )
        request.check_reply(await run_async(self._client, request.command()))
        return with_delay(message, delay)

    async def close(self) -> None:
        """Close the connections of the producer. The client of a cluster is not a copy and is closed."""
        client: Any = self._client
        if isinstance(client, redis.asyncio.Redis):
            await client.aclose(close_connection_pool=True)
        else:
            await client.aclose()
