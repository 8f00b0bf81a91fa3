"""The end of a delivery: finished, retried, dead-lettered or released; one script each, the owner check first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dramatiq import Message

from app.broker.effects import Effect, flatten
from app.broker.keys import QueueKeys
from app.broker.message import Death, StreamMessage
from app.broker.scripts import Call, Script
from app.broker.submission import encode

__all__ = ["DeadLetterLimits", "fenced", "finish", "reject", "reject_raw", "release", "retry"]

_MAX_TRACEBACK_CHARS = 16_384
_MAX_REASON_CHARS = 1_024


@dataclass(frozen=True)
class DeadLetterLimits:
    """How long, and how many, dead letters a queue keeps; the oldest go first."""

    ttl_ms: int
    count: int


def finish(message: StreamMessage, consumer: str) -> Call:
    """Acknowledge, with the effects the message recorded. Replies 1, or 0 when the lease was lost."""
    return _with_effects(Script.FINISH, message, consumer, message.finish_effects)


def fenced(message: StreamMessage, consumer: str, effects: Sequence[Effect]) -> Call:
    """Effects alone. Replies [1, replies], or [0] when the lease was lost."""
    return _with_effects(Script.FENCED, message, consumer, effects)


def _with_effects(script: Script, message: StreamMessage, consumer: str, effects: Sequence[Effect]) -> Call:
    call = Call(script, [message.keys.stream], [message.keys.group, consumer, message.entry_id])
    flatten(effects, call.keys, call.args, message.keys)
    return call


def retry(message: StreamMessage, consumer: str, body: Message[Any], delay_ms: int) -> Call:
    """Put `body` in the message's place, due in `delay_ms`. Replies 1, or 0 when the lease was lost."""
    keys = message.keys
    args = [keys.group, consumer, message.entry_id, delay_ms, encode(body), message.attempt]
    return Call(Script.RETRY, [keys.stream, keys.delayed, keys.delayed_bodies], args)


def reject(message: StreamMessage, consumer: str, death: Death, limits: DeadLetterLimits) -> Call:
    """Dead-letter. Replies 1, or 0 when the lease was lost."""
    return reject_raw(message.keys, message.entry_id, message.attempt, consumer, death, limits)


def reject_raw(
    keys: QueueKeys, entry_id: str, attempt: int, consumer: str, death: Death, limits: DeadLetterLimits
) -> Call:
    """Dead-letter an entry that is no message: it could not be decoded."""
    reason, trace = death.reason[:_MAX_REASON_CHARS], death.traceback[-_MAX_TRACEBACK_CHARS:]
    args = [keys.group, consumer, entry_id, attempt, reason, trace, limits.ttl_ms, limits.count]
    return Call(Script.REJECT, [keys.stream, keys.dead], args)


def release(keys: QueueKeys, consumer: str, entry_ids: Sequence[str]) -> Call:
    """Give back what was never started. Replies how many were still ours."""
    return Call(Script.RELEASE, [keys.stream], [keys.group, consumer, *entry_ids])
