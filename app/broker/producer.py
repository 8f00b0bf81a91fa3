"""Enqueuing from asyncio: the same promises as the blocking broker, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.asyncio
from dramatiq import Message

from app.broker.connection import connect_async, translated, without_retries_async
from app.broker.effects import Effect, PackedEffects
from app.broker.keys import QueueKeys, keys_of
from app.broker.lanes import Lane
from app.broker.precondition import Precondition
from app.broker.scripts import execute_async
from app.broker.submission import Submission, announced, chosen_lane, settle

__all__ = ["AsyncProducer"]


class AsyncProducer:
    """Puts messages on the streams of a `StreamsBroker`. Runs no Dramatiq middleware.

    Parameters:
        client: commands go through a copy of it that never sends one twice.
        namespace: the broker's.
    """

    def __init__(self, client: redis.asyncio.Redis, namespace: str = "dramatiq") -> None:
        self._client = without_retries_async(client)
        self._namespace = namespace

    @classmethod
    def from_url(cls, url: str, namespace: str = "dramatiq") -> AsyncProducer:
        """With connections of its own; the URLs are those of `StreamsBroker`."""
        return cls(connect_async(url), namespace)

    def keys(self, queue_name: str) -> QueueKeys:
        """The names of what a queue keeps in Redis."""
        return keys_of(self._namespace, queue_name)

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
        """As `StreamsBroker.enqueue`; without actors, so that only `lane` or the message's own option choose the lane.

        Raises:
            Duplicate, QueueFull, PreconditionFailed: nothing was written.
            BrokerUnavailable: it may or may not have been written.
            ValueError: a key lacks the queue's hash tag, or there is no such lane.
        """
        keys, chosen = self.keys(message.queue_name), chosen_lane(lane, message.options.get("lane"))
        submission = Submission(message, keys, delay, effects, on_dead, dedupe_key, max_backlog, chosen, precondition)
        command = submission.command()
        with translated():
            settle(await execute_async(self._client, command), submission)
        return announced(message, delay)

    async def close(self) -> None:
        """Close the connections; a plain client that was given stays open, one of a Sentinel or a cluster does not."""
        # A client does not own the pool it was given, and a cluster's has no pool of that kind.
        client: Any = self._client
        if isinstance(client, redis.asyncio.Redis):
            await client.aclose(close_connection_pool=True)
        else:
            await client.aclose()
