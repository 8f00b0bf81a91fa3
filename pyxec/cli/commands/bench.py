"""``pyxec bench``: measures throughput and latency of a service with small programs."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

if TYPE_CHECKING:
    from rich.progress import Progress

    from pyxec import AsyncClient, Language

__all__ = ["bench"]


def bench(
    count: Annotated[int, typer.Option("--jobs", min=1, max=100_000, help="Number of jobs.")] = 100,
    concurrency: Annotated[int, typer.Option("--concurrency", "-c", min=1, max=1000, help="Concurrent jobs.")] = 4,
    language: Annotated[str, typer.Option("--language", "-l", help="Language whose template is run.")] = "python",
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Run a small program many times and report jobs per second and latencies, from request to result.

    The values include the time of this client and of the network. Exits with 1 if a job has another outcome than ok.
    """
    from pyxec.cli.json_output import print_json

    report = asyncio.run(_measure(url, language, count, concurrency))
    if as_json:
        print_json(report)
    else:
        _print(report)
    raise typer.Exit(0 if report["outcomes"].keys() == {"ok"} else 1)


async def _measure(url: str, name: str, count: int, concurrency: int) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import Progress

    from pyxec import AsyncClient

    # The progress bar is drawn twice a second, so that it does not disturb the measurement.
    with Progress(console=Console(stderr=True), transient=True, refresh_per_second=2) as progress:
        async with AsyncClient(url) as client:
            language = _find_language(name, await client.languages())
            await client.run(language.id, language.template)  # warm-up: connections and the first sandbox
            runs = _LoadGenerator(client, language, count, progress)
            started = time.perf_counter()
            await asyncio.gather(*(runs.work() for _ in range(min(concurrency, count))))
            seconds = time.perf_counter() - started
    return {"language": language.id, "concurrency": concurrency, **runs.report(seconds)}


def _find_language(name: str, languages: tuple[Language, ...]) -> Language:
    from pyxec.errors import InvalidJob

    for language in languages:
        if name in (language.id, *language.aliases):
            return language
    raise InvalidJob(f"--language: must be one of {', '.join(language.id for language in languages)}")


class _LoadGenerator:
    """Runs a number of jobs from several tasks and records their latencies."""

    def __init__(self, client: AsyncClient, language: Language, count: int, progress: Progress) -> None:
        self._client = client
        self._language = language
        self._remaining = count
        self._progress = progress
        self._bar = progress.add_task("running jobs", total=count)
        self._latencies_ms: list[float] = []
        self._outcomes: Counter[str] = Counter()

    async def work(self) -> None:
        """Run jobs one after another until none is left to start."""
        while self._remaining:
            self._remaining -= 1
            started = time.perf_counter()
            result = await self._client.run(self._language.id, self._language.template)
            self._latencies_ms.append((time.perf_counter() - started) * 1000)
            self._outcomes[result.outcome] += 1
            self._progress.advance(self._bar)

    def report(self, seconds: float) -> dict[str, Any]:
        """Return the results. Percentiles are nearest-rank; ``seconds`` is the duration of the whole run."""
        ordered = sorted(self._latencies_ms)
        points = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
        return {
            "jobs": len(ordered),
            "seconds": round(seconds, 3),
            "jobs_per_second": round(len(ordered) / seconds, 2),
            "latency_ms": {name: round(_percentile(ordered, share), 2) for name, share in points.items()},
            "outcomes": dict(self._outcomes),
        }


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[math.ceil(len(ordered) * share) - 1]


def _print(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", report["language"])
    for name in ("jobs", "concurrency", "seconds", "jobs_per_second"):
        table.add_row(name.replace("_", " "), str(report[name]))
    for name, latency in report["latency_ms"].items():
        table.add_row(f"latency {name}", f"{latency} ms")
    for outcome, count in report["outcomes"].items():
        table.add_row(outcome, str(count))
    Console().print(table)
