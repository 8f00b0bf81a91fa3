"""A Dramatiq broker on Redis Streams with leases, fencing and atomic settlement; see docs/broker.md."""

from __future__ import annotations

from app.broker.administration import PendingEntry
from app.broker.broker import StreamsBroker
from app.broker.dead_letters import DeadLetter
from app.broker.delivery.message import StreamMessage
from app.broker.effects import NOW_MS, Effect, PackedEffects, pack_effects
from app.broker.enqueue_request import Precondition
from app.broker.errors import BrokerUnavailable, Duplicate, LeaseLost, PreconditionFailed, QueueFull, StreamsError
from app.broker.keys import QueueKeys
from app.broker.lanes import Lane
from app.broker.maintenance import RecoveryReport
from app.broker.middleware import StreamAgeLimit, StreamRetries, default_middleware
from app.broker.producer import AsyncProducer
from app.broker.results import StreamResultBackend
from app.broker.scripts import read_ledger_lua

__all__ = [
    "NOW_MS",
    "AsyncProducer",
    "BrokerUnavailable",
    "DeadLetter",
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
    "pack_effects",
    "read_ledger_lua",
]
