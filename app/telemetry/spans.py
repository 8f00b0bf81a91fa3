"""Spans of the trace that a request or a message belongs to.

Where there is none, nothing happens, and it costs the look at one context variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from contextvars import ContextVar
from enum import StrEnum
from typing import Final, Protocol, Self

__all__ = ["TRACEPARENT", "Attribute", "Consecutive", "Role", "Tracer", "annotate", "carried", "current_tracer", "span"]

# The name of the W3C header, and of the option that carries it in a message.
TRACEPARENT: Final = "traceparent"

Attribute = str | int | float | bool


class Role(StrEnum):
    """What a span is between processes."""

    SERVER = "server"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Tracer(Protocol):
    """Makes spans. The current one is the context's, so that spans of one thread or task nest by themselves."""

    def span(
        self,
        name: str,
        attributes: Mapping[str, Attribute],
        *,
        role: Role = Role.INTERNAL,
        parent: str | None = None,
    ) -> AbstractContextManager[None]:
        """A span from entering to leaving, an error if left with one. ``parent`` is a traceparent from elsewhere;
        without one it is the current span."""

    def past_span(self, name: str, began_ns: int, parent: str) -> None:
        """A span that began at this Unix time, in nanoseconds, and ends now."""

    def annotate(self, attributes: Mapping[str, Attribute], name: str | None = None) -> None:
        """Say more about the current span; ``name`` is a better one for it."""

    def traceparent(self) -> str:
        """The current span, for another process."""

    def close(self) -> None:
        """Hand on what there is, for a few seconds at most."""


# Set by the tracer for as long as one of its spans is open.
current_tracer: ContextVar[Tracer | None] = ContextVar("pyxec_tracer", default=None)

_NOTHING: Final = nullcontext()


def span(name: str, **attributes: Attribute) -> AbstractContextManager[None]:
    """A part of what is being done."""
    tracer = current_tracer.get()
    return _NOTHING if tracer is None else tracer.span(name, attributes)


def annotate(**attributes: Attribute) -> None:
    """Say more about what is being done."""
    tracer = current_tracer.get()
    if tracer is not None:
        tracer.annotate(attributes)


def carried() -> dict[str, str]:
    """What a message takes along, so that whoever runs it is in the same trace."""
    tracer = current_tracer.get()
    return {} if tracer is None else {TRACEPARENT: tracer.traceparent()}


class Consecutive:
    """Spans of which each ends where the next one begins, and the last one where this is left. Of one thread."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def begin(self, name: str, **attributes: Attribute) -> None:
        """The next one."""
        self._open.close()
        self._open.enter_context(span(name, **attributes))
