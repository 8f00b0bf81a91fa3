"""Benchmark: latency under load, an open loop at several fractions of the maximum rate."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import asdict
from itertools import accumulate
from typing import Any, Final

import httpx

from bench.gateway.service import GatewayService
from bench.http_calls import Call, HttpCalls
from bench.part import AdvanceProgress, Extent, Findings, Measurements, Part
from bench.plot import Axis, lines
from bench.summary import Summary
from bench.whole.finished import finish_rate
from bench.whole.stack import JOB, check, whole_stack

__all__ = ["PART", "arrivals"]

FRACTIONS: Final = (0.2, 0.4, 0.6, 0.8, 0.9)
_BACKLOG_SECONDS: Final = 8
_BACKLOG_FIRST: Final = 24
_PAUSE_SECONDS: Final = 2.0
_WAIT_SECONDS: Final = 60
_KEEPALIVE_SECONDS: Final = 1.0
_SEED: Final = 7
PERCENTILES: Final = ("p50", "p95", "p99")


def arrivals(per_second: float, seconds: float, seed: int) -> list[float]:
    """Return the arrival times of a Poisson process, in seconds from 0."""
    generator = random.Random(seed)
    gaps = (generator.expovariate(per_second) for _ in range(int(3 * per_second * seconds) + 30))
    return [arrival for arrival in accumulate(gaps) if arrival < seconds]


def _measure(extent: Extent, advance: AdvanceProgress) -> Findings:
    with whole_stack() as service:
        maximum = _measure_maximum(HttpCalls(service.url))
        advance()
        levels = [_level(service, fraction, maximum, extent.rate_seconds, advance) for fraction in FRACTIONS]
    return Findings([], {"max_per_second": maximum, "levels": levels})


def _measure_maximum(http: HttpCalls) -> float:
    """Return the jobs per second with a backlog of a few seconds, whose size comes from a short trial."""
    first = _drain(http, _BACKLOG_FIRST)
    return _drain(http, max(_BACKLOG_FIRST, round(first * _BACKLOG_SECONDS)))


def _drain(http: HttpCalls, jobs: int) -> float:
    call = Call("POST", f"/v1/jobs?wait={_WAIT_SECONDS}", JOB)
    return finish_rate(http.send_all([call] * jobs, connections=16))


def _level(
    service: GatewayService, fraction: float, maximum: float, seconds: float, advance: AdvanceProgress
) -> dict[str, Any]:
    time.sleep(_PAUSE_SECONDS)
    latencies = asyncio.run(_offer(service.url, arrivals(fraction * maximum, seconds, _SEED)))
    advance()
    offered = len(latencies) / seconds
    return {"fraction": fraction, "offered_per_second": offered, **asdict(Summary.from_seconds(latencies))}


async def _offer(url: str, arrivals: list[float]) -> list[float]:
    """Return the seconds from the scheduled arrival of each job to its result."""
    # Below the keep-alive time-out of the API: a request on a connection that is being closed would fail.
    unlimited = httpx.Limits(max_connections=None, keepalive_expiry=_KEEPALIVE_SECONDS)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=2 * _WAIT_SECONDS, limits=unlimited) as client:
        started = time.monotonic()

        async def submit(arrival: float) -> float:
            await asyncio.sleep(started + arrival - time.monotonic())
            answer = await client.post("/v1/jobs", params={"wait": _WAIT_SECONDS}, json=JOB)
            check("Pyxec", answer.raise_for_status().json().get("stdout"))
            return time.monotonic() - started - arrival

        return list(await asyncio.gather(*map(submit, arrivals)))


def _table(measurements: Measurements) -> str:
    head = ["| offered | of maximum | n | p50 | p95 | p99 | max |", "|---:|---:|---:|---:|---:|---:|---:|"]
    rows = [
        f"| {level['offered_per_second']:.1f}/s | {100 * level['fraction']:.0f} % | {level['count']} | "
        + " | ".join(f"{level[key]:.0f} ms" for key in ("p50_ms", "p95_ms", "p99_ms", "max_ms"))
        + " |"
        for level in measurements["levels"]
    ]
    maximum = f"Maximum rate with a backlog: {measurements['max_per_second']:.1f} jobs per second."
    return "\n".join([maximum, "", *head, *rows])


def _plot(measurements: Measurements) -> str:
    series = {
        name: [(level["offered_per_second"], level[f"{name}_ms"]) for level in measurements["levels"]]
        for name in PERCENTILES
    }
    y = Axis("ms", logarithmic=True)
    return lines("Latency from submission to result by offered rate", Axis("offered jobs per second"), y, series)


PART: Final = Part(
    title="Latency under load",
    about="""\
An open loop: one-line Python jobs arrive at random times (a Poisson process), at fractions of the rate that the
stack reached with a backlog just before. The latency is the time from the scheduled arrival of a job to its result,
so that a slow client cannot hide a queue. A rate has about 100 jobs or more; its p99 is therefore close to the
maximum.""",
    steps=lambda extent: 1 + len(FRACTIONS),
    measure=_measure,
    table=_table,
    plots={"load": _plot},
)
