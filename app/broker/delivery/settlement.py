"""Script calls that end a delivery. Each script checks first that the consumer owns the entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dramatiq import Message

from app.broker.dead_letters import DeadLetterLimits, DeadLetterReason
from app.broker.delivery.message import EntryAddress, StreamMessage
from app.broker.effects import Effect, add_effects
from app.broker.enqueue_request import EnqueueRequest, encode_message
from app.broker.keys import QueueKeys
from app.broker.scripts import Script, ScriptCall

__all__ = [
    "STARTED_MARK",
    "fenced_call",
    "finish_call",
    "is_settled_together",
    "reject_call",
    "reject_entry_call",
    "release_call",
    "retry_call",
    "start_call",
]

_MAX_TRACEBACK_CHARS = 16_384
_MAX_REASON_CHARS = 1_024

#: Delivery count of a pending entry from which on the entry counts as started. Redis never reaches it by counting.
STARTED_MARK = 1_000_000


def start_call(message: StreamMessage, consumer: str) -> ScriptCall:
    """Mark the delivery as started. The reply is 1, or 0 if the lease was lost."""
    return _owner_call(Script.START, message, consumer, [STARTED_MARK])


def fenced_call(message: StreamMessage, consumer: str, effects: Sequence[Effect]) -> ScriptCall:
    """Run effects. The reply is [1, replies of the effects], or [0] if the lease was lost."""
    return _with_effects(_owner_call(Script.FENCED, message, consumer), message, effects)


def finish_call(message: StreamMessage, consumer: str) -> ScriptCall:
    """Acknowledge a message with its effects. The reply is 1, or 0 if the lease was lost."""
    call = _owner_call(Script.FINISH, message, consumer)
    return _with_effects(call, message, [*message.finish_effects, *_follow_up_effects(message)])


def retry_call(message: StreamMessage, consumer: str, body: Message[Any], delay_ms: int) -> ScriptCall:
    """Replace a message by `body`, due in `delay_ms`. The reply is 1, or 0 if the lease was lost."""
    lane = message.lane_keys
    # The id of the entry is not used again. Together with the name of its stream it is unique in the queue.
    delayed_id = f"{message.entry_id}:{message.stream.rsplit(':', 1)[1]}"
    args = [delay_ms, encode_message(body), message.attempt, delayed_id]
    call = _owner_call(Script.RETRY, message, consumer, args, [lane.delayed, lane.delayed_entries, lane.stream])
    return _with_effects(call, message, _follow_up_effects(message))


def reject_call(
    message: StreamMessage, consumer: str, reason: DeadLetterReason, limits: DeadLetterLimits
) -> ScriptCall:
    """Dead-letter a message. The reply is 1, or 0 if the lease was lost."""
    call = reject_entry_call(message.keys, message.address, message.attempt, consumer, reason, limits)
    return _with_effects(call, message, [*message.reject_effects, *_follow_up_effects(message)])


def reject_entry_call(
    keys: QueueKeys,
    address: EntryAddress,
    attempt: int,
    consumer: str,
    reason: DeadLetterReason,
    limits: DeadLetterLimits,
) -> ScriptCall:
    """Dead-letter an entry that cannot be decoded. The reply is 1, or 0 if the lease was lost."""
    stream, entry_id = address
    text, traceback = reason.reason[:_MAX_REASON_CHARS], reason.traceback[-_MAX_TRACEBACK_CHARS:]
    args = [attempt, text, traceback, limits.ttl_ms, limits.count, keys.lane_of_stream(stream)]
    return ScriptCall(Script.REJECT, [stream, keys.dead_letters], [keys.group, consumer, entry_id, *args])


def release_call(keys: QueueKeys, consumer: str, stream: str, entry_ids: Sequence[str]) -> ScriptCall:
    """Requeue entries that were not started. The reply is the number of entries that the consumer owned."""
    redelivered = keys.lanes[keys.lane_of_stream(stream)].redelivered
    return ScriptCall(Script.RELEASE, [stream, redelivered], [keys.group, consumer, *entry_ids])


def is_settled_together(follow_up: EnqueueRequest, message: StreamMessage) -> bool:
    """Return whether the script that settles a message can enqueue a follow-up: it must be plain and in its queue."""
    return follow_up.is_plain and follow_up.keys == message.keys


def _owner_call(
    script: Script, message: StreamMessage, consumer: str, args: Sequence[Any] = (), keys: Sequence[str] = ()
) -> ScriptCall:
    return ScriptCall(script, [message.stream, *keys], [message.keys.group, consumer, message.entry_id, *args])


def _follow_up_effects(message: StreamMessage) -> list[Effect]:
    return [request.as_effect() for request in message.follow_ups if is_settled_together(request, message)]


def _with_effects(call: ScriptCall, message: StreamMessage, effects: Sequence[Effect]) -> ScriptCall:
    add_effects(effects, call.keys, call.args, message.keys)
    return call
