"""The resources that describe the service: its version, configuration, workers and statistics; and token checks."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from falcon.asgi import Response

from app.core.callers import Caller
from app.core.constraints import MAX_FILES_BYTES
from app.core.outcomes import Outcome
from app.core.timestamps import format_timestamp
from app.http.compat.judge0.language_ids import index_languages_by_judge0_id
from app.http.compat.judge0.limits import KIB, create_limits_config
from app.http.compat.judge0.resource import Judge0Resource
from app.http.compat.judge0.verdict import STATUS_DESCRIPTIONS, Status
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services
from app.store.admin.administration import Administration
from app.store.keys import JOBS_QUEUE

__all__ = [
    "MAX_BATCH_SUBMISSIONS",
    "TEXTS",
    "AboutResource",
    "ConfigResource",
    "StatisticsResource",
    "SystemResource",
    "TextResource",
    "TokenResource",
    "WorkersResource",
]

MAX_BATCH_SUBMISSIONS: Final = 20  # Judge0's default of MAX_SUBMISSION_BATCH_SIZE
_VERSION: Final = "1.13.1"  # of Judge0; clients choose their language ids by it
TEXTS: Final = {
    "version": _VERSION,
    "isolate": "Pyxec: a container of its own for each submission, without a network\n",
    "license": "Pyxec is open source under the MIT License\n",
}
_GIB: Final = 1024**3
_JOBS_METRIC: Final = "pyxec_jobs_total"
# The metric counts outcomes. It has neither signals nor expected outputs.
_OUTCOME_STATUSES: Final[Mapping[Outcome, Status]] = {
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


class AboutResource(Judge0Resource):
    """GET /about."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Return the version of the API, which is Judge0's."""
        about = {"version": _VERSION, "homepage": "", "source_code": "", "maintainer": "Pyxec"}
        send_json(response, 200, about)

    on_head = on_get


class TextResource(Judge0Resource):
    """A plain text: GET /version, /isolate and /license."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def on_get(self, request: Request, response: Response) -> None:
        """Return the text."""
        response.content_type = "text/plain; charset=utf-8"
        response.text = self._text

    on_head = on_get


class TokenResource(Judge0Resource):
    """POST /authenticate and /authorize. The authentication middleware rejects requests with invalid tokens."""

    async def on_post(self, request: Request, response: Response) -> None:
        """Return 200."""
        response.status = 200


class ConfigResource(Judge0Resource):
    """GET /config_info."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Return the configuration that applies to this caller."""
        send_json(response, 200, _create_config(request.caller))

    on_head = on_get


class SystemResource(Judge0Resource):
    """GET /system_info. It describes the gateway's host, which may not be the host of the workers."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Return some of the fields of lscpu and free."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
        system = {"Architecture": platform.machine(), "CPU(s)": str(os.cpu_count()), "Mem": f"{memory:.1f}Gi"}
        send_json(response, 200, system)

    on_head = on_get


class WorkersResource(Judge0Resource):
    """GET /workers: the queue of jobs and its worker processes."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_get(self, request: Request, response: Response) -> None:
        """Return one queue. A worker process that holds one or several jobs is counted once."""
        queues = {queue.name: queue for queue in await self._administration.queues()}
        workers = [worker for worker in await self._administration.workers() if worker.is_alive]
        working = sum(any(message.queue == JOBS_QUEUE for message in worker.messages) for worker in workers)
        queue = queues.get(JOBS_QUEUE)
        body = {
            "queue": JOBS_QUEUE,
            "size": 0 if queue is None else queue.waiting,
            "available": len(workers),
            "idle": len(workers) - working,
            "working": working,
            "paused": 0,
            "failed": 0 if queue is None else queue.dead,
        }
        send_json(response, 200, [body])

    on_head = on_get


class StatisticsResource(Judge0Resource):
    """GET /statistics: the number of jobs of all APIs."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, request: Request, response: Response) -> None:
        """Return the totals by language and by status. There are no numbers by day."""
        languages, statuses = await self._count_jobs()
        now = format_timestamp(self._services.now_ms())
        body = {
            "created_at": now,
            "cached_until": now,
            "submissions": {"total": sum(statuses.values())},
            "languages": await self._create_language_views(languages),
            "statuses": [
                {"status": {"id": status.value, "name": STATUS_DESCRIPTIONS[status]}, "count": count}
                for status, count in statuses.most_common()
            ],
        }
        send_json(response, 200, body)

    on_head = on_get

    async def _count_jobs(self) -> tuple[Counter[str], Counter[Status]]:
        languages: Counter[str] = Counter()
        statuses: Counter[Status] = Counter()
        for sample, value in (await self._services.metrics.read()).items():
            if sample.metric == _JOBS_METRIC:
                outcome, language = sample.labels
                languages[language] += int(value)
                statuses[_OUTCOME_STATUSES[Outcome(outcome)]] += int(value)
        return languages, statuses

    async def _create_language_views(self, counts: Counter[str]) -> list[dict[str, Any]]:
        """Create the views of the languages that have an id of Judge0, with the lowest of their ids."""
        by_id = index_languages_by_judge0_id((await self._services.languages.accepted()).values())
        by_name = {
            language.languages[0].id: language
            for language in reversed(list(by_id.values()))
            if len(language.languages) == 1
        }
        return [
            {"language": {"id": by_name[name].id, "name": by_name[name].name}, "count": count}
            for name, count in counts.most_common()
            if name in by_name
        ]


def _create_config(caller: Caller) -> dict[str, Any]:
    return {
        "maintenance_mode": False,
        "enable_wait_result": True,
        "enable_compiler_options": True,
        "allowed_languages_for_compile_options": [],
        "enable_command_line_arguments": True,
        "enable_submission_delete": True,
        "enable_callbacks": not caller.is_anonymous,
        "callbacks_max_tries": 11,
        "callbacks_timeout": 10.0,
        "enable_additional_files": True,
        "max_queue_size": caller.tier.unfinished_jobs,
        **create_limits_config(caller.tier.ceiling),
        "enable_per_process_and_thread_time_limit": False,
        "allow_enable_per_process_and_thread_time_limit": False,
        "enable_per_process_and_thread_memory_limit": False,
        "allow_enable_per_process_and_thread_memory_limit": False,
        "redirect_stderr_to_stdout": False,
        "max_extract_size": MAX_FILES_BYTES // KIB,
        "enable_batched_submissions": True,
        "max_submission_batch_size": MAX_BATCH_SUBMISSIONS,
        "submission_cache_duration": 0.0,
        "use_docs_as_homepage": False,
        "allow_enable_network": False,
        "enable_network": False,
        "disable_implicit_base64_encoding": True,
    }
