"""POST /exec: run a program with files below /mnt/data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

import falcon
import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest, UnknownLanguage
from app.core.job.results import JobResult
from app.core.job.spec import FileRequest, JobRequest
from app.core.languages import LanguageInfo
from app.core.outcomes import COMPILE, Outcome
from app.core.workspaces import Workspace
from app.http.compat.authentication import read_key_header
from app.http.compat.execution import read_body, run_to_completion, send_completed
from app.http.compat.librechat.sessions import FileReference, FileView, InputFile, SessionFiles, create_file_id
from app.http.jobs.submissions import CompletedJob
from app.http.large_texts import TextForm
from app.http.request import Request
from app.http.services import Services

__all__ = ["ExecuteResource", "ProgramNotRun"]

#: LibreChat's language names.
_LANGUAGES: Final[Mapping[str, str]] = {
    "py": "python",
    "js": "javascript",
    "ts": "typescript",
    "c": "c",
    "cpp": "cpp",
    "java": "java",
    "php": "php",
    "rs": "rust",
    "go": "go",
    "d": "d",
    "f90": "fortran",
    "r": "r",
    "bash": "bash",
}
#: Outcomes of programs that ended by themselves. All others are described in ``stderr``.
_ENDED: Final = frozenset({Outcome.OK, Outcome.NONZERO_EXIT, Outcome.COMPILE_ERROR})
# Field of a job request -> field of a request.
_FIELDS: Final[Mapping[str, str]] = {"language": "lang"}


class ProgramNotRun(falcon.HTTPServiceUnavailable):
    """The service could not run the program. The request can be sent again."""

    def __init__(self) -> None:
        super().__init__(description="the service could not run the program", retry_after=5)


class ExecuteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request. Unknown fields are ignored, for example ``user_id`` and ``runtime_session_hint``."""

    lang: str
    code: str
    args: list[str] | None = None
    files: list[FileReference] | None = None


class ExecuteView(msgspec.Struct, frozen=True, kw_only=True):
    """The response. ``files`` are the files that the program created or changed, and unchanged inputs."""

    session_id: str
    stdout: str
    stderr: str
    files: list[FileView]
    deleted_files: list[str]


_DECODER: Final = msgspec.json.Decoder(ExecuteRequest)


class ExecuteResource:
    """Executions. Each is a job in a workspace of its own, which is cancelled if its client disconnects."""

    read_key = staticmethod(read_key_header)

    def __init__(self, services: Services, sessions: SessionFiles) -> None:
        self._services = services
        self._sessions = sessions

    async def on_post(self, request: Request, response: Response) -> None:
        """Return 200 with the output and the files, whether the program succeeds or not. ``Location`` is the job."""
        services, caller = self._services, request.caller
        async with services.submissions.charge_on_rejection(caller, response):
            body = await read_body(services, request, _DECODER)
            language = await self._find_language(body.lang)
            inputs = await self._sessions.find_inputs(body.files or (), caller)
        workspace = await self._sessions.copy(inputs, caller)
        is_kept = False
        try:
            completed = await self._run(body, language, workspace, request, response)
            view = _create_view(completed, workspace, inputs)
            is_kept = any(file.storage_session_id == workspace.id for file in view.files)
        finally:
            if not is_kept:
                await self._sessions.discard(workspace.id, caller)
        send_completed(response, view, completed)

    async def _run(
        self, body: ExecuteRequest, language: LanguageInfo, workspace: Workspace, request: Request, response: Response
    ) -> CompletedJob:
        services = self._services
        async with services.submissions.charge_on_rejection(request.caller, response):
            job_request = JobRequest(
                language=language.id,
                files=(FileRequest(name=_choose_file_name(language, workspace), content=body.code),),
                args=tuple(body.args or ()),
                workspace=workspace.id,
            )
            try:
                job = await services.submissions.resolve(job_request, request.caller, request_id=request.request_id)
            except InvalidRequest as e:
                field = "code" if e.field.startswith("files") else _FIELDS.get(e.field, e.field)
                raise InvalidRequest(field, e.reason) from e
        completed = await run_to_completion(services, job, request, response)
        result = completed.record.result
        if result is None or not result.phases:
            raise ProgramNotRun
        return completed

    async def _find_language(self, name: str) -> LanguageInfo:
        installed = await self._services.languages.accepted()
        language = installed.get(_LANGUAGES.get(name, ""))
        if language is None:
            names = ", ".join(name for name, language_id in _LANGUAGES.items() if language_id in installed)
            raise UnknownLanguage("lang", f"must be one of: {names}")
        return language


def _choose_file_name(language: LanguageInfo, workspace: Workspace) -> str:
    """Return a name for the code that no input has."""
    name = language.file_name
    while name in workspace.files:
        path = PurePosixPath(name)
        name = f"code_{path.stem}{path.suffix}"
    return name


def _create_view(completed: CompletedJob, workspace: Workspace, inputs: Mapping[str, InputFile]) -> ExecuteView:
    result, transcript = completed.record.result, completed.transcript
    assert result is not None, "a completed job has a result"
    report = result.workspace
    changed = () if report is None else report.changed
    deleted = [] if report is None else list(report.deleted)
    stderr = transcript.compile.stderr + transcript.run.stderr
    if result.phases[-1].name == COMPILE:
        stderr = transcript.compile.stdout + stderr
    note = _describe_end(result)
    if note and stderr and not stderr.endswith(b"\n"):
        stderr += b"\n"
    files = [
        FileView(id=create_file_id(path), name=path, storage_session_id=workspace.id, session_id=workspace.id)
        for path in changed
    ]
    files += [
        FileView(
            id=file.reference.id,
            name=path,
            storage_session_id=file.reference.session,
            session_id=file.reference.session,
            inherited=True,
        )
        for path, file in inputs.items()
        if path not in changed and path not in deleted
    ]
    return ExecuteView(
        session_id=workspace.id,
        stdout=transcript.texts.add(transcript.run.stdout, TextForm.REPLACED),
        stderr=transcript.texts.add(stderr + note.encode(), TextForm.REPLACED),
        files=files,
        deleted_files=deleted,
    )


def _describe_end(result: JobResult) -> str:
    """Return why a program was stopped, and why its files were not kept."""
    lines = [] if result.outcome in _ENDED else [result.message]
    if result.workspace is not None and result.workspace.error is not None:
        lines.append(f"the files were not kept: {result.workspace.error}")
    return "".join(f"{line}\n" for line in lines)
