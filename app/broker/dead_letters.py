"""Dead letters of a queue: list, show, replay and delete them."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

import redis
from dramatiq import Message
from dramatiq.errors import DecodeError

from app.broker.enqueue_request import Precondition
from app.broker.errors import PreconditionFailed
from app.broker.keys import QueueKeys
from app.broker.lanes import Lane
from app.broker.scripts import Run, Script, ScriptCall, preconditioned

__all__ = [
    "DeadLetter",
    "DeadLetterLimits",
    "DeadLetterReason",
    "drop_dead_letter",
    "list_dead_letters",
    "read_dead_letter",
    "replay_dead_letter",
]

_MAX_FRAMES = 30

# Options that StreamRetries sets. A replayed message starts without them.
_RETRY_OPTIONS = ("retries", "traceback", "requeue_timestamp")


@dataclass(frozen=True)
class DeadLetterLimits:
    """Dead letters that a queue keeps. The oldest are deleted first.

    Attributes:
        ttl_ms: Maximum age.
        count: Maximum number.
    """

    ttl_ms: int
    count: int


@dataclass(frozen=True)
class DeadLetterReason:
    """Why a message is dead-lettered.

    Attributes:
        reason: One line.
        traceback: Traceback of the exception; may be empty.
    """

    reason: str
    traceback: str = ""

    @classmethod
    def from_exception(cls, error: BaseException | None) -> DeadLetterReason:
        """Describe the exception that an actor raised, if any."""
        if error is None:
            return cls("rejected")
        frames = traceback.format_exception(error, limit=_MAX_FRAMES)
        return cls(f"{type(error).__name__}: {error}", "".join(frames))


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter.

    Attributes:
        id: Id of the dead letter.
        reason: Why the message was dead-lettered, in one line.
        message: Encoded message as it was enqueued or last retried.
        deliveries: Number of deliveries that did not finish, including the last one.
        dead_lettered_at_ms: Unix time by the server's clock.
        attempts: How often the message was started.
        entry_id: Stream entry of the last delivery.
        traceback: Traceback of the last exception; may be empty.
        lane: Lane of the message, also after a replay.
        effects_error: Error of an `on_dead` effect; empty if all succeeded.
    """

    id: str
    reason: str
    message: bytes
    deliveries: int
    dead_lettered_at_ms: int
    attempts: int
    entry_id: str
    traceback: str
    effects_error: str
    lane: Lane


def list_dead_letters(client: redis.Redis, keys: QueueKeys, *, count: int, before: str | None) -> list[DeadLetter]:
    """Return up to `count` dead letters, newest first.

    Args:
        client: A client that returns bytes.
        keys: Keys of the queue.
        count: Maximum number.
        before: Only dead letters that are older than the one with this id; None for no limit.
    """
    rows: Any = client.xrevrange(keys.dead_letters, max=f"({before}" if before else "+", count=count)
    return [_parse(raw_id, fields) for raw_id, fields in rows]


def read_dead_letter(client: redis.Redis, keys: QueueKeys, dead_letter_id: str) -> DeadLetter | None:
    """Return a dead letter, or None if it does not exist."""
    rows: Any = client.xrange(keys.dead_letters, dead_letter_id, dead_letter_id)
    return _parse(*rows[0]) if rows else None


def replay_dead_letter(
    client: redis.Redis, run: Run, keys: QueueKeys, dead_letter_id: str, precondition: Precondition | None
) -> bool:
    """Enqueue the message of a dead letter with fresh retries and delete the dead letter, in one step.

    Returns:
        False if the dead letter does not exist.

    Raises:
        PreconditionFailed: Nothing was enqueued or deleted.
    """
    dead_letter = read_dead_letter(client, keys, dead_letter_id)
    if dead_letter is None:
        return False
    stream, body = keys.lanes[dead_letter.lane].stream, _without_retry_options(dead_letter.message)
    call = ScriptCall(Script.REPLAY, [stream, keys.dead_letters], [dead_letter_id, body])
    return _run_conditional(run, keys, call, precondition) == b"replayed"


def drop_dead_letter(run: Run, keys: QueueKeys, dead_letter_id: str, precondition: Precondition | None) -> bool:
    """Delete a dead letter.

    Returns:
        False if it does not exist.

    Raises:
        PreconditionFailed: It was not deleted.
    """
    call = ScriptCall(Script.DROP, [keys.dead_letters], [dead_letter_id])
    return _run_conditional(run, keys, call, precondition) == b"dropped"


def _run_conditional(run: Run, keys: QueueKeys, call: ScriptCall, precondition: Precondition | None) -> bytes:
    """Run a script that takes a precondition, and return its outcome."""
    if precondition is not None:
        precondition.check_keys(keys)
        assert isinstance(call.script, Script), "a call has one precondition"
        call.script = preconditioned(call.script, precondition.source)
        call.keys += precondition.keys
        call.args += precondition.args
    outcome: bytes
    outcome, *reply = run(call)
    if precondition is not None and reply:
        precondition.reply = reply[0]
    if outcome == b"precondition_failed":
        raise PreconditionFailed(f"the precondition was not met: queue {keys.queue!r}")
    return outcome


def _parse(raw_id: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
    def text(name: bytes) -> str:
        return fields[name].decode(errors="replace")

    return DeadLetter(
        id=raw_id.decode(),
        reason=text(b"reason"),
        message=fields[b"message"],
        deliveries=int(fields[b"deliveries"]),
        dead_lettered_at_ms=int(raw_id.split(b"-")[0]),
        attempts=int(fields[b"starts"]),
        entry_id=text(b"entry_id"),
        traceback=text(b"traceback"),
        effects_error=text(b"effects_error"),
        lane=Lane(text(b"lane")),
    )


def _without_retry_options(body: bytes) -> bytes:
    try:
        message: Message[Any] = Message.decode(body)
    except DecodeError:
        return body
    for name in _RETRY_OPTIONS:
        message.options.pop(name, None)
    return message.encode()
