"""A span for each message that belongs to a trace: how long it waited, what was done with it, how it was settled."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

from dramatiq import Broker, MessageProxy, Middleware

from app.telemetry.spans import TRACEPARENT, Role, Tracer, span

__all__ = ["TraceDeliveries"]


class TraceDeliveries(Middleware):
    """Dramatiq middleware. All that becomes of one delivery happens in one thread, one after another."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._of_thread = threading.local()

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Begin, in the trace that the message carries."""
        parent = message.options.get(TRACEPARENT)
        if not parent:
            return
        self._tracer.past_span("queue wait", message.message_timestamp * 1_000_000, parent)
        attributes = {"messaging.message.id": message.message_id, "messaging.destination.name": message.queue_name}
        opened = ExitStack()
        opened.enter_context(self._tracer.span(message.actor_name, attributes, role=Role.CONSUMER, parent=parent))
        self._of_thread.opened = opened

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """From here on it is settled: one script, with everything that the message leaves behind."""
        opened: ExitStack | None = getattr(self._of_thread, "opened", None)
        if opened is None:
            return
        if exception is not None:
            self._tracer.annotate({"error.type": type(exception).__name__})
        opened.enter_context(span("finish"))

    def after_ack(self, broker: Broker, message: MessageProxy) -> None:
        """End."""
        self._end()

    def after_nack(self, broker: Broker, message: MessageProxy) -> None:
        """End."""
        self._end()

    def after_worker_shutdown(self, broker: Broker, worker: Any) -> None:
        """The last of it."""
        self._tracer.close()

    def _end(self) -> None:
        opened: ExitStack | None = getattr(self._of_thread, "opened", None)
        if opened is not None:
            self._of_thread.opened = None
            opened.close()
