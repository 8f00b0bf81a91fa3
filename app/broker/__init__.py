"""A Dramatiq broker on Redis Streams: leases, fencing, one atomic finish. See docs/broker.md."""

from __future__ import annotations

from app.broker.broker import StreamsBroker
from app.broker.dead_letters import DeadLetter
from app.broker.effects import NOW_MS, Effect, PackedEffects
from app.broker.errors import BrokerUnavailable, Duplicate, LeaseLost, PreconditionFailed, QueueFull, StreamsError
from app.broker.inspection import PendingEntry
from app.broker.keys import QueueKeys
from app.broker.lanes import Lane
from app.broker.message import StreamMessage
from app.broker.middleware import DeadLetters, StreamAgeLimit, StreamRetries, default_middleware
from app.broker.precondition import Precondition
from app.broker.producer import AsyncProducer
from app.broker.recovery import RecoveryReport
from app.broker.results import StreamResultBackend

__all__ = [
    "NOW_MS",
    "AsyncProducer",
    "BrokerUnavailable",
    "DeadLetter",
    "DeadLetters",
    "Duplicate",
    "Effect",
    "Lane",
    "LeaseLost",
    "PackedEffects",
    "PendingEntry",
    "Precondition",
    "PreconditionFailed",
    "QueueFull",
    "QueueKeys",
    "RecoveryReport",
    "StreamAgeLimit",
    "StreamMessage",
    "StreamResultBackend",
    "StreamRetries",
    "StreamsBroker",
    "StreamsError",
    "default_middleware",
]
