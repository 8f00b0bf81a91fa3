"""Ten thousand jobs at once: how long until all are accepted, how fast they drain, what the server's memory does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from app.core.errors import PyxecError
from bench.http_calls import Call, HttpCalls
from bench.part import Advance, Extent, Figures, Findings, Part
from bench.plot import Axis, lines
from bench.sandbox_target import Target
from bench.whole.finished import rate
from bench.whole.server_watch import ServerWatch
from bench.whole.stack import check, whole_stack

__all__ = ["PART"]

TARGET_JOBS: Final = 10_000
TARGET_SECONDS: Final = 20.0
CONNECTIONS: Final = 16
BATCH: Final = 100
_SLOWEST_PER_SECOND: Final = 0.5


def _program(index: int) -> dict[str, str]:
    """Each prints something else, so that a mix-up shows."""
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


_WAYS: Final[Mapping[str, Callable[[HttpCalls, int], list[str]]]] = {
    "POST /v1/jobs/batch": _batches,
    "POST /v1/jobs": _singles,
}


def _measure(extent: Extent, advance: Advance) -> Findings:
    last = list(_WAYS)[-1]
    ways = {name: _burst(name, extent, extent.drain if name == last else 0, advance) for name in _WAYS}
    slowest = max(way["accept_seconds"] for way in ways.values())
    lost = float(sum(way["lost"] for way in ways.values()))
    return Findings(
        [*_accepted(extent, slowest), Target("jobs lost", 0, True, lost)], {"jobs": extent.jobs, "ways": ways}
    )


def _accepted(extent: Extent, seconds: float) -> list[Target]:
    if extent.jobs != TARGET_JOBS:
        why = f"{extent.jobs:,} jobs instead"
        return [Target(f"{TARGET_JOBS:,} jobs accepted within", TARGET_SECONDS, True, None, " s", why=why)]
    return [Target(f"{TARGET_JOBS:,} jobs accepted within", TARGET_SECONDS, True, seconds, " s")]


def _burst(name: str, extent: Extent, drain: int, advance: Advance) -> dict[str, Any]:
    """One burst: accepted while the worker works, so many drained, the rest cancelled, all looked at."""
    with whole_stack() as service:
        http = HttpCalls(service.url)
        with ServerWatch(service) as watch:
            began = time.monotonic()
            ids = _WAYS[name](http, extent.jobs)
            accept_seconds = time.monotonic() - began
            advance()
            if drain:
                _until_finished(watch, extent.jobs, min(drain, extent.jobs))
            advance()
            http.send_all(
                [Call("POST", f"/v1/jobs/{one}/cancel", again=True) for one in ids if drain < extent.jobs], CONNECTIONS
            )
            jobs = _ended(http, ids)
        advance()
        return {"accept_seconds": accept_seconds, **_counted(jobs, drain), "watched": watch.thinned()}


def _until_finished(watch: ServerWatch, jobs: int, drain: int) -> None:
    """Until so many have left the line; those that run are over by the time that they are looked at."""
    deadline = time.monotonic() + drain / _SLOWEST_PER_SECOND
    while watch.waiting() > jobs - drain:
        if time.monotonic() > deadline:
            raise PyxecError(f"{drain} jobs did not end within {drain / _SLOWEST_PER_SECOND:.0f} s")
        time.sleep(0.5)


def _ended(http: HttpCalls, ids: list[str]) -> list[dict[str, Any]]:
    """All jobs with their results, once none of them runs."""
    found: dict[str, dict[str, Any]] = {}
    for _ in range(60):
        missing = [one for one in ids if one not in found]
        for answer in http.send_all([Call("GET", f"/v1/jobs/{one}", again=True) for one in missing], CONNECTIONS):
            if answer["status"] == "finished":
                found[answer["id"]] = answer
        if len(found) == len(ids):
            break
        time.sleep(0.5)
    return [found.get(one, {"id": one, "outcome": "never ended"}) for one in ids]


def _counted(jobs: list[dict[str, Any]], drain: int) -> dict[str, Any]:
    """By outcome; a job that ran has to have printed its own number."""
    for index, job in enumerate(jobs):
        if job["outcome"] == "ok":
            check(f"job {index}", job["stdout"], f"{index * 7}\n")
    outcomes = Counter(job["outcome"] for job in jobs)
    lost = len(jobs) - outcomes["ok"] - outcomes["cancelled"]
    ran = [job for job in jobs if job["outcome"] == "ok"]
    figures: dict[str, Any] = {"outcomes": dict(outcomes), "lost": lost, "drain_per_second": None}
    if drain:
        with suppress(PyxecError):  # too few to tell
            figures["drain_per_second"] = rate(ran)
    return figures


def _table(figures: Figures) -> str:
    head = [
        "| | accepted in | a second | drained | right results | cancelled | lost |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    rows = [_row(name, figures["jobs"], way) for name, way in figures["ways"].items()]
    return "\n".join([*head, *rows, "", _memory(figures)])


def _row(name: str, jobs: int, way: Mapping[str, Any]) -> str:
    drained = f"{way['drain_per_second']:.1f}/s" if way["drain_per_second"] else "not measured"
    outcomes = way["outcomes"]
    return (
        f"| `{name}`, {jobs:,} jobs | {way['accept_seconds']:.1f} s | {jobs / way['accept_seconds']:,.0f} | {drained} "
        f"| {outcomes.get('ok', 0):,} | {outcomes.get('cancelled', 0):,} | {way['lost']} |"
    )


def _memory(figures: Figures) -> str:
    watched = list(figures["ways"].values())[-1]["watched"]
    least, most = (one(point["memory_mb"] for point in watched) for one in (min, max))
    job = 1000 * (most - least) / figures["jobs"]
    grew = f"The server's memory grew from {least:.1f} to {most:.1f} MB at most"
    return f"{grew}: {job:.1f} kB a job, with its record and its place."


def _memory_plot(figures: Figures) -> str:
    series = {name: [(p["seconds"], p["memory_mb"]) for p in way["watched"]] for name, way in figures["ways"].items()}
    return lines("The server's memory during a burst", Axis("seconds"), Axis("MB"), series)


def _waiting_plot(figures: Figures) -> str:
    series = {name: [(p["seconds"], p["waiting"]) for p in way["watched"]] for name, way in figures["ways"].items()}
    return lines("Jobs that wait during a burst", Axis("seconds"), Axis("jobs"), series)


PART: Final = Part(
    title="A burst",
    about="""\
All jobs are submitted at once, over sixteen connections, while the worker already runs the first of them: once in
batches of a hundred, once one by one. Every write is synced to disk before it is acknowledged. To drain ten thousand
containers takes a quarter of an hour on two cores, so only the second burst is drained, and only in part (`--drain`);
**the rest is cancelled**. Then every single job is looked at: it has printed its own number, or was cancelled;
anything else is lost. `make bench BENCH_ARGS="burst --drain 10000"` drains all of them. The drop of the memory in the
middle of the plot is the cancelling.""",
    steps=lambda extent: 3 * len(_WAYS),
    measure=_measure,
    table=_table,
    plots={"burst-waiting": _waiting_plot, "burst-memory": _memory_plot},
)
