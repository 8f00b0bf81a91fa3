"""Benchmark: 10,000 jobs at once. Measures acceptance, drain rate and memory of the server."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from app.core.errors import PyxecError
from bench.http_calls import Call, HttpCalls
from bench.part import AdvanceProgress, Extent, Findings, Measurements, Part
from bench.plot import Axis, lines
from bench.target import Target
from bench.whole.finished import finish_rate
from bench.whole.server_watch import ServerSampler
from bench.whole.stack import check, whole_stack

__all__ = ["PART"]

TARGET_JOBS: Final = 10_000
TARGET_SECONDS: Final = 20.0
CONNECTIONS: Final = 16
BATCH: Final = 100
_SLOWEST_PER_SECOND: Final = 0.5


def _program(index: int) -> dict[str, str]:
    """Return a request whose output identifies it."""
    return {"language": "python", "source": f"print({index} * 7)"}


def _singles(http: HttpCalls, jobs: int) -> list[str]:
    calls = [Call("POST", "/v1/jobs", _program(index)) for index in range(jobs)]
    return [answer["id"] for answer in http.send_all(calls, CONNECTIONS)]


def _batches(http: HttpCalls, jobs: int) -> list[str]:
    programs = [_program(index) for index in range(jobs)]
    batches = [programs[start : start + BATCH] for start in range(0, jobs, BATCH)]
    calls = [Call("POST", "/v1/jobs/batch", {"jobs": batch}) for batch in batches]
    answers = [item for answer in http.send_all(calls, CONNECTIONS) for item in answer["jobs"]]
    if refused := [item for item in answers if "id" not in item]:
        raise PyxecError(f"{len(refused)} of {jobs} jobs were refused: {refused[0]}")
    return [item["id"] for item in answers]


_METHODS: Final[Mapping[str, Callable[[HttpCalls, int], list[str]]]] = {
    "POST /v1/jobs/batch": _batches,
    "POST /v1/jobs": _singles,
}


def _measure(extent: Extent, advance: AdvanceProgress) -> Findings:
    last = list(_METHODS)[-1]
    methods = {name: _burst(name, extent, extent.drain if name == last else 0, advance) for name in _METHODS}
    slowest = max(method["accept_seconds"] for method in methods.values())
    lost = float(sum(method["lost"] for method in methods.values()))
    return Findings(
        [*_accepted(extent, slowest), Target("jobs lost", 0, True, lost)], {"jobs": extent.jobs, "methods": methods}
    )


def _accepted(extent: Extent, seconds: float) -> list[Target]:
    if extent.jobs != TARGET_JOBS:
        why = f"{extent.jobs:,} jobs instead"
        return [Target(f"{TARGET_JOBS:,} jobs accepted within", TARGET_SECONDS, True, None, " s", reason=why)]
    return [Target(f"{TARGET_JOBS:,} jobs accepted within", TARGET_SECONDS, True, seconds, " s")]


def _burst(name: str, extent: Extent, drain: int, advance: AdvanceProgress) -> dict[str, Any]:
    """Submit a burst while the worker runs, drain a part, cancel the rest, and check every job."""
    with whole_stack() as service:
        http = HttpCalls(service.url)
        with ServerSampler(service) as watch:
            started = time.monotonic()
            ids = _METHODS[name](http, extent.jobs)
            accept_seconds = time.monotonic() - started
            advance()
            if drain:
                _until_finished(watch, extent.jobs, min(drain, extent.jobs))
            advance()
            http.send_all(
                [
                    Call("POST", f"/v1/jobs/{job_id}/cancel", is_idempotent=True)
                    for job_id in ids
                    if drain < extent.jobs
                ],
                CONNECTIONS,
            )
            jobs = _wait_for_all(http, ids)
        advance()
        return {"accept_seconds": accept_seconds, **_count_outcomes(jobs, drain), "watched": watch.samples()}


def _until_finished(watch: ServerSampler, jobs: int, drain: int) -> None:
    """Wait until ``drain`` jobs have left the queue."""
    deadline = time.monotonic() + drain / _SLOWEST_PER_SECOND
    while watch.waiting() > jobs - drain:
        if time.monotonic() > deadline:
            raise PyxecError(f"{drain} jobs did not finish within {drain / _SLOWEST_PER_SECOND:.0f} s")
        time.sleep(0.5)


def _cancel(job_id: str) -> Call:
    return Call("POST", f"/v1/jobs/{job_id}/cancel", is_idempotent=True)


def _wait_for_all(http: HttpCalls, ids: list[str]) -> list[dict[str, Any]]:
    """Wait until all jobs have finished and return their results."""
    found: dict[str, dict[str, Any]] = {}
    for _ in range(60):
        missing = [job_id for job_id in ids if job_id not in found]
        for answer in http.send_all(
            [Call("GET", f"/v1/jobs/{job_id}", is_idempotent=True) for job_id in missing], CONNECTIONS
        ):
            if answer["status"] == "finished":
                found[answer["id"]] = answer
        if len(found) == len(ids):
            break
        time.sleep(0.5)
    return [found.get(job_id, {"id": job_id, "outcome": "unfinished"}) for job_id in ids]


def _count_outcomes(jobs: list[dict[str, Any]], drain: int) -> dict[str, Any]:
    """Count outcomes and check the output of every job that ran."""
    for index, job in enumerate(jobs):
        if job["outcome"] == "ok":
            check(f"job {index}", job["stdout"], f"{index * 7}\n")
    outcomes = Counter(job["outcome"] for job in jobs)
    lost = len(jobs) - outcomes["ok"] - outcomes["cancelled"]
    ran = [job for job in jobs if job["outcome"] == "ok"]
    measurements: dict[str, Any] = {"outcomes": dict(outcomes), "lost": lost, "drain_per_second": None}
    if drain:
        with suppress(PyxecError):  # too few jobs
            measurements["drain_per_second"] = finish_rate(ran)
    return measurements


def _table(measurements: Measurements) -> str:
    head = [
        "| | accepted in | per second | drained | correct results | cancelled | lost |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    rows = [_row(name, measurements["jobs"], method) for name, method in measurements["methods"].items()]
    return "\n".join([*head, *rows, "", _memory(measurements)])


def _row(name: str, jobs: int, method: Mapping[str, Any]) -> str:
    drained = f"{method['drain_per_second']:.1f}/s" if method["drain_per_second"] else "not measured"
    outcomes = method["outcomes"]
    seconds = method["accept_seconds"]
    return (
        f"| `{name}`, {jobs:,} jobs | {seconds:.1f} s | {jobs / seconds:,.0f} | {drained} "
        f"| {outcomes.get('ok', 0):,} | {outcomes.get('cancelled', 0):,} | {method['lost']} |"
    )


def _memory(measurements: Measurements) -> str:
    watched = list(measurements["methods"].values())[-1]["watched"]
    lowest, highest = (bound(point["memory_mb"] for point in watched) for bound in (min, max))
    job = 1000 * (highest - lowest) / measurements["jobs"]
    growth = f"The memory of the server grew from {lowest:.1f} MB to a maximum of {highest:.1f} MB"
    return f"{growth}: {job:.1f} kB for each queued job."


def _memory_plot(measurements: Measurements) -> str:
    series = {
        name: [(p["seconds"], p["memory_mb"]) for p in method["watched"]]
        for name, method in measurements["methods"].items()
    }
    return lines("Memory of the server during a burst", Axis("seconds"), Axis("MB"), series)


def _waiting_plot(measurements: Measurements) -> str:
    series = {
        name: [(p["seconds"], p["waiting"]) for p in method["watched"]]
        for name, method in measurements["methods"].items()
    }
    return lines("Waiting jobs during a burst", Axis("seconds"), Axis("jobs"), series)


PART: Final = Part(
    title="Burst",
    about="""\
All jobs are submitted at once over 16 connections while the worker runs, once in batches of 100 and once one by
one. The server syncs every write to disk before it acknowledges it. Draining 10,000 containers takes a quarter of
an hour on two cores. Therefore only a part of the second burst is drained (`--drain`), and **the rest is
cancelled**. Then every job is checked: it must have printed its own number or be cancelled; all others count as
lost. `make bench BENCH_ARGS="burst --drain 10000"` drains all jobs. The drop of the memory in the middle of the
plot is the cancellation.""",
    steps=lambda extent: 3 * len(_METHODS),
    measure=_measure,
    table=_table,
    plots={"burst-waiting": _waiting_plot, "burst-memory": _memory_plot},
)
