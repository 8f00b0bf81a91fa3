"""Accuracy of a rate limit that four API processes share: admitted requests, compared with the limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Final

from bench.gateway.service import gateway_service
from bench.gateway.wrk import wrk
from bench.target import Target

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
    """Measure the absolute deviation from the limit in percent, the median of the rounds."""
    with gateway_service(
        api_processes=PROCESSES, pyxec_rate_per_minute=RATE_PER_MINUTE, pyxec_rate_burst=BURST
    ) as service:
        deviations = [_round(f"{service.url}/v1/jobs", advance) for _ in range(ROUNDS)]
    return [
        Target(
            f"deviation from a limit of {RATE_PER_MINUTE // 60} per second with {PROCESSES} API processes",
            TARGET_PERCENT,
            True,
            median(abs(deviation) for deviation in deviations),
            " %",
            details={"rounds": deviations, "seconds": SECONDS, "burst": BURST},
        )
    ]


def _round(url: str, advance: Callable[[], None]) -> float:
    time.sleep(REFILL_SECONDS)  # refill the bucket: its burst is part of the expected number
    started = time.monotonic()
    load = wrk(url, PROGRAM, seconds=SECONDS, connections=16)
    seconds = min(time.monotonic() - started, SECONDS)
    allowed = BURST + RATE_PER_MINUTE / 60 * seconds
    advance()
    return 100 * ((load.answered - load.refused) / allowed - 1)
