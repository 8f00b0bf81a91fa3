"""The tool ``run_code``: submits a job, reports its output live, and returns its result and files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, Final

import anyio
import msgspec

from pyxec.async_client import AsyncClient
from pyxec.async_job import AsyncJob
from pyxec.errors import NotFound, PyxecError, ServiceFailed
from pyxec.events import Event, Finished, Output
from pyxec.mcp.arguments import NEW_WORKSPACE, RunCode
from pyxec.mcp.text import MAX_TEXT_CHARACTERS, OutputDecoder, truncate_middle
from pyxec.results import Language, Result
from pyxec.waiting import describe_waiting_reason
from pyxec.workspace import AsyncWorkspace

__all__ = ["IMAGE_TYPES", "CodeRun", "ImageFile", "open_workspace", "run_code"]

#: Media types of the images that clients can show, by suffix.
IMAGE_TYPES: Final = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
}  # fmt: skip
MAX_IMAGES: Final = 8
MAX_IMAGE_BYTES: Final = 4 * 1024 * 1024
MAX_PROGRESS_CHARACTERS: Final = 4_000
_FIRST_POLL_SECONDS: Final = 0.02
_MAX_POLL_SECONDS: Final = 0.25
_MAX_SILENT_POLL_SECONDS: Final = 1.0
# How long a job may wait while no worker can run it.
_WAITING_SECONDS: Final = 30.0
_CHECK_WAITING_SECONDS: Final = 5.0
# What the compile commands write, and what interpreters write beside a program.
_NOT_REPORTED: Final = (
    "program", "program.*", "*.class", "*.o", "*.ali", "*.hi", "*.cm[iox]", "__pycache__/*", "*/__pycache__/*",
)  # fmt: skip
_ALL_FILES: Final = ("**",)

ReportProgress = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class ImageFile:
    """An image that a program has written."""

    path: str
    media_type: str
    content: bytes


class CodeRun(msgspec.Struct, frozen=True, kw_only=True):
    """The structured result of ``run_code``.

    Attributes:
        outcome: How the program ended; docs/api.md lists the outcomes.
        message: A sentence about the outcome. After a time-out, it names the limit.
        stdout: Standard output.
        stderr: Standard error, or the output of the compiler if the program was not compiled.
        exit_code: None if the program has not exited by itself.
        duration_seconds: Wall-clock time of all phases.
        files: The files that the program has left. With a workspace, those that it has created or changed.
        workspace: The workspace, if there is one.
        notices: What is missing in this result, and why.
    """

    outcome: str
    message: str
    stdout: str
    stderr: str
    exit_code: int | None
    duration_seconds: float
    files: list[str]
    workspace: str | None = None
    notices: list[str] = []


async def run_code(
    client: AsyncClient,
    arguments: RunCode,
    languages: Sequence[Language],
    report_progress: ReportProgress,
    idempotency_key: str | None = None,
) -> tuple[CodeRun, list[ImageFile]]:
    """Run a program. If the task is cancelled, the program is killed.

    Args:
        client: Client of the service.
        arguments: The arguments of the tool.
        languages: The installed languages.
        report_progress: Called with each new piece of output.
        idempotency_key: Key of the submission; None for a new one.

    Raises:
        PyxecError: The arguments are invalid, or the service is not available.
    """
    language = _find_language(arguments.language, languages)
    async with AsyncExitStack() as stack:
        workspace_id = None
        if arguments.workspace is not None:
            workspace_id = (await stack.enter_async_context(open_workspace(client, arguments.workspace))).id
        request = _create_request(arguments, language, workspace_id)
        job = await client.submit(arguments.language, idempotency_key=idempotency_key, **request)
        try:
            await _follow(job, report_progress)
            result = await job.wait()
            return await _create_run(client, job, result, arguments, language, list(request["files"]))
        except BaseException as e:
            if isinstance(e, ServiceFailed) or not isinstance(e, PyxecError):
                await _cancel(job)
            raise


@asynccontextmanager
async def open_workspace(client: AsyncClient, workspace_id: str) -> AsyncIterator[AsyncWorkspace]:
    """Open a workspace, or create one for ``new``. If the block fails, a new workspace is deleted.

    Without a result, the client does not learn the id of a new workspace, which counts for the quotas of the caller.
    """
    is_new = workspace_id == NEW_WORKSPACE
    workspace = await client.create_workspace() if is_new else client.workspace(workspace_id)
    try:
        yield workspace
    except BaseException:
        if is_new:
            with anyio.CancelScope(shield=True), suppress(PyxecError):  # a job that uses it keeps it
                await workspace.delete()
        raise


def _find_language(name: str, languages: Sequence[Language]) -> Language | None:
    wanted = name.lower()
    return next(
        (language for language in languages if wanted in (language.id, *map(str.lower, language.aliases))), None
    )


def _create_request(arguments: RunCode, language: Language | None, workspace_id: str | None) -> dict[str, Any]:
    # The service reports an unknown language; the name of its file does not matter then.
    name = "main" if language is None else language.file_name
    request: dict[str, Any] = {
        "files": {name: arguments.code, **{path: text for path, text in arguments.files.items() if path != name}},
        "entrypoint": name,
        "stdin": arguments.stdin,
    }
    if workspace_id is None:
        request["artifacts"] = _ALL_FILES
    else:
        request |= {"workspace": workspace_id, "workspace_mode": "wait"}
    if arguments.timeout_seconds is not None:
        request["limits"] = {"wall_seconds": arguments.timeout_seconds}
    return request


async def _follow(job: AsyncJob, report_progress: ReportProgress) -> None:
    """Report the output until the job has finished."""
    loop = asyncio.get_running_loop()
    cursor, pause, decoder = None, _FIRST_POLL_SECONDS, OutputDecoder()
    started_at = checked_at = loop.time()
    has_started = False
    while True:
        events = await job.output(cursor)
        if events:
            cursor, has_started, pause = events[-1].cursor, True, _FIRST_POLL_SECONDS
            await _report(events, decoder, report_progress)
            if isinstance(events[-1], Finished):
                return
        elif not has_started and loop.time() - checked_at > _CHECK_WAITING_SECONDS:
            checked_at = loop.time()
            await _check_waiting(job, checked_at - started_at)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _MAX_POLL_SECONDS if has_started else _MAX_SILENT_POLL_SECONDS)


async def _check_waiting(job: AsyncJob, waited_seconds: float) -> None:
    status = await job.status()
    if status.waiting_reason and waited_seconds > _WAITING_SECONDS:
        reason = describe_waiting_reason(status.waiting_reason, status.language)
        raise ServiceFailed(503, f"the program was not started within {waited_seconds:.0f} s: {reason}")


async def _report(events: Sequence[Event], decoder: OutputDecoder, report_progress: ReportProgress) -> None:
    text = "".join(decoder.decode(event.stream, event.data) for event in events if isinstance(event, Output))
    if text:
        await report_progress(truncate_middle(text, MAX_PROGRESS_CHARACTERS))


async def _cancel(job: AsyncJob) -> None:
    """Kill the program. The cancellation of this task does not prevent it."""
    with anyio.CancelScope(shield=True), suppress(PyxecError):
        await job.cancel()


async def _create_run(
    client: AsyncClient,
    job: AsyncJob,
    result: Result,
    arguments: RunCode,
    language: Language | None,
    sources: Sequence[str],
) -> tuple[CodeRun, list[ImageFile]]:
    notices = _list_truncations(result)
    if result.workspace is not None:
        paths = list(result.workspace.changed)
        if result.workspace.error is not None:
            notices.append(f"The files of the workspace did not change. {result.workspace.error}")
    else:
        paths = [artifact.name for artifact in result.artifacts]
        paths = [path for path in paths if path not in sources and not _is_internal(path)]
        if result.artifacts_incomplete:
            notices.append("Not all files that the program left are listed: there are too many, or they are too large.")
    images = await _read_images(client, job, result, paths, notices)
    stderr = result.compile_output if result.outcome == "compile_error" and result.compile_output else result.stderr
    for name, text in (("stdout", result.stdout), ("stderr", stderr)):
        if len(text) > MAX_TEXT_CHARACTERS:
            notices.append(f"The middle of {name} was removed: it has {len(text)} characters.")
    run = CodeRun(
        outcome=result.outcome,
        message=_describe(result, arguments, language),
        stdout=truncate_middle(result.stdout),
        stderr=truncate_middle(stderr),
        exit_code=result.exit_code,
        duration_seconds=0.0 if result.usage is None else result.usage.wall_seconds,
        files=paths,
        workspace=None if result.workspace is None else result.workspace.id,
        notices=notices,
    )
    return run, images


def _list_truncations(result: Result) -> list[str]:
    return [
        f"{name} was cut off at the output limit of the program."
        for name in ("stdout", "stderr", "compile_output")
        if result.truncated.get(name)
    ]


def _describe(result: Result, arguments: RunCode, language: Language | None) -> str:
    """Return the message of the result. After a time-out, it names the limit."""
    if result.outcome not in ("wall_time_limit", "cpu_time_limit"):
        return result.message
    kind = "wall_seconds" if result.outcome == "wall_time_limit" else "cpu_seconds"
    limits = {} if language is None else language.limits.get(kind, {})
    seconds = limits.get("default")
    if kind == "wall_seconds" and arguments.timeout_seconds is not None:
        seconds = arguments.timeout_seconds
    limit = f"limits.{kind}" if seconds is None else f"limits.{kind} = {seconds:g} s"
    maximum = limits.get("maximum")
    advice = "" if maximum is None else f" timeout_seconds can be at most {maximum:g}."
    return f"{result.message} ({limit}).{advice}"


def _is_internal(path: str) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in _NOT_REPORTED)


async def _read_images(
    client: AsyncClient, job: AsyncJob, result: Result, paths: Sequence[str], notices: list[str]
) -> list[ImageFile]:
    """Read the images among the files, up to the limits. Add a notice for each other one."""
    images: list[ImageFile] = []
    remaining_bytes = MAX_IMAGE_BYTES
    for path in paths:
        media_type = IMAGE_TYPES.get(PurePosixPath(path).suffix.lower())
        if media_type is None:
            continue
        try:
            if result.workspace is not None:
                content = await client.workspace(result.workspace.id).read(path)
            else:
                content = await job.artifact(path)
        except NotFound:  # another job has changed the workspace
            notices.append(f"{path} is not shown: it does not exist any more.")
            continue
        if len(images) == MAX_IMAGES or len(content) > remaining_bytes:
            limits = f"at most {MAX_IMAGES} images of {MAX_IMAGE_BYTES} bytes together are shown"
            notices.append(f"{path} is not shown: {limits}.")
            continue
        remaining_bytes -= len(content)
        images.append(ImageFile(path, media_type, content))
    return images
