"""A tracer that exports spans to an OpenTelemetry collector. Requires requirements-telemetry.txt.

OpenTelemetry reads all other options from its own environment variables: headers, sampler, resource attributes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.telemetry.spans import TRACEPARENT, Attribute, Role, current_tracer

__all__ = ["OtelTracer"]

_EXPORT_SECONDS: Final = 3.0
_SPAN_KINDS: Final = {Role.SERVER: SpanKind.SERVER, Role.CONSUMER: SpanKind.CONSUMER, Role.INTERNAL: SpanKind.INTERNAL}
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class OtelTracer:
    """Tracer that exports spans in batches from a thread (OTLP over HTTP).

    Args:
        endpoint: Base URL of the collector, without ``/v1/traces``.
        service: Name of this process, unless OTEL_SERVICE_NAME is set.
    """

    def __init__(self, endpoint: str, service: str) -> None:
        resource = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: service}
        # The creator of the tracer calls close().
        self._provider = TracerProvider(resource=Resource.create(resource), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("pyxec")

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, Attribute],
        *,
        role: Role = Role.INTERNAL,
        parent: str | None = None,
    ) -> Iterator[None]:
        """Start a span of OpenTelemetry and make this tracer the current one."""
        context = None if parent is None else _PROPAGATOR.extract({TRACEPARENT: parent})
        with self._tracer.start_as_current_span(
            name, context=context, kind=_SPAN_KINDS[role], attributes=_with_prefix(attributes), record_exception=False
        ):
            token = current_tracer.set(self)
            try:
                yield
            finally:
                current_tracer.reset(token)

    def past_span(self, name: str, started_ns: int, parent: str) -> None:
        """Record a span that ends now."""
        self._tracer.start_span(name, context=_PROPAGATOR.extract({TRACEPARENT: parent}), start_time=started_ns).end()

    def annotate(self, attributes: Mapping[str, Attribute], name: str | None = None) -> None:
        """Add attributes to the current span."""
        current = trace.get_current_span()
        current.set_attributes(_with_prefix(attributes))
        if name is not None:
            current.update_name(name)

    def traceparent(self) -> str:
        """Return the trace context of the current span."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return carrier.get(TRACEPARENT, "")

    def close(self) -> None:
        """Export the remaining spans and stop the thread."""
        self._provider.shutdown()


def _with_prefix(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """Add ``pyxec.`` to the names without a dot; the others are those of the semantic conventions."""
    return {name if "." in name else f"pyxec.{name}": value for name, value in attributes.items()}
