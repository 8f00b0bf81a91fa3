"""The half of storing results that Dramatiq's Results middleware does too late."""

from __future__ import annotations

from dramatiq import Broker, MessageProxy, Middleware
from dramatiq.results import Results

from app.broker.message import StreamMessage
from app.broker.results import StreamResultBackend

__all__ = ["Failures"]


class Failures(Middleware):
    """Has a failure stored by the script that dead-letters the message; Dramatiq's Results would do it afterwards, when
    the message is gone already. The broker adds this itself."""

    def before_nack(self, broker: Broker, message: MessageProxy) -> None:
        for results in broker.middleware:
            if isinstance(results, Results) and isinstance(results.backend, StreamResultBackend):
                self._record(broker, message, results, results.backend)

    @staticmethod
    def _record(broker: Broker, message: MessageProxy, results: Results, backend: StreamResultBackend) -> None:
        store, ttl_ms = results._lookup_options(broker, message)  # type: ignore[no-untyped-call]
        if store and message.failed and isinstance(message, StreamMessage):
            error = message._exception or Exception("unknown")
            message.reject_with(backend.effects(message, error, ttl_ms))
