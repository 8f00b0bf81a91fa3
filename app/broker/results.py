"""Results, kept beside their queue so that the script that finishes a message can write them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, cast

import redis
from dramatiq import Message, MessageProxy
from dramatiq.encoder import Encoder
from dramatiq.results import ResultBackend, ResultMissing, ResultTimeout
from dramatiq.results.result import wrap_exception, wrap_result

from app.broker.connection import translated
from app.broker.effects import Effect
from app.broker.keys import keys_of
from app.broker.message import StreamMessage

__all__ = ["StreamResultBackend"]

_DEFAULT_TIMEOUT_MS: Final = 10_000
# One wait stays well below any usual socket time-out; `get_result` waits as often as it takes.
_LONGEST_WAIT_SECONDS: Final = 1.0


class StreamResultBackend(ResultBackend):
    """The backend for Dramatiq's Results middleware. A result is a list of one under its queue's hash tag; it expires.

    A result is written by the script that acknowledges its message, a failure by the one that dead-letters it: there
    is never one without the other, and never one of a worker that had lost its lease.

    Parameters:
        client: reads results; a client of a cluster will do.
        namespace: the broker's.
        encoder: Dramatiq's global one when not given.
    """

    def __init__(self, client: redis.Redis, namespace: str = "dramatiq", *, encoder: Encoder | None = None) -> None:
        super().__init__(namespace=namespace, encoder=encoder)
        self.client = client

    def build_message_key(self, message: Message[Any] | MessageProxy) -> str:
        """In the slot of the message's queue."""
        return keys_of(self.namespace, message.queue_name).result(message.message_id)

    def get_result(self, message: Message[Any], *, block: bool = False, timeout: int | None = None) -> Any:
        """As Dramatiq's; a time-out below a second holds, too.

        Raises:
            ResultMissing: there is none and `block` is False.
            ResultTimeout: there was none for `timeout` ms.
            ResultFailure: the actor failed for good.
            BrokerUnavailable: Redis did not answer.
        """
        key = self.build_message_key(message)
        with translated():
            data = self._wait(key, _DEFAULT_TIMEOUT_MS if timeout is None else timeout) if block else self._peek(key)
        if data is None:
            raise (ResultTimeout if block else ResultMissing)(message)
        return self.unwrap_result(self.encoder.decode(data))  # type: ignore[no-untyped-call]

    def store_result(self, message: Message[Any] | MessageProxy, result: Any, ttl: int) -> None:
        """For a delivery of ours, recorded for its acknowledgement; for any other message, written at once."""
        if isinstance(message, StreamMessage):
            message.finish_with(self.effects(message, result, ttl))
        else:
            self._store(self.build_message_key(message), _wrapped(result), ttl)

    def store_exception(self, message: Message[Any] | MessageProxy, exception: BaseException, ttl: int) -> None:
        """Nothing for a delivery of ours, which `Failures` has seen to; for any other message, written at once."""
        if not isinstance(message, StreamMessage):
            self._store(self.build_message_key(message), _wrapped(exception), ttl)

    def effects(self, message: MessageProxy, outcome: Any, ttl_ms: int) -> list[Effect]:
        """The writes that store a result or, if it is an exception, a failure."""
        return self._writes(self.build_message_key(message), _wrapped(outcome), ttl_ms)

    def _writes(self, key: str, wrapped: Any, ttl_ms: int) -> list[Effect]:
        data = self.encoder.encode(wrapped)
        return [Effect("DEL", key), Effect("RPUSH", key, data), Effect("PEXPIRE", key, ttl_ms)]

    def _store(self, message_key: str, result: Any, ttl: int) -> None:
        pipeline = self.client.pipeline()
        for effect in self._writes(message_key, result, ttl):
            cast(Any, pipeline).execute_command(effect.command, effect.key, *effect.args)
        with translated():
            pipeline.execute()

    def _peek(self, key: str) -> bytes | None:
        return cast("bytes | None", self.client.lindex(key, 0))

    def _wait(self, key: str, timeout_ms: int) -> bytes | None:
        deadline = time.monotonic() + timeout_ms / 1000
        data: bytes | None = self._peek(key)
        while data is None and (left := deadline - time.monotonic()) > 0:
            wait: Sequence[Any] = ("BLMOVE", key, key, "LEFT", "LEFT", f"{min(left, _LONGEST_WAIT_SECONDS):.3f}")
            data = cast("bytes | None", cast(Any, self.client).execute_command(*wait))
        return data


def _wrapped(outcome: Any) -> Any:
    wrapper: Any = wrap_exception if isinstance(outcome, BaseException) else wrap_result
    return wrapper(outcome)
