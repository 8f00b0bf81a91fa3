"""Spans of the trace of the current request or message.

Without a trace, these functions read one context variable and do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from contextvars import ContextVar
from enum import StrEnum
from typing import Final, Protocol, Self

__all__ = [
    "TRACEPARENT",
    "Attribute",
    "Role",
    "SequentialSpans",
    "Tracer",
    "annotate",
    "current_tracer",
    "span",
    "trace_options",
]

# Header of W3C Trace Context (https://www.w3.org/TR/trace-context/), and the message option with its value.
TRACEPARENT: Final = "traceparent"

Attribute = str | int | float | bool


class Role(StrEnum):
    """Role of a span between processes; becomes the span kind of OpenTelemetry."""

    SERVER = "server"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Tracer(Protocol):
    """Creates spans. The current span is kept in a context variable: spans of one thread or task nest automatically."""

    def span(
        self,
        name: str,
        attributes: Mapping[str, Attribute],
        *,
        role: Role = Role.INTERNAL,
        parent: str | None = None,
    ) -> AbstractContextManager[None]:
        """Return a context manager that starts a span and ends it on exit. An exception marks the span as an error.

        Args:
            name: Name of the span.
            attributes: Attributes; names without a dot get the prefix ``pyxec.``.
            role: Role of the span.
            parent: Value of a ``traceparent`` header. None for the current span.
        """

    def past_span(self, name: str, started_ns: int, parent: str) -> None:
        """Record a span that ends now. ``started_ns`` is its start, Unix time in nanoseconds."""

    def annotate(self, attributes: Mapping[str, Attribute], name: str | None = None) -> None:
        """Add attributes to the current span and rename it if ``name`` is given."""

    def traceparent(self) -> str:
        """Return the value of a ``traceparent`` header for the current span."""

    def close(self) -> None:
        """Export the remaining spans. Blocks for a few seconds at most."""


# A tracer sets it while one of its spans is open.
current_tracer: ContextVar[Tracer | None] = ContextVar("pyxec_tracer", default=None)

_NO_SPAN: Final = nullcontext()


def span(name: str, **attributes: Attribute) -> AbstractContextManager[None]:
    """Return a context manager for a child of the current span."""
    tracer = current_tracer.get()
    return _NO_SPAN if tracer is None else tracer.span(name, attributes)


def annotate(**attributes: Attribute) -> None:
    """Add attributes to the current span."""
    tracer = current_tracer.get()
    if tracer is not None:
        tracer.annotate(attributes)


def trace_options() -> dict[str, str]:
    """Return the message options that continue the current trace in the worker; empty without a trace."""
    tracer = current_tracer.get()
    return {} if tracer is None else {TRACEPARENT: tracer.traceparent()}


class SequentialSpans:
    """Context manager for spans of one thread that follow each other. The start of a span ends the previous one."""

    def __init__(self) -> None:
        self._open_span = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open_span.close()

    def start(self, name: str, **attributes: Attribute) -> None:
        """End the current span and start the next one."""
        self._open_span.close()
        self._open_span.enter_context(span(name, **attributes))
