"""POST /v1/sandbox/run: run the program of a code node."""

from __future__ import annotations

import signal
from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest, UnknownLanguage
from app.core.job.spec import JobRequest
from app.core.job.submission import NewJob
from app.core.outcomes import PhaseReport, StopReason
from app.http.compat.authentication import read_key_header
from app.http.compat.dify.responses import Envelope, UnsupportedLanguage
from app.http.compat.execution import execute, send_completed
from app.http.jobs.submissions import CompletedJob
from app.http.large_texts import TextForm
from app.http.request import Request
from app.http.services import Services

__all__ = ["LANGUAGES", "RunResource"]

#: Dify's language names.
LANGUAGES: Final = {"python3": "python", "nodejs": "javascript"}
#: The service could not run the program.
_INTERNAL_ERROR: Final = -500


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request. Unknown fields are ignored, as in Dify's sandbox.

    Attributes:
        preload: Runs before the code.
        enable_network: Has no effect: programs never have a network. Code nodes always set it.
    """

    language: str = ""
    code: str = ""
    preload: str = ""
    enable_network: bool = False


class OutputView(msgspec.Struct, frozen=True, kw_only=True):
    """The output. ``error`` contains the standard error, and how the program ended if it did not succeed."""

    error: str
    stdout: str


_DECODER: Final = msgspec.json.Decoder(RunRequest)


class RunResource:
    """Executions of programs. Each is a job, which is cancelled if its client disconnects."""

    read_key = staticmethod(read_key_header)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_post(self, request: Request, response: Response) -> None:
        """Return 200 with the output of the program, whether it succeeds or not. ``Location`` is the job."""
        _, completed = await execute(self._services, request, response, _DECODER, self._create_job)
        send_completed(response, _create_view(completed), completed)

    async def _create_job(self, body: RunRequest, request: Request) -> NewJob:
        for name in ("language", "code"):
            if not getattr(body, name):
                raise InvalidRequest(name, "is required")
        language = LANGUAGES.get(body.language)
        if language is None:
            raise UnsupportedLanguage("language", "unsupported language")
        source = f"{body.preload}\n{body.code}" if body.preload else body.code
        job_request = JobRequest(language=language, source=source)
        try:
            return await self._services.submissions.resolve(job_request, request.caller, request_id=request.request_id)
        except UnknownLanguage as e:
            raise UnsupportedLanguage("language", "unsupported language: it is not installed") from e
        except InvalidRequest as e:
            raise InvalidRequest("code" if e.field == "source" else e.field, e.reason) from e


def _create_view(completed: CompletedJob) -> Envelope:
    result, transcript = completed.record.result, completed.transcript
    assert result is not None, "a completed job has a result"
    if not result.phases:
        return Envelope(code=_INTERNAL_ERROR, message=result.message)
    error = transcript.run.stderr + _describe_end(result.phases[-1]).encode()
    return Envelope(
        data=OutputView(
            error=transcript.texts.add(error, TextForm.REPLACED),
            stdout=transcript.texts.add(transcript.run.stdout, TextForm.REPLACED),
        )
    )


def _describe_end(report: PhaseReport) -> str:
    """Return the line that Dify's sandbox appends to the standard error of a program that failed."""
    match report.stopped_by:
        case StopReason.WALL_TIME | StopReason.CPU_TIME:
            return "error: timeout\n"
        case StopReason.OUTPUT:
            return "error: output limit exceeded\n"
        case StopReason.CANCELLED:
            return "error: cancelled\n"
    if report.oom_kills or report.heap_exhausted:
        return "error: memory limit exceeded\n"
    if report.start_error is not None:
        return f"error: {report.start_error}\n"
    if report.signal is not None:
        return f"error: signal: {(signal.strsignal(report.signal) or str(report.signal)).lower()}\n"
    return f"error: exit status {report.exit_code}\n" if report.exit_code else ""
