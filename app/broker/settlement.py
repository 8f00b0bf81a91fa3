"""The end of a delivery: finished, retried, dead-lettered or released; one script each, the owner check first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dramatiq import Message

from app.broker.effects import Effect, flatten
from app.broker.keys import QueueKeys
from app.broker.message import Address, DeadLetterReason, StreamMessage
from app.broker.scripts import Call, Script
from app.broker.submission import Submission, encode

__all__ = [
    "STARTED",
    "DeadLetterLimits",
    "belongs",
    "fenced",
    "finish",
    "reject",
    "reject_raw",
    "release",
    "retry",
    "start",
]

_MAX_TRACEBACK_CHARS = 16_384
_MAX_REASON_CHARS = 1_024


#: A pending entry's delivery count from which on it was started; no entry is delivered that often.
STARTED = 1_000_000


@dataclass(frozen=True)
class DeadLetterLimits:
    """How long, and how many, dead letters a queue keeps; the oldest go first."""

    ttl_ms: int
    count: int


def start(message: StreamMessage, consumer: str) -> Call:
    """Mark the delivery as started. Replies 1, or 0 when the lease was lost."""
    return Call(Script.START, [message.stream], [message.keys.group, consumer, message.entry_id, STARTED])


def finish(message: StreamMessage, consumer: str) -> Call:
    """Acknowledge, with the effects the message recorded. Replies 1, or 0 when the lease was lost."""
    call = Call(Script.FINISH, [message.stream], [message.keys.group, consumer, message.entry_id])
    return _with(call, message, [*message.finish_effects, *_follow_ups(message)])


def fenced(message: StreamMessage, consumer: str, effects: Sequence[Effect]) -> Call:
    """Effects alone. Replies [1, replies], or [0] when the lease was lost."""
    call = Call(Script.FENCED, [message.stream], [message.keys.group, consumer, message.entry_id])
    return _with(call, message, effects)


def retry(message: StreamMessage, consumer: str, body: Message[Any], delay_ms: int) -> Call:
    """Put `body` in the message's place, due in `delay_ms`. Replies 1, or 0 when the lease was lost."""
    keys, place = message.keys, message.place
    # The entry's id is spent and unique in its stream: with the stream's name it serves as the delayed id.
    delayed_id = f"{message.entry_id}:{message.stream.rsplit(':', 1)[1]}"
    args = [keys.group, consumer, message.entry_id, delay_ms, encode(body), message.attempt, delayed_id]
    call = Call(Script.RETRY, [message.stream, place.delayed, place.delayed_bodies, place.stream], args)
    return _with(call, message, _follow_ups(message))


def reject(message: StreamMessage, consumer: str, death: DeadLetterReason, limits: DeadLetterLimits) -> Call:
    """Dead-letter. Replies 1, or 0 when the lease was lost."""
    call = reject_raw(message.keys, message.address, message.attempt, consumer, death, limits)
    return _with(call, message, [*message.reject_effects, *_follow_ups(message)])


def reject_raw(
    keys: QueueKeys, address: Address, attempt: int, consumer: str, death: DeadLetterReason, limits: DeadLetterLimits
) -> Call:
    """Dead-letter an entry that is no message: it could not be decoded."""
    stream, entry_id = address
    reason, trace = death.reason[:_MAX_REASON_CHARS], death.traceback[-_MAX_TRACEBACK_CHARS:]
    args = [keys.group, consumer, entry_id, attempt, reason, trace, limits.ttl_ms, limits.count, keys.lane_of(stream)]
    return Call(Script.REJECT, [stream, keys.dead], args)


def belongs(follow_up: Submission, message: StreamMessage) -> bool:
    """Can the message's own script write this follow-up? Another queue's slot it cannot reach."""
    return follow_up.plain and follow_up.keys == message.keys


def _follow_ups(message: StreamMessage) -> list[Effect]:
    return [one.as_effect() for one in message.follow_ups if belongs(one, message)]


def _with(call: Call, message: StreamMessage, effects: Sequence[Effect]) -> Call:
    flatten(effects, call.keys, call.args, message.keys)
    return call


def release(keys: QueueKeys, consumer: str, stream: str, entry_ids: Sequence[str]) -> Call:
    """Give back what was never started. Replies how many were still ours."""
    return Call(Script.RELEASE, [stream, keys.lanes[keys.lane_of(stream)].again], [keys.group, consumer, *entry_ids])
