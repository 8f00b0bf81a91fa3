"""The result backend of this broker, for Dramatiq's Results middleware."""

from __future__ import annotations

import time
from typing import Any, Final, cast

import redis
from dramatiq import Message, MessageProxy
from dramatiq.encoder import Encoder
from dramatiq.results import ResultBackend, ResultMissing, ResultTimeout
from dramatiq.results.result import wrap_exception, wrap_result

from app.broker.connection import translate_errors
from app.broker.delivery.message import StreamMessage
from app.broker.effects import Effect
from app.broker.keys import queue_keys

__all__ = ["StreamResultBackend"]

# dramatiq.results.backend.DEFAULT_TIMEOUT
_DEFAULT_TIMEOUT_MS: Final = 10_000
# Shorter than the usual socket time-outs. get_result() waits as often as necessary.
_MAX_WAIT_SECONDS: Final = 1.0


class StreamResultBackend(ResultBackend):
    """Stores results under the hash tag of the queue, each as a list of one element that expires.

    The script that acknowledges a message writes its result; the script that dead-letters it writes the failure. A
    worker that lost its lease stores neither.

    Args:
        client: Reads results. The client of a cluster is supported.
        namespace: Namespace of the broker.
        encoder: Encoder of results; None for Dramatiq's global encoder.
    """

    def __init__(self, client: redis.Redis, namespace: str = "dramatiq", *, encoder: Encoder | None = None) -> None:
        super().__init__(namespace=namespace, encoder=encoder)
        self.client = client

    def build_message_key(self, message: Message[Any] | MessageProxy) -> str:
        """Return the key of a result, in the slot of the queue."""
        return queue_keys(self.namespace, message.queue_name).result(message.message_id)

    def get_result(self, message: Message[Any], *, block: bool = False, timeout: int | None = None) -> Any:
        """Return the result of a message.

        Args:
            message: The message.
            block: Whether to wait for the result.
            timeout: Maximum waiting time in ms; 10,000 if None.

        Raises:
            ResultMissing: There is no result, and `block` is False.
            ResultTimeout: There was no result within the time-out.
            ResultFailure: The actor failed.
            BrokerUnavailable: Redis did not answer.
        """
        key = self.build_message_key(message)
        with translate_errors():
            data = self._wait(key, _DEFAULT_TIMEOUT_MS if timeout is None else timeout) if block else self._read(key)
        if data is None:
            raise (ResultTimeout if block else ResultMissing)(message)
        return self.unwrap_result(self.encoder.decode(data))  # type: ignore[no-untyped-call]

    def store_result(self, message: Message[Any] | MessageProxy, result: Any, ttl: int) -> None:
        """Add a result to the acknowledgement of a delivery. For any other message, write it now.

        Args:
            message: The message.
            result: The result.
            ttl: Time to live in ms.
        """
        if isinstance(message, StreamMessage):
            message.finish_with(self.effects(message, result, ttl))
        else:
            self._write(message, result, ttl)

    def store_exception(self, message: Message[Any] | MessageProxy, exception: BaseException, ttl: int) -> None:
        """Write a failure now, except for a delivery, whose failure the middleware FailureResults stores."""
        if not isinstance(message, StreamMessage):
            self._write(message, exception, ttl)

    def effects(self, message: Message[Any] | MessageProxy, outcome: Any, ttl_ms: int) -> list[Effect]:
        """Return the writes that store a result or, if the outcome is an exception, a failure."""
        wrap: Any = wrap_exception if isinstance(outcome, BaseException) else wrap_result
        key, data = self.build_message_key(message), self.encoder.encode(wrap(outcome))
        return [Effect("DEL", key), Effect("RPUSH", key, data), Effect("PEXPIRE", key, ttl_ms)]

    def _write(self, message: Message[Any] | MessageProxy, outcome: Any, ttl_ms: int) -> None:
        with translate_errors(), self.client.pipeline() as pipeline:
            for effect in self.effects(message, outcome, ttl_ms):
                cast(Any, pipeline).execute_command(effect.command, effect.key, *effect.args)
            pipeline.execute()

    def _read(self, key: str) -> bytes | None:
        return cast("bytes | None", self.client.lindex(key, 0))

    def _wait(self, key: str, timeout_ms: int) -> bytes | None:
        deadline = time.monotonic() + timeout_ms / 1000
        data = self._read(key)
        while data is None and (remaining := deadline - time.monotonic()) > 0:
            # BLMOVE onto the same list wakes up every waiting caller.
            command = ("BLMOVE", key, key, "LEFT", "LEFT", f"{min(remaining, _MAX_WAIT_SECONDS):.3f}")
            data = cast("bytes | None", cast(Any, self.client).execute_command(*command))
        return data
