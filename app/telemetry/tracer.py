"""Creation of the tracer of a process."""

from __future__ import annotations

import structlog

from app.telemetry.spans import Tracer

__all__ = ["create_tracer"]

_log = structlog.get_logger(__name__)


def create_tracer(endpoint: str | None, service: str) -> Tracer | None:
    """Create a tracer that exports to an OpenTelemetry collector.

    Args:
        endpoint: Base URL of the collector. Without one, OpenTelemetry is not imported.
        service: Name of this process in traces.

    Returns:
        The tracer. None without an endpoint, and if OpenTelemetry is not installed: the variable with the endpoint is
        often set for a whole machine.
    """
    if not endpoint:
        return None
    try:
        from app.telemetry.otel import OtelTracer
    except ImportError as e:
        _log.warning("tracing_unavailable", missing=e.name, needed="pip install -r requirements-telemetry.txt")
        return None
    return OtelTracer(endpoint, service)
