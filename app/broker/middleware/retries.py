"""Retries that cannot get lost: this middleware decides, the finish commits."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from typing import Any

from dramatiq import Actor, Broker, MessageProxy, Middleware
from dramatiq.common import compute_backoff
from dramatiq.errors import Retry

from app.broker.message import StreamMessage

__all__ = ["StreamRetries"]

_MAX_BACKOFF_MS = 7 * 24 * 3_600_000
_FRAMES = 30


class StreamRetries(Middleware):
    """Retry failed messages with exponential backoff; takes the options of Dramatiq's Retries.

    Dramatiq swallows what a middleware raises after a message ran. A retry enqueued here could be lost on a
    connection error and its message acknowledged all the same; so the intent is recorded on the message, and the
    script that ends the delivery writes it.

    Parameters:
        max_retries: None for no limit.
        min_backoff, max_backoff: in ms; the backoff doubles from one to the other.
        retry_when: called with the retries so far and the exception; decides instead of `max_retries`.
    """

    def __init__(
        self,
        *,
        max_retries: int | None = 20,
        min_backoff: int = 15_000,
        max_backoff: int = _MAX_BACKOFF_MS,
        retry_when: Callable[[int, BaseException], bool] | None = None,
    ) -> None:
        self.logger = logging.getLogger(__name__)
        self.max_retries = max_retries
        self.min_backoff = min_backoff
        self.max_backoff = max_backoff
        self.retry_when = retry_when

    @property
    def actor_options(self) -> set[str]:
        return {"max_retries", "min_backoff", "max_backoff", "retry_when", "throws", "on_retry_exhausted"}

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if exception is None or not isinstance(message, StreamMessage):
            return
        actor = broker.get_actor(message.actor_name)
        throws = _option(message, actor, "throws", None)
        if throws and isinstance(exception, throws):
            message.fail()
            return
        retries = int(message.options.get("retries", 0))
        _note_failure(message, retries)
        if self._may_retry(message, actor, retries, exception):
            message.retry_later(self._delay_ms(message, actor, retries, exception))
        else:
            self._exhausted(broker, message, actor, retries)

    def _may_retry(self, message: StreamMessage, actor: Actor[Any, Any], retries: int, error: BaseException) -> bool:
        retry_when = actor.options.get("retry_when", self.retry_when)
        if retry_when is not None:
            return bool(retry_when(retries, error))
        max_retries = _option(message, actor, "max_retries", self.max_retries)
        return max_retries is None or retries < max_retries

    def _delay_ms(self, message: StreamMessage, actor: Actor[Any, Any], retries: int, error: BaseException) -> int:
        if isinstance(error, Retry) and error.delay is not None:
            return error.delay
        lowest = _option(message, actor, "min_backoff", self.min_backoff)
        highest = min(_option(message, actor, "max_backoff", self.max_backoff), _MAX_BACKOFF_MS)
        return compute_backoff(retries, factor=lowest, max_backoff=highest)[1]

    def _exhausted(self, broker: Broker, message: StreamMessage, actor: Actor[Any, Any], retries: int) -> None:
        self.logger.warning("Retries exceeded for message %r.", message.message_id)
        message.fail()
        target = _option(message, actor, "on_retry_exhausted", None)
        if target:
            limit = _option(message, actor, "max_retries", self.max_retries)
            broker.get_actor(target).send(message.asdict(), {"retries": retries, "max_retries": limit})


def _option(message: StreamMessage, actor: Actor[Any, Any], name: str, default: Any) -> Any:
    """The message's own value, else the actor's, else the middleware's."""
    return message.options.get(name, actor.options.get(name, default))


def _note_failure(message: StreamMessage, retries: int) -> None:
    message.options["retries"] = retries + 1
    message.options["traceback"] = traceback.format_exc(limit=_FRAMES)
    message.options["requeue_timestamp"] = int(time.time() * 1000)
