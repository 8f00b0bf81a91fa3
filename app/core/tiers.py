"""What a caller may do, in one table: adding a tier is adding a row."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from app.core.limits import MIB, LimitOverrides

__all__ = ["ANONYMOUS_TIER", "TIERS", "Priority", "Tier"]


class Priority(StrEnum):
    """How soon a job is wanted. Neither starves the other: each has its share of the workers."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """The rights of a caller.

    Parameters:
        rate_per_minute, burst: the token bucket of the caller; one job is one token.
        address_rate_per_minute: the bucket that all callers of this tier at one address share.
        unfinished_jobs: so many may wait and run at one time.
        backlog_share: of a queue that is fuller than this, nothing is taken from this tier any more.
        ceiling: limits that a job cannot go above; what is left out is as in the table of limits.
        priorities: the first one is what a job gets that names none.
    """

    name: str
    rate_per_minute: int
    burst: int
    address_rate_per_minute: int
    unfinished_jobs: int
    backlog_share: float
    ceiling: LimitOverrides = LimitOverrides()
    priorities: tuple[Priority, ...] = (Priority.INTERACTIVE, Priority.BATCH)


# Who has no key. Rate, burst and number of jobs are the operator's; without a key the address is the caller.
ANONYMOUS_TIER: Final = Tier(
    name="anonymous",
    rate_per_minute=600,
    burst=100,
    address_rate_per_minute=600,
    unfinished_jobs=1_000,
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
            backlog_share=0.5,
            ceiling=LimitOverrides(
                wall_seconds=30, cpu_seconds=30, memory_bytes=512 * MIB, processes=128, output_bytes=4 * MIB
            ),
            priorities=(Priority.BATCH,),
        ),
        Tier(
            name="standard",
            rate_per_minute=6_000,
            burst=1_000,
            address_rate_per_minute=30_000,
            unfinished_jobs=2_000,
            backlog_share=0.9,
        ),
        Tier(
            name="trusted",
            rate_per_minute=600_000,
            burst=20_000,
            address_rate_per_minute=1_200_000,
            unfinished_jobs=50_000,
            backlog_share=1.0,
        ),
    )
}
