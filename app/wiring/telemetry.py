"""The tracer of a process, if one is wanted and can be had."""

from __future__ import annotations

import structlog

from app.config import Settings
from app.telemetry.spans import Tracer

__all__ = ["create_tracer"]

_log = structlog.get_logger(__name__)


def create_tracer(settings: Settings, service: str) -> Tracer | None:
    """The tracer, or None without an endpoint: then nothing of OpenTelemetry is even imported.

    An endpoint is often set for a whole machine: where the packages are missing that is told, and all else works.
    """
    if not settings.otlp_endpoint:
        return None
    try:
        from app.telemetry.otel import OtelTracer
    except ImportError as e:
        _log.warning("tracing_unavailable", missing=e.name, needed="pip install -r requirements-telemetry.txt")
        return None
    return OtelTracer(settings.otlp_endpoint, service)
