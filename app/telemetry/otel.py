"""The tracer that hands spans to an OpenTelemetry collector. Needs requirements-telemetry.txt.

What is not set here is OpenTelemetry's own to read from the environment: headers, sampler, attributes of the resource.
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
_KINDS: Final = {Role.SERVER: SpanKind.SERVER, Role.CONSUMER: SpanKind.CONSUMER, Role.INTERNAL: SpanKind.INTERNAL}
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class OtelTracer:
    """Implements app.telemetry.spans.Tracer. Starts a thread that exports in batches.

    Parameters:
        endpoint: the collector's address, to which ``/v1/traces`` is added.
        service: what this process is called, unless OTEL_SERVICE_NAME says.
    """

    def __init__(self, endpoint: str, service: str) -> None:
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: service}
        # No hook of its own at the exit: close is called by who made this, in its time.
        self._provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
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
        """See the protocol."""
        context = None if parent is None else _PROPAGATOR.extract({TRACEPARENT: parent})
        with self._tracer.start_as_current_span(
            name, context=context, kind=_KINDS[role], attributes=_named(attributes), record_exception=False
        ):
            token = current_tracer.set(self)
            try:
                yield
            finally:
                current_tracer.reset(token)

    def past_span(self, name: str, began_ns: int, parent: str) -> None:
        """See the protocol."""
        self._tracer.start_span(name, context=_PROPAGATOR.extract({TRACEPARENT: parent}), start_time=began_ns).end()

    def annotate(self, attributes: Mapping[str, Attribute], name: str | None = None) -> None:
        """See the protocol."""
        current = trace.get_current_span()
        current.set_attributes(_named(attributes))
        if name is not None:
            current.update_name(name)

    def traceparent(self) -> str:
        """See the protocol."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return carrier.get(TRACEPARENT, "")

    def close(self) -> None:
        """See the protocol."""
        self._provider.shutdown()


def _named(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """Names with a dot are OpenTelemetry's own; any other one is ours."""
    return {name if "." in name else f"pyxec.{name}": value for name, value in attributes.items()}
