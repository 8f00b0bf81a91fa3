"""GET /workers and /statistics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from falcon.asgi import Response

from app.core.outcomes import Outcome
from app.core.timestamps import format_timestamp
from app.http.compat.judge0.authentication import Judge0Resource
from app.http.compat.judge0.language_ids import offers_of
from app.http.compat.judge0.statuses import STATUSES, Status
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services
from app.store.administration import Administration

__all__ = ["StatisticsResource", "WorkersResource"]

_JOBS_QUEUE: Final = "jobs"
_JOBS_METRIC: Final = "pyxec_jobs_total"
# Which signal, or what was expected, is not counted.
_STATUSES: Final[Mapping[Outcome, Status]] = {
    Outcome.OK: Status.ACCEPTED,
    Outcome.NONZERO_EXIT: Status.RUNTIME_ERROR_NZEC,
    Outcome.SIGNALED: Status.RUNTIME_ERROR_OTHER,
    Outcome.COMPILE_ERROR: Status.COMPILATION_ERROR,
    Outcome.WALL_TIME_LIMIT: Status.TIME_LIMIT_EXCEEDED,
    Outcome.CPU_TIME_LIMIT: Status.TIME_LIMIT_EXCEEDED,
    Outcome.MEMORY_LIMIT: Status.RUNTIME_ERROR_OTHER,
    Outcome.OUTPUT_LIMIT: Status.RUNTIME_ERROR_SIGXFSZ,
    Outcome.CANCELLED: Status.RUNTIME_ERROR_OTHER,
    Outcome.INFRASTRUCTURE_ERROR: Status.INTERNAL_ERROR,
}


class WorkersResource(Judge0Resource):
    """The queue of jobs, and the processes that take from it."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_get(self, request: Request, response: Response) -> None:
        """One queue. A process counts as working while it holds a job; it may hold several."""
        queues = {queue.name: queue for queue in await self._administration.queues()}
        workers = [worker for worker in await self._administration.workers() if worker.is_alive]
        working = [worker for worker in workers if any(held.queue == _JOBS_QUEUE for held in worker.messages)]
        queue = queues.get(_JOBS_QUEUE)
        body = {
            "queue": _JOBS_QUEUE,
            "size": 0 if queue is None else queue.waiting,
            "available": len(workers),
            "idle": len(workers) - len(working),
            "working": len(working),
            "paused": 0,
            "failed": 0 if queue is None else queue.dead,
        }
        send_json(response, 200, [body])

    on_head = on_get


class StatisticsResource(Judge0Resource):
    """What has been run here, through whatever API, as far as it is counted."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, request: Request, response: Response) -> None:
        """Totals; of single days nothing is counted."""
        languages, statuses = await self._counts()
        now = format_timestamp(self._services.now_ms())
        body = {
            "created_at": now,
            "cached_until": now,
            "submissions": {"total": sum(statuses.values())},
            "languages": await self._by_language(languages),
            "statuses": [
                {"status": {"id": status.value, "name": STATUSES[status]}, "count": count}
                for status, count in statuses.most_common()
            ],
        }
        send_json(response, 200, body)

    on_head = on_get

    async def _counts(self) -> tuple[Counter[str], Counter[Status]]:
        languages: Counter[str] = Counter()
        statuses: Counter[Status] = Counter()
        for sample, value in (await self._services.metrics.read()).items():
            if sample.metric == _JOBS_METRIC:
                outcome, language = sample.labels
                languages[language] += int(value)
                statuses[_STATUSES[Outcome(outcome)]] += int(value)
        return languages, statuses

    async def _by_language(self, counts: Counter[str]) -> list[dict[str, Any]]:
        """Under the name that Judge0 has used for it longest; what has none there is not told."""
        offers = offers_of((await self._services.languages.accepted()).values())
        names = {offer.languages[0].id: offer for offer in reversed(list(offers.values())) if len(offer.languages) == 1}
        return [
            {"language": {"id": names[name].id, "name": names[name].name}, "count": count}
            for name, count in counts.most_common()
            if name in names
        ]
