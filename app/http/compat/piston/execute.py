"""POST /execute: run a program, and answer with what it did."""

from __future__ import annotations

import falcon
import msgspec
from falcon.asgi import Response
from msgspec import UNSET, UnsetType

from app.core.languages import LanguageInfo
from app.core.outcomes import COMPILE, PhaseReport
from app.core.results import JobResult
from app.http.body import read_json_body
from app.http.compat.piston.errors import piston_key
from app.http.compat.piston.request import read_body, read_execution
from app.http.compat.piston.runtimes import names_of, version_of
from app.http.compat.piston.stages import StageView, no_stage, stage_view
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services
from app.http.submissions import CompletedJob, UnfinishedJob
from app.http.transcript import Transcript
from app.http.v1.views import job_path

__all__ = ["ExecuteResource"]


class ExecutionView(msgspec.Struct, frozen=True, kw_only=True):
    """An execution. ``run`` is the compiler's stage again when there was no other: older clients look only there."""

    language: str
    version: str
    run: StageView
    compile: StageView | UnsetType = UNSET


class ExecuteResource:
    """Executions. Each is a job like any other: it does not end with the connection that waits for it."""

    read_key = staticmethod(piston_key)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_post(self, request: Request, response: Response) -> None:
        """200 and what every stage did; the job's own address is in ``Location``."""
        services, caller = self._services, request.caller
        async with services.submissions.charging(caller, response):
            body = await read_json_body(request, services.settings.max_body_bytes, services.settings.body_seconds)
            asked = await read_execution(read_body(body), services.languages, caller, interactive=False)
            job = await services.submissions.resolve(asked.request, caller, request_id=request.request_id)
        async with request.disconnect_task() as gone:
            outcome = await services.submissions.submit_and_wait(
                job,
                caller,
                services.settings.max_wait_seconds,
                lambda: gone.done() or services.lifecycle.stopping,
                response,
            )
        response.set_header("Location", job_path(job.id))
        if isinstance(outcome, UnfinishedJob):
            raise falcon.HTTPGatewayTimeout(description=f"it has not ended yet: it goes on as {job_path(job.id)}")
        send_json(response, 200, _execution_view(outcome, asked.language))


def _execution_view(ended: CompletedJob, language: LanguageInfo) -> ExecutionView:
    result = ended.record.result
    assert result is not None, "a job that has ended has its result"
    stages = {report.name: _stage(report, ended.transcript) for report in result.phases}
    return ExecutionView(
        language=names_of(language)[0],
        version=result.version or version_of(language),
        run=_last(stages, result),
        compile=stages.get(COMPILE, UNSET),
    )


def _stage(report: PhaseReport, transcript: Transcript) -> StageView:
    return stage_view(report, transcript.compile if report.name == COMPILE else transcript.run)


def _last(stages: dict[str, StageView], result: JobResult) -> StageView:
    return next(reversed(stages.values()), None) or no_stage(result.message)
