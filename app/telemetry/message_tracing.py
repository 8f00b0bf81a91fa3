"""Dramatiq middleware that traces the processing of messages."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

from dramatiq import Broker, MessageProxy, Middleware

from app.telemetry.spans import TRACEPARENT, Role, Tracer, span

__all__ = ["MessageTracing"]


class MessageTracing(Middleware):
    """Creates spans for each message that carries a trace: its time in the queue, its processing and its finish.

    Dramatiq calls all methods for one message in the same thread, so that the open span is kept per thread.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._thread_local = threading.local()

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Start the span of the actor in the trace of the message."""
        parent = message.options.get(TRACEPARENT)
        if not parent:
            return
        self._tracer.past_span("queue wait", message.message_timestamp * 1_000_000, parent)
        attributes = {"messaging.message.id": message.message_id, "messaging.destination.name": message.queue_name}
        open_spans = ExitStack()
        open_spans.enter_context(self._tracer.span(message.actor_name, attributes, role=Role.CONSUMER, parent=parent))
        self._thread_local.open_spans = open_spans

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Start the span of the finish: the script that writes the result and acknowledges the message."""
        open_spans: ExitStack | None = getattr(self._thread_local, "open_spans", None)
        if open_spans is None:
            return
        if exception is not None:
            self._tracer.annotate({"error.type": type(exception).__name__})
        open_spans.enter_context(span("finish"))

    def after_ack(self, broker: Broker, message: MessageProxy) -> None:
        """End the spans of the message."""
        self._end_spans()

    def after_nack(self, broker: Broker, message: MessageProxy) -> None:
        """End the spans of the message."""
        self._end_spans()

    def after_worker_shutdown(self, broker: Broker, worker: Any) -> None:
        """Export the remaining spans."""
        self._tracer.close()

    def _end_spans(self) -> None:
        open_spans: ExitStack | None = getattr(self._thread_local, "open_spans", None)
        if open_spans is not None:
            self._thread_local.open_spans = None
            open_spans.close()
