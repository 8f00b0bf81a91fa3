"""How long jobs take while others come, too: an open loop at several parts of what the stack can do."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import asdict
from itertools import accumulate
from typing import Any, Final

import httpx

from bench.gateway_service import GatewayService
from bench.http_calls import Call, HttpCalls
from bench.part import Advance, Extent, Figures, Findings, Part
from bench.plot import Axis, lines
from bench.summary import Summary
from bench.whole.finished import rate
from bench.whole.stack import JOB, check, whole_stack

__all__ = ["PART", "arrivals"]

FRACTIONS: Final = (0.2, 0.4, 0.6, 0.8, 0.9)
_BACKLOG_SECONDS: Final = 8
_BACKLOG_FIRST: Final = 24
_PAUSE_SECONDS: Final = 2.0
_WAIT_SECONDS: Final = 60
_KEPT_SECONDS: Final = 1.0
_SEED: Final = 7
PERCENTILES: Final = ("p50", "p95", "p99")


def arrivals(per_second: float, seconds: float, seed: int) -> list[float]:
    """Moments from 0 on at which somebody comes, independently of all others (a Poisson process)."""
    chance = random.Random(seed)
    gaps = (chance.expovariate(per_second) for _ in range(int(3 * per_second * seconds) + 30))
    return [moment for moment in accumulate(gaps) if moment < seconds]


def _measure(extent: Extent, advance: Advance) -> Findings:
    with whole_stack() as service:
        most = _most(HttpCalls(service.url))
        advance()
        levels = [_level(service, fraction, most, extent.rate_seconds, advance) for fraction in FRACTIONS]
    return Findings([], {"most_per_second": most, "levels": levels})


def _most(http: HttpCalls) -> float:
    """Jobs a second while there is a backlog of a few seconds: as many as a first short one suggests."""
    first = _drain(http, _BACKLOG_FIRST)
    return _drain(http, max(_BACKLOG_FIRST, round(first * _BACKLOG_SECONDS)))


def _drain(http: HttpCalls, jobs: int) -> float:
    waited = Call("POST", f"/v1/jobs?wait={_WAIT_SECONDS}", JOB)
    return rate(http.send_all([waited] * jobs, connections=16))


def _level(service: GatewayService, fraction: float, most: float, seconds: float, advance: Advance) -> dict[str, Any]:
    time.sleep(_PAUSE_SECONDS)
    latencies = asyncio.run(_offer(service.url, arrivals(fraction * most, seconds, _SEED)))
    advance()
    offered = len(latencies) / seconds
    return {"fraction": fraction, "offered_per_second": offered, **asdict(Summary.of(latencies))}


async def _offer(url: str, moments: list[float]) -> list[float]:
    """Seconds from the moment at which a job was to come until its result was there: a client that is late counts."""
    # The API closes idle connections after a few seconds: one that is asked again in that moment would be lost.
    unlimited = httpx.Limits(max_connections=None, keepalive_expiry=_KEPT_SECONDS)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=2 * _WAIT_SECONDS, limits=unlimited) as client:
        began = time.monotonic()

        async def one(moment: float) -> float:
            await asyncio.sleep(began + moment - time.monotonic())
            answer = await client.post("/v1/jobs", params={"wait": _WAIT_SECONDS}, json=JOB)
            check("Pyxec", answer.raise_for_status().json().get("stdout"))
            return time.monotonic() - began - moment

        return list(await asyncio.gather(*map(one, moments)))


def _table(figures: Figures) -> str:
    head = ["| offered | of the most | n | p50 | p95 | p99 | worst |", "|---:|---:|---:|---:|---:|---:|---:|"]
    rows = [
        f"| {level['offered_per_second']:.1f}/s | {100 * level['fraction']:.0f} % | {level['count']} | "
        + " | ".join(f"{level[key]:.0f} ms" for key in ("p50_ms", "p95_ms", "p99_ms", "max_ms"))
        + " |"
        for level in figures["levels"]
    ]
    most = f"The most that it did with a backlog, just before: {figures['most_per_second']:.1f} jobs a second."
    return "\n".join([most, "", *head, *rows])


def _plot(figures: Figures) -> str:
    series = {
        name: [(level["offered_per_second"], level[f"{name}_ms"]) for level in figures["levels"]]
        for name in PERCENTILES
    }
    y = Axis("ms", logarithmic=True)
    return lines("From submission to result, by the rate of submissions", Axis("jobs a second offered"), y, series)


PART: Final = Part(
    title="Latency under load",
    about="""\
An open loop: one-line Python jobs come at random moments (a Poisson process), whether or not earlier ones are done,
at parts of what the stack did with a backlog just before. What is measured is the time from the moment at which a job
was to come to its result, so that a client that falls behind cannot hide a queue. A rate has about a hundred jobs or
more, so its p99 is close to the worst.""",
    steps=lambda extent: 1 + len(FRACTIONS),
    measure=_measure,
    table=_table,
    plots={"load": _plot},
)
