"""Metrics, and traces from the HTTP request through the message to the phases of the sandbox.

The rest of the code uses only ``spans``, which does nothing without a tracer. Only ``otel`` imports OpenTelemetry.
"""
