"""Middleware this broker needs in place of, or beside, Dramatiq's own."""

from __future__ import annotations

from dramatiq import Middleware
from dramatiq.middleware import Callbacks, CurrentMessage, Pipelines, ShutdownNotifications, TimeLimit

from app.broker.middleware.age_limit import StreamAgeLimit
from app.broker.middleware.dead_letters import DeadLetters
from app.broker.middleware.leases import Leases
from app.broker.middleware.results import Failures
from app.broker.middleware.retries import StreamRetries

__all__ = ["DeadLetters", "Failures", "Leases", "StreamAgeLimit", "StreamRetries", "default_middleware"]


def default_middleware() -> list[Middleware]:
    """Dramatiq's defaults, with StreamRetries and StreamAgeLimit in the place of Retries and AgeLimit, and with
    CurrentMessage: it is how an actor gets at its `StreamMessage`. The order matters: after a message ran, it is run
    through backwards."""
    return [
        StreamAgeLimit(),
        TimeLimit(),
        ShutdownNotifications(),
        CurrentMessage(),
        Callbacks(),
        Pipelines(),
        DeadLetters(),
        StreamRetries(),
    ]
