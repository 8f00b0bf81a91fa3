"""Slots of webhooks: limits of the deliveries that run at the same time for one API key and for one host.

A delivery occupies a thread until its receiver responds or the time is up. Without these limits, one API key with slow
receivers occupies all threads, and the webhooks of the others wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dramatiq import Message

from app.broker import Precondition, PreconditionFailed, StreamsBroker
from app.store.connection import read_lua
from app.store.keys import WEBHOOKS_QUEUE

__all__ = ["ParkedWebhooks", "WebhookSlots"]

# For the eight threads of the process `webhooks`: a group leaves two of them to the others. Once its receivers are
# known to be slow, it leaves six.
_SLOTS: Final = 6
_SLOW_SLOTS: Final = 2
_SLOW_SECONDS: Final = 2.0
_SLOW_MARK_SECONDS: Final = 60
# Longer than a delivery with the resolution of its host.
_SLOT_MS: Final = 60_000
_REMOVE_PARKED: Final = """
redis.call('ZREM', keys[2], args[2])
return redis.call('ZREM', keys[1], args[1]) == 1
"""


@dataclass(frozen=True)
class ParkedWebhooks:
    """Parked messages of all groups.

    Attributes:
        count: Their number.
        oldest_seconds: For how long the first of them has been parked; 0 if there is none.
    """

    count: int
    oldest_seconds: float


class WebhookSlots:
    """Slots of the deliveries of webhooks by group: an API key or a host.

    The message of a webhook that finds no free slot is parked, so that its thread can deliver another one. It returns
    to the queue, the oldest message first, when a slot of its group is free. Every method raises ``redis.RedisError``
    or BrokerUnavailable if Redis does not answer.

    Args:
        broker: Broker of the queue of webhooks.
        slow_seconds: A group in which a delivery took longer has fewer slots for a minute.
    """

    def __init__(self, broker: StreamsBroker, slow_seconds: float = _SLOW_SECONDS) -> None:
        self._broker = broker
        self._slow_seconds = slow_seconds
        self._take: Any = broker.client.register_script(read_lua("webhooks/take_webhook_slots"))
        self._find_parked: Any = broker.client.register_script(read_lua("webhooks/find_parked_webhooks"))

    def take(self, message: Message[Any], groups: Sequence[str]) -> bool:
        """Take a slot of each group, or park the message.

        Args:
            message: The message of the webhook. If it was parked, the caller must acknowledge it.
            groups: Names of its groups.

        Returns:
            Whether the slots were taken. They expire after a minute.
        """
        # Not encode() of the delivery: the copy is an ordinary message, with the number of its retries.
        encoded = Message(**message.asdict()).encode()
        group_keys = [key for group in groups for key in self._group_keys(group)]
        reply: int = self._take(
            keys=[self._parked_groups, self._parked_since, *group_keys],
            args=[
                message.message_id, encoded, message.message_timestamp, _SLOTS, _SLOW_SLOTS, _SLOT_MS, *groups,
            ],
        )  # fmt: skip
        return reply == 1

    def release(self, message: Message[Any], groups: Sequence[str], seconds: float) -> None:
        """Free the slots of a delivery and return parked messages of its groups to the queue.

        Args:
            message: The message of the webhook.
            groups: Names of its groups.
            seconds: Duration of the delivery.
        """
        with self._broker.client.pipeline(transaction=False) as pipeline:
            for group in groups:
                slots, slow, _ = self._group_keys(group)
                pipeline.zrem(slots, message.message_id)
                if seconds > self._slow_seconds:
                    pipeline.set(slow, 1, ex=_SLOW_MARK_SECONDS)
            pipeline.execute()
        for group in groups:
            self._requeue(group)

    def requeue_parked(self) -> None:
        """Return parked messages to the queue as far as their groups have free slots.

        A periodic task calls it, for the case that a worker was killed before it released its slots.
        """
        groups: Any = self._broker.client.smembers(self._parked_groups)
        for group in groups:
            self._requeue(group.decode())

    def _requeue(self, group: str) -> None:
        slots, slow, parked = self._group_keys(group)
        messages: list[bytes] = self._find_parked(
            keys=[self._parked_groups, slots, slow, parked], args=[group, _SLOTS, _SLOW_SLOTS]
        )
        for encoded in messages:
            message: Message[Any] = Message.decode(encoded)
            remove = Precondition(_REMOVE_PARKED, [parked, self._parked_since], [encoded, message.message_id])
            try:
                self._broker.enqueue(message, precondition=remove)
            except PreconditionFailed:  # another thread has returned it
                continue

    def read_parked(self) -> ParkedWebhooks:
        """Return the number of the parked messages and the age of the oldest one."""
        with self._broker.client.pipeline(transaction=False) as pipeline:
            pipeline.time()
            pipeline.zcard(self._parked_since)
            pipeline.zrange(self._parked_since, 0, 0, withscores=True)
            (seconds, microseconds), count, oldest = pipeline.execute()
        age = [max(0.0, seconds + microseconds / 1e6 - since_ms / 1000) for _, since_ms in oldest]
        return ParkedWebhooks(count, oldest_seconds=max(age, default=0.0))

    @property
    def _parked_since(self) -> str:
        return f"{self._prefix}:parked-since"

    @property
    def _parked_groups(self) -> str:
        return f"{self._prefix}:parked-groups"

    def _group_keys(self, group: str) -> tuple[str, str, str]:
        return f"{self._prefix}:slots:{group}", f"{self._prefix}:slow:{group}", f"{self._prefix}:parked:{group}"

    @property
    def _prefix(self) -> str:
        return self._broker.keys(WEBHOOKS_QUEUE).tag
