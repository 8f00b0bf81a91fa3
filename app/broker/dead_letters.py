"""Messages that ended badly: list, show, replay, drop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from dramatiq import Message
from dramatiq.errors import DecodeError

from app.broker.keys import QueueKeys
from app.broker.lanes import Lane
from app.broker.scripts import Call, Script

__all__ = ["DeadLetter", "drop", "newest_first", "replay", "show"]

# What StreamRetries left in the options: a replayed message starts over.
_RETRY_STATE = ("retries", "traceback", "requeue_timestamp")


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter.

    Attributes:
        id: its name here; its first half is `died_at_ms`.
        reason: one line.
        message: the message's body as it was enqueued or last retried.
        deliveries: how many deliveries ended without a finish, the last one included.
        died_at_ms: Unix time by the server's clock.
        attempts: how often it was started in all.
        entry_id: the stream entry it was.
        traceback: of the last exception; may be empty.
        lane: the lane it was in, and is replayed to.
        effects_error: what an on_dead effect failed with; empty when all worked.
    """

    id: str
    reason: str
    message: bytes
    deliveries: int
    died_at_ms: int
    attempts: int
    entry_id: str
    traceback: str
    effects_error: str
    lane: Lane


def newest_first(client: redis.Redis, keys: QueueKeys, *, count: int, before: str | None) -> list[DeadLetter]:
    """Up to `count` letters, older than the id `before` when that is given."""
    rows: Any = client.xrevrange(keys.dead, max=f"({before}" if before else "+", count=count)
    return [_letter(raw_id, fields) for raw_id, fields in rows]


def show(client: redis.Redis, keys: QueueKeys, letter_id: str) -> DeadLetter | None:
    """One letter; None when it was replayed, dropped or has expired."""
    rows: Any = client.xrange(keys.dead, letter_id, letter_id)
    return _letter(*rows[0]) if rows else None


def replay(client: redis.Redis, run: Callable[[Call], Any], keys: QueueKeys, letter_id: str) -> bool:
    """Put a letter's message back to work with fresh retries. Works once: False when the letter is not there."""
    letter = show(client, keys, letter_id)
    if letter is None:
        return False
    return bool(
        run(Call(Script.REPLAY, [keys.lanes[letter.lane].stream, keys.dead], [letter_id, _fresh(letter.message)]))
    )


def drop(client: redis.Redis, keys: QueueKeys, letter_id: str) -> bool:
    """Delete a letter; False when it is not there."""
    return bool(client.xdel(keys.dead, letter_id))


def _letter(raw_id: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        id=raw_id.decode(),
        reason=fields[b"r"].decode(errors="replace"),
        message=fields[b"m"],
        deliveries=int(fields[b"n"]),
        attempts=int(fields[b"a"]),
        died_at_ms=int(raw_id.split(b"-")[0]),
        entry_id=fields[b"e"].decode(),
        traceback=fields[b"t"].decode(errors="replace"),
        effects_error=fields[b"f"].decode(errors="replace"),
        lane=Lane(fields[b"l"].decode()),
    )


def _fresh(body: bytes) -> bytes:
    try:
        message: Message[Any] = Message.decode(body)
    except DecodeError:
        return body
    for name in _RETRY_STATE:
        message.options.pop(name, None)
    return message.encode()
