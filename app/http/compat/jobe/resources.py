"""The resources of Jobe's API: runs, languages and files, and its error format."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import falcon
import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest, NotAuthenticated, NotFound, SubmissionRejected
from app.core.files import FileReference
from app.core.job.spec import FileRequest, JobRequest
from app.core.job.submission import NewJob
from app.http.compat.authentication import read_key_header
from app.http.compat.execution import execute, read_body, send_completed
from app.http.compat.jobe.languages import list_languages
from app.http.compat.jobe.results import RunOutcome, RunView, create_run_view
from app.http.compat.jobe.run_spec import RunSpec, check_file_id, decode_run_spec
from app.http.errors import ErrorResponse, Problem
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services
from app.store.languages import LanguageStore

__all__ = ["JOBE_PREFIX", "format_jobe_error", "jobe_routes"]

JOBE_PREFIX: Final = "/jobe/index.php/restapi"
_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder()
#: Start of the aliases of files, which other APIs have as well.
_ALIAS: Final = "jobe/"


class RunsResource:
    """Runs of programs. Each is a job, which is cancelled if its client disconnects."""

    read_key = staticmethod(read_key_header)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_post(self, request: Request, response: Response) -> None:
        """Return 200 with the result of a run; 404 if a file is missing, so that the client uploads its files."""
        try:
            await self._run(request, response)
        except SubmissionRejected:
            send_json(response, 200, RunView(run_id=None, outcome=RunOutcome.SERVER_OVERLOAD))

    async def _run(self, request: Request, response: Response) -> None:
        _, completed = await execute(self._services, request, response, _DECODER, self._create_job)
        send_completed(response, create_run_view(completed), completed)

    async def _create_job(self, body: Any, request: Request) -> NewJob:
        run = decode_run_spec(body, request.caller)
        info = (await self._services.languages.accepted()).get(run.language.id)
        if info is None:
            raise falcon.HTTPBadRequest(description=f"Language '{run.language.id}' is not installed")
        entrypoint, parameters = run.language.name_file(run.file_name, info), run.parameters
        arguments = parameters.run_arguments
        if not run.language.takes_interpreter_arguments:
            arguments = (*parameters.interpreter_arguments, *arguments)
        job_request = JobRequest(
            language=info.id,
            files=(FileRequest(name=entrypoint, content=run.source), *await self._find_files(run, entrypoint, request)),
            entrypoint=entrypoint,
            stdin=run.input,
            args=arguments,
            limits=parameters.limits,
        )
        try:
            job = await self._services.submissions.resolve(job_request, request.caller, request_id=request.request_id)
        except InvalidRequest as e:
            if e.field.endswith(".file_id"):  # it has expired since it was found
                raise _missing_file() from e
            raise falcon.HTTPBadRequest(description=f"{e.field}: {e.reason}") from e
        invocation = run.language.create_invocation(
            entrypoint,
            (*parameters.compile_arguments, *parameters.link_arguments),
            parameters.interpreter_arguments,
            all_files=any(file.is_source for file in run.files),
        )
        invocation = msgspec.structs.replace(invocation, file_bytes=parameters.file_bytes)
        return msgspec.structs.replace(job, spec=msgspec.structs.replace(job.spec, invocation=invocation))

    async def _find_files(self, run: RunSpec, entrypoint: str, request: Request) -> list[FileRequest]:
        """Return the files of a run by their names. The last one with a name is used."""
        files: dict[str, FileRequest] = {}
        for file in run.files:
            try:
                record = await self._services.files.find_alias(_ALIAS + file.id, request.caller.owner)
            except NotFound as e:
                raise _missing_file() from e
            files[file.name] = FileRequest(name=file.name, content=FileReference(file_id=record.id))
        files.pop(entrypoint, None)
        return list(files.values())


class LanguagesResource:
    """The installed languages."""

    read_key = staticmethod(read_key_header)

    def __init__(self, languages: LanguageStore) -> None:
        self._languages = languages

    async def on_get(self, request: Request, response: Response) -> None:
        """Return 200 with the id and the version of each language."""
        send_json(response, 200, list_languages(await self._languages.accepted()))

    on_head = on_get


class FileResource:
    """A file with an id that the client has chosen, by convention the MD5 of its content."""

    read_key = staticmethod(read_key_header)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_put(self, request: Request, response: Response, file_id: str) -> None:
        """Store a file, and send 204. It replaces the file with the same id."""
        services = self._services
        alias = _ALIAS + check_file_id(file_id)
        await services.submissions.charge_upload(request.caller)
        body = await read_body(services, request, _DECODER)
        contents = body.get("file_contents") if isinstance(body, dict) else None
        if not isinstance(contents, str):
            raise falcon.HTTPBadRequest(description="put: missing file_contents parameter")
        try:
            data = base64.b64decode(contents, validate=True)
        except (binascii.Error, ValueError) as e:
            message = f"put: contents of file {file_id} are not valid base-64"
            raise falcon.HTTPBadRequest(description=message) from e
        await services.files.put_alias(alias, request.caller, data, file_id)
        response.status = 204

    async def on_head(self, request: Request, response: Response, file_id: str) -> None:
        """Send 204 if the file exists, else 404."""
        await self._services.files.find_alias(_ALIAS + check_file_id(file_id), request.caller.owner)
        response.status = 204


def jobe_routes(services: Services) -> dict[str, object]:
    """Return the resource of each URI template."""
    return {
        f"{JOBE_PREFIX}/runs": RunsResource(services),
        f"{JOBE_PREFIX}/languages": LanguagesResource(services.languages),
        f"{JOBE_PREFIX}/files/{{file_id}}": FileResource(services),
    }


def format_jobe_error(problem: Problem, error: Exception) -> ErrorResponse:
    """Format an error as a JSON string. An invalid API key has the status 403, which CodeRunner expects."""
    status = 403 if isinstance(error, NotAuthenticated) else problem.status
    return ErrorResponse(status, problem.detail)


def _missing_file() -> falcon.HTTPNotFound:
    return falcon.HTTPNotFound(description="One or more of the specified files is missing/unavailable")
