"""The MCP server, for both transports. Its tools are clients of the service."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

import mcp_types as types
import msgspec
from mcp.server.lowlevel import Server

from pyxec.async_client import AsyncClient
from pyxec.errors import PyxecError
from pyxec.mcp.arguments import (
    TOOLS,
    ListFiles,
    ListLanguages,
    ReadFile,
    RunCode,
    WriteFile,
)
from pyxec.mcp.run_code import IMAGE_TYPES, MAX_IMAGE_BYTES, CodeRun, ImageFile, open_workspace, run_code
from pyxec.mcp.text import truncate_middle
from pyxec.results import Language
from pyxec.version import VERSION

__all__ = ["CallContext", "create_server"]

_LANGUAGES_SECONDS: Final = 60.0
_INSTRUCTIONS: Final = (
    "Run programs with run_code. To keep files between calls, pass workspace='new' once, and the id of its result "
    "afterwards."
)

Content = types.TextContent | types.ImageContent | types.AudioContent | types.ResourceLink | types.EmbeddedResource


@dataclass(frozen=True)
class CallContext:
    """What a call of a tool needs.

    Attributes:
        client: Client of the service, with the credentials of the caller.
        idempotency_key: Key of the job that the call submits; None for a new one.
    """

    client: AsyncClient
    idempotency_key: str | None = None


OpenContext = Callable[[Any], AbstractAsyncContextManager[CallContext]]


@dataclass
class _Languages:
    """The installed languages, read at most once a minute. They are the same for all callers, except their limits."""

    languages: tuple[Language, ...] = ()
    read_at: float = field(default=-_LANGUAGES_SECONDS)

    async def read(self, client: AsyncClient) -> tuple[Language, ...]:
        if time.monotonic() - self.read_at >= _LANGUAGES_SECONDS:
            self.languages = await client.languages()
            self.read_at = time.monotonic()
        return self.languages


def create_server(open_context: OpenContext) -> Server[Any]:
    """Create the server.

    Args:
        open_context: Returns a context manager with the `CallContext` for a request context of the mcp package.
    """
    languages = _Languages()

    async def list_tools(context: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=_TOOL_LIST)

    async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        spec = TOOLS.get(params.name)
        if spec is None:
            return _error(f"unknown tool: {params.name}; the tools are {', '.join(TOOLS)}")
        try:
            arguments = msgspec.convert(params.arguments or {}, spec.arguments)
            async with open_context(context) as call:
                return await _call(context, call, arguments, languages)
        except (msgspec.ValidationError, PyxecError) as e:
            return _error(str(e))

    return Server(
        "pyxec", version=VERSION, instructions=_INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool
    )


_TOOL_LIST: Final = [
    types.Tool(
        name=name,
        title=spec.title,
        description=spec.description,
        input_schema=spec.schema(),
        annotations=types.ToolAnnotations(read_only_hint=spec.read_only, open_world_hint=False),
    )
    for name, spec in TOOLS.items()
]


async def _call(context: Any, call: CallContext, arguments: Any, languages: _Languages) -> types.CallToolResult:
    match arguments:
        case RunCode():
            return await _run_code(context, call, arguments, await languages.read(call.client))
        case ListLanguages():
            return _list_languages(await call.client.languages())
        case ReadFile():
            content = await call.client.workspace(arguments.workspace).read(arguments.path)
            return _read_file(arguments.path, content)
        case WriteFile():
            return await _write_file(call.client, arguments)
        case ListFiles():
            info = await call.client.workspace(arguments.workspace).info()
            files = [{"path": file.path, "size_bytes": file.size_bytes} for file in info.files]
            lines = [f"{file.size_bytes:>10}  {file.path}" for file in info.files]
            return _result("\n".join(lines) or "The workspace has no files.", {"workspace": info.id, "files": files})
    raise AssertionError(f"no tool has the arguments {type(arguments).__name__}")


async def _run_code(
    context: Any, call: CallContext, arguments: RunCode, languages: tuple[Language, ...]
) -> types.CallToolResult:
    sent = 0

    async def report_progress(text: str) -> None:
        nonlocal sent
        sent += 1
        await context.session.report_progress(sent, None, text)

    run, images = await run_code(call.client, arguments, languages, report_progress, call.idempotency_key)
    content: list[Content] = [types.TextContent(type="text", text=_format_run(run)), *map(_create_image, images)]
    return types.CallToolResult(content=content, structured_content=msgspec.to_builtins(run), is_error=False)


def _format_run(run: CodeRun) -> str:
    """Return the result as text, for clients that do not read structured content."""
    parts = [f"outcome: {run.outcome}, exit code: {run.exit_code}, duration: {run.duration_seconds:.3f} s"]
    if run.outcome != "ok":
        parts.append(run.message)
    for name, text in (("stdout", run.stdout), ("stderr", run.stderr)):
        if text:
            parts.append(f"{name}:\n{text}")
    if run.files:
        parts.append("files:\n" + "\n".join(run.files))
    if run.workspace is not None:
        parts.append(f"workspace: {run.workspace}")
    return "\n".join([*parts, *(f"[{notice}]" for notice in run.notices)])


def _create_image(image: ImageFile) -> types.ImageContent:
    return types.ImageContent(type="image", data=base64.b64encode(image.content).decode(), mime_type=image.media_type)


def _list_languages(languages: tuple[Language, ...]) -> types.CallToolResult:
    listed = [
        {"id": language.id, "name": language.name, "version": language.version, "aliases": list(language.aliases)}
        for language in languages
    ]
    lines = [f"{language.id}: {language.name} {language.version or ''}".rstrip() for language in languages]
    return _result("\n".join(lines), {"languages": listed})


def _read_file(path: str, content: bytes) -> types.CallToolResult:
    media_type = IMAGE_TYPES.get(PurePosixPath(path).suffix.lower())
    about = {"path": path, "size_bytes": len(content)}
    if media_type is not None and len(content) <= MAX_IMAGE_BYTES:
        image = _create_image(ImageFile(path, media_type, content))
        return types.CallToolResult(content=[image], structured_content=about, is_error=False)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return _result(f"{path} is a binary file of {len(content)} bytes. Read it with a program.", about)
    return _result(truncate_middle(text), about)


async def _write_file(client: AsyncClient, arguments: WriteFile) -> types.CallToolResult:
    if arguments.encoding == "base64":
        try:
            content = base64.b64decode(arguments.content, validate=True)
        except binascii.Error as e:
            return _error(f"content: is not valid base64: {e}")
    else:
        content = arguments.content.encode(errors="surrogatepass")
    async with open_workspace(client, arguments.workspace) as workspace:
        await workspace.write(arguments.path, content)
    text = f"{len(content)} bytes were written to {arguments.path} in the workspace {workspace.id}."
    about = {"workspace": workspace.id, "path": arguments.path, "size_bytes": len(content)}
    return _result(text, about)


def _result(text: str, structured: dict[str, Any]) -> types.CallToolResult:
    content: list[Content] = [types.TextContent(type="text", text=text)]
    return types.CallToolResult(content=content, structured_content=structured, is_error=False)


def _error(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=True)
