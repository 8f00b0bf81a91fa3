"""Writes down why a message failed, for its dead letter."""

from __future__ import annotations

import traceback

from dramatiq import Broker, MessageProxy, Middleware

from app.broker.message import DeadLetterReason, StreamMessage

__all__ = ["DeadLetters"]

_FRAMES = 30


class DeadLetters(Middleware):
    """Records the exception's type, text and traceback before a message is rejected. Does no I/O."""

    def before_nack(self, broker: Broker, message: MessageProxy) -> None:
        error = message._exception
        if error is None or not isinstance(message, StreamMessage):
            return
        frames = traceback.format_exception(error, limit=_FRAMES)
        message.death = DeadLetterReason(f"{type(error).__name__}: {error}", "".join(frames))
