"""POST /run_code: run a program and return its result."""

from __future__ import annotations

from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest, UnknownLanguage
from app.core.job.submission import NewJob
from app.http.compat.authentication import read_basic_key
from app.http.compat.execution import execute, send_completed
from app.http.compat.sandboxfusion.results import create_run_view, read_files
from app.http.compat.sandboxfusion.run_request import RunCodeRequest, convert_request, translate_error
from app.http.request import Request
from app.http.services import Services

__all__ = ["RunCodeResource"]

_DECODER: Final = msgspec.json.Decoder(RunCodeRequest, strict=False)


class RunCodeResource:
    """Executions of programs. Each is a job, which is cancelled if its client disconnects."""

    read_key = staticmethod(read_basic_key)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_post(self, request: Request, response: Response) -> None:
        """Return 200 with the result of the compiler and the program. ``Location`` is the job."""
        services = self._services
        _, completed = await execute(services, request, response, _DECODER, self._create_job)
        files, missing = await read_files(services.jobs, completed.record.id, completed.record.result)
        send_completed(response, create_run_view(completed, files, missing), completed)

    async def _create_job(self, body: RunCodeRequest, request: Request) -> NewJob:
        services = self._services
        installed = {info.id: info for info in (await services.languages.accepted()).values()}
        try:
            job_request, invocation = convert_request(body, installed, request.caller)
            job = await services.submissions.resolve(job_request, request.caller, request_id=request.request_id)
        except UnknownLanguage:
            raise
        except InvalidRequest as e:
            raise translate_error(e) from e
        spec = msgspec.structs.replace(job.spec, invocation=invocation)
        return msgspec.structs.replace(job, spec=spec)
