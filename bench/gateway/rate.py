"""Submission rate, compared with an empty 202 response of the same server, and latency at half of that rate."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any, Final

from bench.gateway.app import EMPTY
from bench.gateway.service import GatewayService, gateway_service
from bench.gateway.wrk import Load, wrk
from bench.target import Target

__all__ = ["STEPS", "measure_rate"]

ROUNDS: Final = 7
SECONDS: Final = 4
LATENCY_SECONDS: Final = 8
LATENCY_ROUNDS: Final = 3
CONNECTIONS: Final = 32
TARGET_RATIO: Final = 0.25
TARGET_P99_MS: Final = 50.0
PROGRAM: Final = {"language": "python", "source": "print(6 * 7)"}
STEPS: Final = ROUNDS + LATENCY_ROUNDS


def measure_rate(advance: Callable[[], None]) -> list[Target]:
    """Measure a gateway with one API process. Returns the targets for the ratio and for the p99 latency."""
    with gateway_service() as service, gateway_service(app="bench.gateway.app:create_bare()") as bare:
        _warm_up(service, bare)
        rounds = [_round(service, bare, advance) for _ in range(ROUNDS)]
        rate = median(load["submissions"].per_second for load in rounds)
        half = [_at_half(service, rate, advance) for _ in range(LATENCY_ROUNDS)]
    return [
        Target(
            "durable submissions per second: POST /v1/jobs / empty 202",
            TARGET_RATIO,
            False,
            median(load["submissions"].per_second / load["empty 202"].per_second for load in rounds),
            details={"per_second": _rates(rounds), "fsync": "always", "api_processes": 1, "connections": CONNECTIONS},
        ),
        Target(
            "p99 of a submission at half of that rate",
            TARGET_P99_MS,
            True,
            median(load.p99_ms for load in half),
            " ms",
            details={"per_second": [load.per_second for load in half], "p50_ms": [load.p50_ms for load in half]},
        ),
    ]


def _warm_up(service: GatewayService, bare: GatewayService) -> None:
    for url in (f"{service.url}/v1/jobs", f"{service.url}{EMPTY}", f"{bare.url}{EMPTY}"):
        _load(url, seconds=1)


def _round(service: GatewayService, bare: GatewayService, advance: Callable[[], None]) -> dict[str, Load]:
    service.clear()
    loads = {
        "submissions": _load(f"{service.url}/v1/jobs"),
        "empty 202": _load(f"{service.url}{EMPTY}"),
        "empty 202 of Falcon alone": _load(f"{bare.url}{EMPTY}"),
    }
    advance()
    return loads


def _load(url: str, seconds: int = SECONDS) -> Load:
    load = wrk(url, PROGRAM, seconds=seconds, connections=CONNECTIONS)
    assert not load.refused, f"{url} refused {load.refused} of {load.answered}"
    return load


def _at_half(service: GatewayService, rate: float, advance: Callable[[], None]) -> Load:
    service.clear()
    url = f"{service.url}/v1/jobs"
    load = wrk(url, PROGRAM, seconds=LATENCY_SECONDS, connections=CONNECTIONS, per_second=rate / 2)
    advance()
    return load


def _rates(rounds: list[dict[str, Load]]) -> dict[str, Any]:
    return {name: [load[name].per_second for load in rounds] for name in rounds[0]}
