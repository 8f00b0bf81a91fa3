"""POST /mcp: the MCP server over streamable HTTP.

The mcp package implements the protocol, pyxec/mcp the tools. The tools send their requests to this gateway, within the
process and with the credentials of the caller. So authentication, rate limits, quotas and tenants are those of the API.

The libraries of the server are imported with the first request: they take 0.6 s of processor time and 27 MB, and most
gateways never need them.

There are no sessions in memory, so that the requests of a client can reach any gateway. The id of a session only names
the calls that a later request cancels.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec
from falcon.asgi import App, Response

from app.core.job.job_input import Input, InputKind
from app.http.body import read_json_body
from app.http.jobs.submissions import Submissions
from app.http.middleware.authentication import read_bearer_key
from app.http.middleware.draining import Lifecycle
from app.http.request import Request
from app.http.settings import POLL_SECONDS, HttpSettings
from app.store.jobs.job_store import JobStore
from pyxec.async_client import AsyncClient

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from pyxec.mcp.server import CallContext

__all__ = ["McpResource"]

SESSION_HEADER: Final = "Mcp-Session-Id"
_MAX_BODY_BYTES: Final = 12 * 1024 * 1024
_RETRY_SECONDS: Final = 10.0
_QUEUED_MESSAGES: Final = 16
# A call is cancelled while its job is being submitted: the job is looked up again.
_CANCEL_LOOKUPS: Final = 20
_CANCEL_LOOKUP_SECONDS: Final = 0.1
_SCOPE_KEY: Final = "pyxec.call"

Event = Mapping[str, Any]


class _Envelope(msgspec.Struct, frozen=True):
    """The members of a JSON-RPC message that the gateway reads."""

    method: str = ""
    id: str | int | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Cancellation(msgspec.Struct, frozen=True, rename="camel"):
    request_id: str | int | None = None


_envelope_decoder: Final = msgspec.json.Decoder(_Envelope)
_cancellation_decoder: Final = msgspec.json.Decoder(_Cancellation)


class McpResource:
    """/mcp."""

    def __init__(self, jobs: JobStore, submissions: Submissions, settings: HttpSettings, lifecycle: Lifecycle) -> None:
        self._jobs = jobs
        self._submissions = submissions
        self._settings = settings
        self._lifecycle = lifecycle
        self._app: App[Any, Any] | None = None
        self._manager: StreamableHTTPSessionManager | None = None
        self._holder: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._stop = asyncio.Event()

    def connect(self, app: App[Any, Any]) -> None:
        """Set the application to which the tools send their requests."""
        self._app = app

    async def on_post(self, request: Request, response: Response) -> None:
        """Process a message of an MCP client.

        Raises:
            falcon.HTTPError: The body is not JSON, too large or too slow.
        """
        body = await read_json_body(request, _MAX_BODY_BYTES, self._settings.body_seconds)
        envelope = _read_envelope(body)
        session_id = request.get_header(SESSION_HEADER)
        if envelope.method == "notifications/cancelled" and session_id is not None:
            await self._cancel(request, session_id, envelope)
        exchange = _Exchange(request, body, self._lifecycle)
        scope = self._create_scope(request, session_id, envelope)
        start = await exchange.start(await self._open_manager(), scope)
        response.status = start["status"]
        for name, value in start["headers"]:
            if name.lower() != b"content-length":
                response.set_header(name.decode("latin-1"), value.decode("latin-1"))
        if envelope.method == "initialize" and start["status"] == 200:
            response.set_header(SESSION_HEADER, secrets.token_hex(16))
        response.set_header("X-Accel-Buffering", "no")  # nginx: do not buffer this response
        response.stream = exchange.stream()

    async def on_delete(self, request: Request, response: Response) -> None:
        """End a session, and send 204. There is nothing to delete."""
        response.status = 204

    async def close(self) -> None:
        """Stop the server."""
        self._stop.set()
        if self._holder is not None:
            await self._holder

    async def _open_manager(self) -> StreamableHTTPSessionManager:
        """Return the manager, which runs from the first request on until `close`."""
        async with self._opening:
            if self._manager is None:
                manager = await asyncio.to_thread(_create_manager)
                started = asyncio.Event()

                async def hold() -> None:
                    async with manager.run():
                        started.set()
                        await self._stop.wait()

                self._holder = asyncio.create_task(hold())
                await started.wait()
                self._manager = manager
        return self._manager

    def _create_scope(self, request: Request, session_id: str | None, envelope: _Envelope) -> dict[str, Any]:
        removed = SESSION_HEADER.lower().encode()
        headers = [(name, value) for name, value in request.scope["headers"] if name != removed]
        key = None
        if session_id is not None and envelope.id is not None:
            key = _call_key(session_id, envelope.id)
        call = _Call(self._create_client(request), key)
        return {**request.scope, "headers": headers, _SCOPE_KEY: call}

    def _create_client(self, request: Request) -> AsyncClient:
        assert self._app is not None, "connect() was called"
        return AsyncClient(
            f"http://{request.get_header('Host') or 'localhost'}",
            read_bearer_key(request) or "",
            retry_seconds=_RETRY_SECONDS,
            transport=_GatewayTransport(self._app, request),
        )

    async def _cancel(self, request: Request, session_id: str, envelope: _Envelope) -> None:
        """Cancel the job of a call, which another gateway may process."""
        try:
            request_id = _cancellation_decoder.decode(envelope.params).request_id
        except msgspec.MsgspecError:
            return
        if request_id is None:
            return
        for _ in range(_CANCEL_LOOKUPS):
            job_id = await self._submissions.find_job(_call_key(session_id, request_id), request.caller)
            if job_id is not None:
                await self._jobs.send(job_id, Input(InputKind.CANCEL))
                return
            await asyncio.sleep(_CANCEL_LOOKUP_SECONDS)


class _Call:
    """The client of a call. It is opened with the first use."""

    def __init__(self, client: AsyncClient, idempotency_key: str | None) -> None:
        self.client = client
        self.idempotency_key = idempotency_key


def _create_manager() -> StreamableHTTPSessionManager:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from pyxec.mcp.server import create_server

    return StreamableHTTPSessionManager(
        create_server(_open_context), stateless=True, max_request_body_size=_MAX_BODY_BYTES
    )


@asynccontextmanager
async def _open_context(context: Any) -> AsyncIterator[CallContext]:
    from pyxec.mcp.server import CallContext

    call: _Call = context.request.scope[_SCOPE_KEY]
    async with call.client:
        yield CallContext(call.client, call.idempotency_key)


class _GatewayTransport(httpx.ASGITransport):
    """Sends requests to the gateway within the process, as if they came from the address of another request."""

    def __init__(self, app: App[Any, Any], request: Request) -> None:
        super().__init__(app=app, raise_app_exceptions=False, client=request.scope.get("client") or ("", 0))  # type: ignore[arg-type]
        self._forwarded_for = request.get_header("X-Forwarded-For")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        if self._forwarded_for is not None:
            request.headers["X-Forwarded-For"] = self._forwarded_for
        return await super().handle_async_request(request)


class _Exchange:
    """One request that an ASGI application answers, and its response as a stream of Falcon."""

    def __init__(self, request: Request, body: bytes, lifecycle: Lifecycle) -> None:
        self._request = request
        self._body: bytes | None = body
        self._lifecycle = lifecycle
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(_QUEUED_MESSAGES)
        self._task: asyncio.Task[None] | None = None

    async def start(self, manager: StreamableHTTPSessionManager, scope: dict[str, Any]) -> Event:
        """Start to process the request, and return the start of the response."""
        self._task = asyncio.create_task(self._run(manager, scope))
        event = await self._events.get()
        if event is None:
            await self._task  # raises its error
            raise RuntimeError("the MCP server sent no response")
        return event

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body. If the server stops, or the stream is closed, the request is cancelled."""
        assert self._task is not None
        try:
            while not self._lifecycle.stopping:
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        event = await self._events.get()
                except TimeoutError:
                    continue
                if event is None:
                    return
                if event.get("body"):
                    yield event["body"]
        finally:
            self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._task

    async def _run(self, manager: StreamableHTTPSessionManager, scope: dict[str, Any]) -> None:
        try:
            await manager.handle_request(scope, self._receive, self._events.put)
        except Exception:
            await self._events.put(None)
            raise
        await self._events.put(None)

    async def _receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._request.wait_for_disconnect()
        return {"type": "http.disconnect"}


def _read_envelope(body: bytes) -> _Envelope:
    try:
        return _envelope_decoder.decode(body)
    except msgspec.MsgspecError:
        return _Envelope()  # the MCP server reports the error


def _call_key(session_id: str, request_id: str | int) -> str:
    """Return the idempotency key of the job of a call."""
    return hashlib.sha256(msgspec.json.encode(["mcp", session_id, request_id])).hexdigest()
