"""POST /execute: run a program and return its result."""

from __future__ import annotations

import falcon
import msgspec
from falcon.asgi import Response
from msgspec import UNSET, UnsetType

from app.core.languages import LanguageInfo
from app.core.outcomes import COMPILE, PhaseReport
from app.http.body import read_json_body
from app.http.compat.piston.authentication import read_piston_key
from app.http.compat.piston.execution_request import decode_json, read_execution_request
from app.http.compat.piston.runtimes import runtime_names, runtime_version, to_semver
from app.http.compat.piston.stages import StageView, create_failed_stage, create_stage_view
from app.http.jobs.submissions import CompletedJob, UnfinishedJob
from app.http.jobs.transcript import Transcript
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services
from app.http.v1.views import job_path

__all__ = ["ExecuteResource"]


class ExecutionView(msgspec.Struct, frozen=True, kw_only=True):
    """A finished execution. If only the compiler ran, ``run`` repeats its stage: older clients read only ``run``."""

    language: str
    version: str
    run: StageView
    compile: StageView | UnsetType = UNSET


class ExecuteResource:
    """Executions. An execution is a job, which continues after its client has disconnected."""

    read_key = staticmethod(read_piston_key)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_post(self, request: Request, response: Response) -> None:
        """Return 200 with the result of every stage, or 504 if the job takes too long. ``Location`` is the job."""
        services, caller = self._services, request.caller
        settings = services.settings
        async with services.submissions.charge_on_rejection(caller, response):
            body = await read_json_body(request, settings.max_body_bytes, settings.body_seconds)
            execution = await read_execution_request(
                decode_json(body),
                services.languages,
                caller,
                interactive=False,
                any_version=settings.piston_any_version,
            )
            job = await services.submissions.resolve(execution.job_request, caller, request_id=request.request_id)
        async with request.disconnect_task() as disconnected:
            outcome = await services.submissions.submit_and_wait(
                job,
                caller,
                settings.max_wait_seconds,
                lambda: disconnected.done() or services.lifecycle.stopping,
                response,
            )
        response.set_header("Location", job_path(job.id))
        if isinstance(outcome, UnfinishedJob):
            raise falcon.HTTPGatewayTimeout(description=f"the program has not finished: see {job_path(job.id)}")
        transcript = outcome.transcript
        view = _create_view(outcome, execution.language)
        send_json(response, 200, view, transcript.texts, transcript.reservation)


def _create_view(completed: CompletedJob, language: LanguageInfo) -> ExecutionView:
    result = completed.record.result
    assert result is not None, "a completed job has a result"
    stages = {report.name: _create_stage(report, completed.transcript) for report in result.phases}
    return ExecutionView(
        language=runtime_names(language)[0],
        version=runtime_version(language) if result.version is None else to_semver(result.version),
        run=next(reversed(stages.values()), None) or create_failed_stage(result.message),
        compile=stages.get(COMPILE, UNSET),
    )


def _create_stage(report: PhaseReport, transcript: Transcript) -> StageView:
    output = transcript.compile if report.name == COMPILE else transcript.run
    return create_stage_view(report, output, transcript.texts)
