"""Benchmark: thousands of one-line jobs of a trainer at once, compared with the sandbox's own rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Final

from app.core.errors import PyxecError
from bench.http_calls import Call, HttpCalls
from bench.part import AdvanceProgress, Extent, Findings, Measurements, Part
from bench.plot import bars
from bench.sandbox.rate import Job, jobs_per_second, sandbox_loop
from bench.sandbox.under_test import sandbox_under_test
from bench.target import Target
from bench.whole.stack import JOB, PROGRAM, STACKS, THREADS, check, whole_stack

__all__ = ["PART"]

TARGET_RATIO: Final = 0.8
#: Concurrent requests of a trainer, and the time after which it gives up.
CLIENTS: Final = 256
READ_SECONDS: Final = 70.0
_FUSION_CALL: Final = Call("POST", "/sandboxfusion/run_code", {"language": "python", "code": PROGRAM})
_SANDBOX_SECONDS: Final = 10.0
# The defaults of the worker.
_FLOOR: Final = 1
_CEILING: Final = 4


def _run_fusion_jobs(http: HttpCalls, jobs: int) -> None:
    """Run jobs through SandboxFusion's route. Raises PyxecError if a request fails or is late."""
    for answer in http.send_all([_FUSION_CALL] * jobs, CLIENTS, READ_SECONDS):
        check("SandboxFusion's route", answer["run_result"]["stdout"])


def _run_streamed_batch(http: HttpCalls, jobs: int) -> None:
    """Run jobs as one streamed batch. Raises PyxecError if the stream ends early, or if a job is missing or wrong."""
    finished = 0
    for line in http.send_for_lines(Call("POST", "/v1/jobs/batch", {"jobs": [JOB] * jobs})):
        match line["type"]:
            case "result":
                check("the streamed batch", line["job"]["stdout"])
                finished += 1
            case "problem" | "error":
                raise PyxecError(f"the streamed batch reported {line['problem']}")
    if finished != jobs:
        raise PyxecError(f"the streamed batch returned {finished} of {jobs} results")


# Route to the function that runs this number of jobs through it.
_ROUTES: Final[Mapping[str, Callable[[HttpCalls, int], None]]] = {
    "SandboxFusion's route": _run_fusion_jobs,
    "streamed batch": _run_streamed_batch,
}


def _measure(extent: Extent, advance: AdvanceProgress) -> Findings:
    rows = [row for isolation in STACKS for row in _measure_isolation(isolation, extent.trainer_jobs, advance)]
    targets = [
        Target(
            f"one-line jobs per second: {row['route']} / sandbox, {row['isolation']}s",
            TARGET_RATIO,
            False,
            row["ratio"],
            reason=row["reason"],
        )
        for row in rows
    ]
    return Findings(targets, {"jobs": extent.trainer_jobs, "rows": rows})


def _measure_isolation(isolation: str, jobs: int, advance: AdvanceProgress) -> list[dict[str, Any]]:
    """Measure every route, with the rate of the sandbox before and after it. A route that fails has a reason."""
    rows = []
    with ExitStack() as stack:
        service = stack.enter_context(whole_stack(pyxec_isolation=isolation))
        own = sandbox_loop(stack.enter_context(sandbox_under_test(_FLOOR, _CEILING, ["python"], isolation)))
        before = _measure_sandbox(own, advance)
        for route, run in _ROUTES.items():
            rate, reason = _measure_route(run, HttpCalls(service.url), jobs)
            advance()
            after = _measure_sandbox(own, advance)
            sandbox_rate = (before + after) / 2
            ratio = None if rate is None else rate / sandbox_rate
            row = {"isolation": isolation, "route": route, "rate": rate, "sandbox": sandbox_rate}
            rows.append({**row, "ratio": ratio, "reason": reason})
            before = after
    return rows


def _measure_route(run: Callable[[HttpCalls, int], None], http: HttpCalls, jobs: int) -> tuple[float | None, str]:
    """Return the jobs per second, or None and why a request failed."""
    started_at = time.monotonic()
    try:
        run(http, jobs)
    except PyxecError as e:
        return None, f"a request failed: {e}"
    return jobs / (time.monotonic() - started_at), ""


def _measure_sandbox(own: Job, advance: AdvanceProgress) -> float:
    rate = jobs_per_second(own, THREADS, _SANDBOX_SECONDS)
    advance()
    return rate


def _table(measurements: Measurements) -> str:
    head = ["| route | isolation | jobs per second | sandbox | ratio |", "|---|---|---:|---:|---:|"]
    rows = [
        f"| {row['route']} | {row['isolation']} | {_format(row['rate'], 1)} | {row['sandbox']:.1f} | "
        f"{_format(row['ratio'], 2)} |"
        for row in measurements["rows"]
    ]
    return "\n".join([*head, *rows, f"\n{measurements['jobs']} jobs for each row."])


def _format(value: float | None, digits: int) -> str:
    return "not measured" if value is None else f"{value:.{digits}f}"


def _plot(measurements: Measurements) -> str:
    rows = {}
    for row in measurements["rows"]:
        if row["rate"] is not None:
            rows[f"{row['route']}, {row['isolation']}s"] = {"median": row["rate"]}
        rows[f"sandbox, {row['isolation']}s"] = {"median": row["sandbox"]}
    return bars("One-line jobs per second of a trainer", "", rows)


PART: Final = Part(
    title="Trainers",
    about=f"""\
One-line Python jobs, as trainers for reinforcement learning send them. Through SandboxFusion's route, {CLIENTS} clients
keep a request open at any time and give up after {READ_SECONDS:g} s, as the client of SandboxFusion is used. The
streamed batch is one request. The rate contains the first and the last job. It is compared with the rate of the sandbox
alone, without API, queue and clients, on the same two cores: the same pool with {THREADS} threads, before and after. A
row is not measured if a request fails or is late.""",
    steps=lambda extent: len(STACKS) * (1 + 2 * len(_ROUTES)),
    measure=_measure,
    table=_table,
    plots={"trainers": _plot},
)
