"""Traces, for those who want them: from the request through the message to the container's phases.

``spans`` is what the rest of the code knows; without a tracer it does nothing. ``otel`` alone imports OpenTelemetry.
"""
