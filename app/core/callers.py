"""Callers: API keys, anonymous addresses, and the tiers that define what a caller may do."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from app.core.limits import MIB, LimitOverrides, TotalLimits

__all__ = [
    "ANONYMOUS",
    "ANONYMOUS_TIER",
    "TICKET_SECONDS",
    "TIERS",
    "ApiKey",
    "Caller",
    "NewApiKey",
    "Priority",
    "RotatedApiKey",
    "Tier",
]

#: Owner of all jobs that were submitted without an API key.
ANONYMOUS: Final = "anonymous"
#: Validity of a ticket.
TICKET_SECONDS: Final = 30


class Priority(StrEnum):
    """The queue lane of a job. Each lane has a share of the workers, so that none starves."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """The rights of a caller.

    Attributes:
        rate_per_minute: Tokens that flow into the caller's bucket. A submission takes one token.
        burst: Tokens that the bucket holds.
        address_rate_per_minute: Rate of the bucket that all callers of this tier at one address share.
        unfinished_jobs: Concurrency slots: jobs of the caller that may wait or run at one time.
        storage_bytes: Storage quota: bytes that the queued, running and kept jobs of the caller may take in Redis. All
            callers without an API key share one quota.
        file_bytes: File quota: bytes of the files that the caller may have in the file storage. All callers without an
            API key share one quota.
        backlog_share: Jobs of this tier are rejected if the backlog exceeds this share of its limit.
        ceiling: Maximum limits of each phase of a job. A limit that is not set has the maximum of the table.
        total_limits: Limits of all phases of a job together.
        priorities: Allowed priorities; the first one is the default.
    """

    name: str
    rate_per_minute: int
    burst: int
    address_rate_per_minute: int
    unfinished_jobs: int
    storage_bytes: int
    file_bytes: int
    backlog_share: float
    ceiling: LimitOverrides = LimitOverrides()
    total_limits: TotalLimits = TotalLimits()
    priorities: tuple[Priority, ...] = (Priority.INTERACTIVE, Priority.BATCH)


# Callers without an API key. The operator sets the rates, unfinished_jobs, storage_bytes and file_bytes.
ANONYMOUS_TIER: Final = Tier(
    name="anonymous",
    rate_per_minute=600,
    burst=100,
    address_rate_per_minute=600,
    unfinished_jobs=1_000,
    storage_bytes=512 * MIB,
    file_bytes=1024 * MIB,
    backlog_share=0.5,
)

TIERS: Final[dict[str, Tier]] = {
    tier.name: tier
    for tier in (
        Tier(
            name="limited",
            rate_per_minute=120,
            burst=20,
            address_rate_per_minute=600,
            unfinished_jobs=10,
            storage_bytes=64 * MIB,
            file_bytes=128 * MIB,
            backlog_share=0.5,
            ceiling=LimitOverrides(
                wall_seconds=30, cpu_seconds=30, memory_bytes=512 * MIB, processes=128, output_bytes=4 * MIB
            ),
            total_limits=TotalLimits(wall_seconds=30, cpu_seconds=30),
            priorities=(Priority.BATCH,),
        ),
        Tier(
            name="standard",
            rate_per_minute=6_000,
            burst=1_000,
            address_rate_per_minute=30_000,
            unfinished_jobs=2_000,
            storage_bytes=256 * MIB,
            file_bytes=2048 * MIB,
            backlog_share=0.9,
        ),
        Tier(
            name="trusted",
            rate_per_minute=600_000,
            burst=20_000,
            address_rate_per_minute=1_200_000,
            unfinished_jobs=50_000,
            storage_bytes=768 * MIB,
            file_bytes=16 * 1024 * MIB,
            backlog_share=1.0,
        ),
    )
}


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key without its secret. The id is public and part of the key's text.

    Attributes:
        expires_at_ms: From then on, the key is invalid; None for no expiry.
        last_used_at_ms: Last use within a minute; None if the key was not used, or if it was not read.
    """

    id: str
    name: str
    tier: str
    is_admin: bool
    created_at_ms: int
    expires_at_ms: int | None = None
    last_used_at_ms: int | None = None


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A newly created API key.

    Attributes:
        key: The key.
        text: The key as clients send it. It cannot be read again.
        webhook_secret: The secret that signs its webhooks. It cannot be read again.
    """

    key: ApiKey
    text: str
    webhook_secret: str


class RotatedApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key with a new text.

    Attributes:
        key: The key.
        text: The new text. It cannot be read again.
        previous_expires_at_ms: Until then, the previous text is valid; None if it is invalid.
    """

    key: ApiKey
    text: str
    previous_expires_at_ms: int | None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Identity and rights of the user of one request.

    Attributes:
        owner: Owner of submitted jobs. The caller has access only to jobs of this owner.
        account: Account whose tokens and slots a submission takes: the API key, or the address of an anonymous caller.
        address: IPv4 address, or the /64 network of an IPv6 address.
        tier: The rights of the caller.
        key_id: Id of the API key; None for an anonymous caller.
        key_name: Name of the API key; None for an anonymous caller.
        is_admin: Whether the caller may use the administration routes.
    """

    owner: str
    account: str
    address: str
    tier: Tier
    key_id: str | None = None
    key_name: str | None = None
    is_admin: bool = False

    @property
    def is_anonymous(self) -> bool:
        """Whether the request has no API key. All anonymous callers share their jobs."""
        return self.key_id is None
