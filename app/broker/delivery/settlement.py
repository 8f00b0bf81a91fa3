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
    "fetch_call",
    "finish_call",
    "is_settled_together",
    "number_entries",
    "reject_call",
    "reject_entry_call",
    "release_call",
    "retry_call",
    "start_call",
    "start_mark_effect",
]

_MAX_TRACEBACK_CHARS = 16_384
_MAX_REASON_CHARS = 1_024

#: Delivery count of a pending entry from which on the entry counts as started. Redis never reaches it by counting.
STARTED_MARK = 1_000_000
#: Delivery count of a pending entry that does not count as started.
_UNSTARTED_MARK = 1


def number_entries(messages: Sequence[StreamMessage]) -> tuple[list[str], list[Any]]:
    """Return the arguments of the scripts that take entries of several streams.

    Returns:
        The streams, and for each message the number of its stream, from 1 on, and its entry id.
    """
    streams = list(dict.fromkeys(message.stream for message in messages))
    numbers = {stream: number for number, stream in enumerate(streams, 1)}
    return streams, [value for message in messages for value in (numbers[message.stream], message.entry_id)]


def start_call(keys: QueueKeys, consumer: str, messages: Sequence[StreamMessage], *, counts: bool) -> ScriptCall:
    """Mark deliveries as started, if they count. The reply contains the numbers, from 1 on, of those that were lost."""
    streams, entries = number_entries(messages)
    return ScriptCall(Script.START, streams, [keys.group, consumer, _mark(counts), *entries])


def start_mark_effect(message: StreamMessage, consumer: str, *, is_started: bool) -> Effect:
    """Return the effect that sets or removes the mark of a started delivery. It also renews the lease."""
    args = (message.keys.group, consumer, 0, message.entry_id, "RETRYCOUNT", _mark(is_started), "JUSTID")
    return Effect("XCLAIM", message.stream, *args)


def fenced_call(message: StreamMessage, consumer: str, effects: Sequence[Effect]) -> ScriptCall:
    """Run effects. The reply is [1, replies of the effects], or [0] if the lease was lost."""
    return _with_effects(_owner_call(Script.FENCED, message, consumer), message, effects)


def fetch_call(
    keys: QueueKeys, consumer: str, streams: Sequence[str], limits: Sequence[int], *, counts: bool
) -> ScriptCall:
    """Fetch entries of the first stream that has new ones, and mark them as started if their deliveries count.

    The reply is a list as in `Fetcher.parse`.
    """
    return ScriptCall(Script.FETCH, [*streams], [keys.group, consumer, _mark(counts), *limits])


def finish_call(
    message: StreamMessage, consumer: str, next_streams: Sequence[str] = (), *, counts: bool = True
) -> ScriptCall:
    """Acknowledge a message with its effects, and fetch the next entry of `next_streams` as `fetch_call` does.

    The reply is [1, list of at most one entry as in `Fetcher.parse`], or [0] if the lease was lost.
    """
    call = _owner_call(Script.FINISH, message, consumer, [_mark(counts), len(next_streams)])
    call = _with_effects(call, message, [*message.finish_effects, *_follow_up_effects(message)])
    call.keys += next_streams
    return call


def retry_call(message: StreamMessage, consumer: str, body: Message[Any], delay_ms: int) -> ScriptCall:
    """Replace a message by `body`, due in `delay_ms`. The reply is 1, or 0 if the lease was lost."""
    lane = message.lane_keys
    # The id of the entry is not used again. Together with the name of its stream it is unique in the queue.
    delayed_id = f"{message.entry_id}:{message.stream.rsplit(':', 1)[1]}"
    starts = message.attempt - (not message.is_attempt_counted)
    args = [delay_ms, encode_message(body), starts, delayed_id, int(message.is_released)]
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


def release_call(
    keys: QueueKeys, consumer: str, stream: str, entry_ids: Sequence[str], *, were_started: bool = False
) -> ScriptCall:
    """Requeue entries. The reply is the number of entries that the consumer owned.

    Args:
        were_started: Whether an actor was called for the entries. Their next attempt then has a new number.
    """
    redelivered = keys.lanes[keys.lane_of_stream(stream)].redelivered
    return ScriptCall(Script.RELEASE, [stream, redelivered], [keys.group, consumer, int(were_started), *entry_ids])


def is_settled_together(follow_up: EnqueueRequest, message: StreamMessage) -> bool:
    """Return whether the script that settles a message can enqueue a follow-up: it must be plain and in its queue."""
    return follow_up.is_plain and follow_up.keys == message.keys


def _mark(is_started: bool) -> int:
    return STARTED_MARK if is_started else _UNSTARTED_MARK


def _owner_call(
    script: Script, message: StreamMessage, consumer: str, args: Sequence[Any] = (), keys: Sequence[str] = ()
) -> ScriptCall:
    return ScriptCall(script, [message.stream, *keys], [message.keys.group, consumer, message.entry_id, *args])


def _follow_up_effects(message: StreamMessage) -> list[Effect]:
    return [request.as_effect() for request in message.follow_ups if is_settled_together(request, message)]


def _with_effects(call: ScriptCall, message: StreamMessage, effects: Sequence[Effect]) -> ScriptCall:
    add_effects(effects, call.keys, call.args, message.keys)
    return call
