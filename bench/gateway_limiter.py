"""How exactly a rate limit holds that four API processes share: what it let through, beside what it should have."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Final

from bench.gateway_service import gateway_service
from bench.sandbox_target import Target
from bench.wrk import wrk

__all__ = ["STEPS", "measure_limiter"]

PROCESSES: Final = 4
RATE_PER_MINUTE: Final = 6_000
BURST: Final = 50
SECONDS: Final = 8
ROUNDS: Final = 3
REFILL_SECONDS: Final = 1.0
TARGET_PERCENT: Final = 2.0
STEPS: Final = ROUNDS
PROGRAM: Final = {"language": "python", "source": "print(6 * 7)"}


def measure_limiter(advance: Callable[[], None]) -> list[Target]:
    """One target: by how much it was off, either way, of the median round."""
    with gateway_service(
        api_processes=PROCESSES, pyxec_rate_per_minute=RATE_PER_MINUTE, pyxec_rate_burst=BURST
    ) as service:
        offs = [_round(f"{service.url}/v1/jobs", advance) for _ in range(ROUNDS)]
    return [
        Target(
            f"let through by a limit of {RATE_PER_MINUTE // 60} a second, {PROCESSES} API processes: off by",
            TARGET_PERCENT,
            True,
            median(abs(off) for off in offs),
            " %",
            details={"rounds": offs, "seconds": SECONDS, "burst": BURST},
        )
    ]


def _round(url: str, advance: Callable[[], None]) -> float:
    time.sleep(REFILL_SECONDS)  # the bucket is full again: what it holds comes on top
    started = time.monotonic()
    load = wrk(url, PROGRAM, seconds=SECONDS, connections=16)
    seconds = min(time.monotonic() - started, SECONDS)
    allowed = BURST + RATE_PER_MINUTE / 60 * seconds
    advance()
    return 100 * ((load.answered - load.refused) / allowed - 1)
