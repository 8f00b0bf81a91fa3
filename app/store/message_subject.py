"""What a message on a queue is about, as far as that is to be told."""

from __future__ import annotations

from typing import Any, Final

from dramatiq import Message
from dramatiq.errors import DecodeError

from app.store.submission import RUN_JOB

__all__ = ["actor_and_job"]

_WITH_A_JOB: Final = frozenset({RUN_JOB, "deliver_webhook"})


def actor_and_job(body: bytes) -> tuple[str, str | None]:
    """Of a message; what cannot be decoded is one of an unknown actor."""
    try:
        message: Message[Any] = Message.decode(body)
    except DecodeError:
        return "unknown", None
    has_job = message.actor_name in _WITH_A_JOB and message.args
    return message.actor_name, str(message.args[0]) if has_job else None
