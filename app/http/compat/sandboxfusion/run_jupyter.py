"""POST /run_jupyter: run the cells of a notebook in one interpreter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest, UnknownLanguage
from app.core.job.spec import FileRequest, JobRequest
from app.core.job.submission import NewJob
from app.core.limits import MIB
from app.core.outcomes import RUN
from app.http.compat.authentication import read_basic_key
from app.http.compat.execution import execute, send_completed
from app.http.compat.sandboxfusion.results import (
    CommandView,
    RunStatus,
    create_command_view,
    describe_stop,
    find_service_error,
    read_files,
)
from app.http.compat.sandboxfusion.run_request import (
    convert_files,
    convert_limits,
    normalize_fetched_files,
    translate_error,
)
from app.http.jobs.submissions import CompletedJob
from app.http.jobs.transcript import PhaseOutput
from app.http.request import Request
from app.http.services import Services

__all__ = ["RunJupyterResource"]

_DRIVER_NAME: Final = ".notebook_driver.py"
_DRIVER: Final = Path(__file__).with_name("notebook_driver.py").read_text()
#: The results of all cells with their images.
_OUTPUT_BYTES: Final = 16 * MIB
_PYTHON: Final = "python"


class RunJupyterRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request. Unknown fields are ignored, as in SandboxFusion. Times are in seconds."""

    cells: list[str]
    cell_timeout: float = 0
    total_timeout: float = 45
    memory_limit_MB: int = -1  # noqa: N815 - the name of the field
    kernel: Literal["python3"] = "python3"
    files: dict[str, str] = {}
    fetch_files: list[str] = []


class CellView(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a cell.

    Attributes:
        display: The value of its last expression and everything that it displays: the data by MIME type.
        error: Its exception with ``ename``, ``evalue`` and ``traceback``.
    """

    stdout: str
    stderr: str
    display: list[dict[str, Any]]
    error: list[dict[str, Any]]


class RunJupyterView(msgspec.Struct, frozen=True, kw_only=True):
    """The response. ``driver`` is the process of the interpreter."""

    status: RunStatus
    message: str = ""
    driver: CommandView | None = None
    cells: list[CellView] = []
    executor_pod_name: str | None = None
    files: dict[str, str] = {}


_DECODER: Final = msgspec.json.Decoder(RunJupyterRequest, strict=False)
_CELL_DECODER: Final = msgspec.json.Decoder(CellView)


class RunJupyterResource:
    """Executions of notebooks. Each is a job, which is cancelled if its client disconnects."""

    read_key = staticmethod(read_basic_key)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_post(self, request: Request, response: Response) -> None:
        """Return 200 with the results of the cells. ``Location`` is the job."""
        services = self._services
        body, completed = await execute(services, request, response, _DECODER, self._create_job)
        files, missing = await read_files(services.jobs, completed.record.id, completed.record.result)
        send_completed(response, _create_view(completed, len(body.cells), files, missing), completed)

    async def _create_job(self, body: RunJupyterRequest, request: Request) -> NewJob:
        try:
            limits = convert_limits(body.total_timeout, body.memory_limit_MB, _OUTPUT_BYTES, request.caller)
            files = [file for file in convert_files(body.files) if file.name != _DRIVER_NAME]
            job_request = JobRequest(
                language=_PYTHON,
                files=(FileRequest(name=_DRIVER_NAME, content=_DRIVER), *files),
                stdin=msgspec.json.encode({"cells": body.cells, "cell_timeout": body.cell_timeout}).decode(),
                limits=limits,
                artifacts=normalize_fetched_files(body.fetch_files),
            )
            job = await self._services.submissions.resolve(job_request, request.caller, request_id=request.request_id)
        except UnknownLanguage:
            raise
        except InvalidRequest as e:
            raise _translate_error(e) from e
        return job


def _translate_error(error: InvalidRequest) -> InvalidRequest:
    translated = translate_error(error)
    field = {"run_timeout": "total_timeout", "stdin": "cells"}.get(translated.field, translated.field)
    return InvalidRequest(field, translated.reason)


def _create_view(completed: CompletedJob, cell_count: int, files: dict[str, str], missing: str) -> RunJupyterView:
    result, transcript = completed.record.result, completed.transcript
    assert result is not None, "a completed job has a result"
    if error := find_service_error(result):
        return RunJupyterView(status=RunStatus.SANDBOX_ERROR, message=error)
    cells = list(_read_cells(transcript.run.stdout))[:cell_count]
    driver_output = PhaseOutput()
    driver_output.stderr = transcript.run.stderr
    report = next(report for report in result.phases if report.name == RUN)
    driver = create_command_view(report, driver_output, transcript.texts)
    return RunJupyterView(
        status=RunStatus.SUCCESS if len(cells) == cell_count and driver.return_code == 0 else RunStatus.FAILED,
        message=describe_stop(result.phases) or missing,
        driver=driver,
        cells=cells,
        files=files,
    )


def _read_cells(output: bytearray) -> Iterator[CellView]:
    """Yield the results of the finished cells. A cell can write to the output of the driver, too."""
    for line in output.splitlines():
        try:
            yield _CELL_DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return
