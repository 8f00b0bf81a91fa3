"""The HTTP server: a deadline in every state of a connection, and malformed requests."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import uvloop
import websockets

from app.http.http_protocol import MAX_PIPELINED_BYTES, BoundedHttpProtocol, BoundedWebSocketProtocol
from app.http.request_parser import MAX_HEAD_BYTES, MAX_HEAD_LINES
from tests.http.gateway import Gateway

CHUNK = b"x" * 1_000_000
GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
PROC_NET_TCP = Path("/proc/net/tcp")
_TIMEOUT_SECONDS = 15


class ShortTimeouts(BoundedHttpProtocol):
    head_seconds = 0.4
    body_seconds = 0.4
    read_seconds = 0.4
    linger_seconds = 0.4


class ShortCloseTimeout(BoundedWebSocketProtocol):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = 0.4


@asynccontextmanager
async def serving(app: Callable[..., Any]) -> AsyncIterator[int]:
    config = uvicorn.Config(
        app,
        port=0,
        http=ShortTimeouts,
        ws=ShortCloseTimeout,
        ws_ping_interval=0.2,
        ws_ping_timeout=0.2,
        timeout_keep_alive=1,
        lifespan="off",
        log_config=None,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client with a small receive buffer, so that unread data stays with the server."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=plain, limit=4096)
    try:
        yield reader, writer
    finally:
        writer.close()


class Endless:
    """An application that sends chunks until the client disconnects."""

    def __init__(self, chunks: int = 1_000) -> None:
        self.chunks = chunks
        self.sent = 0
        self.over = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.create_task(self._departure(receive))
        while self.sent < self.chunks and not gone.done():
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            self.sent += 1
        gone.cancel()
        await send({"type": "http.response.body", "body": b""})
        self.over.set()

    @staticmethod
    async def _departure(receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


async def respond_at_once(scope: Any, receive: Any, send: Any) -> None:
    """An application that does not read request bodies."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def read_body(scope: Any, receive: Any, send: Any) -> None:
    """An application that waits for the request body without a time limit."""
    while (message := await receive())["type"] == "http.request" and message["more_body"]:
        pass
    await respond_at_once(scope, receive, send)


async def accept_websocket(scope: Any, receive: Any, send: Any) -> None:
    """An application that keeps a WebSocket open."""
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


class LargeMessage:
    """An application that sends one WebSocket message and then closes the WebSocket."""

    def __init__(self, size: int) -> None:
        self.size = size

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": bytes(self.size)})
        with suppress(Exception):
            await send({"type": "websocket.close", "code": 1000})


class LargeResponse:
    """An application that sends one response of a size."""

    def __init__(self, size: int) -> None:
        self.size = size

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", str(self.size).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(self.size)})


async def trickle(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send a byte after the other until the connection is closed."""
    with suppress(OSError):
        while not writer.is_closing():
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0.1)


async def test_client_that_does_not_read_is_disconnected() -> None:
    app = Endless()
    async with serving(app) as port, connected(port) as (_, writer):
        writer.write(GET + b"\r\n")

        await asyncio.wait_for(app.over.wait(), _TIMEOUT_SECONDS)

    assert app.sent < app.chunks


async def test_client_that_reads_slowly_receives_everything() -> None:
    app = Endless(chunks=2)
    async with serving(app) as port, connected(port) as (reader, writer):
        writer.write(GET + b"\r\n")
        taken = 0
        # For several times as long as the time-out
        while taken < len(CHUNK) * app.chunks:
            taken += len(await reader.read(64_000))
            await asyncio.sleep(0.02)

        await asyncio.wait_for(app.over.wait(), _TIMEOUT_SECONDS)

    assert app.sent == app.chunks


#: The state of a connection: the application, the bytes that are sent once, and those that are then repeated.
STATES: dict[str, tuple[Any, bytes, bytes]] = {
    "idle": (respond_at_once, b"", b""),
    "inside a request line": (respond_at_once, b"GET /", b""),
    "inside a growing request line": (respond_at_once, b"GET /", b"a"),
    "inside a head": (respond_at_once, GET + b"X-Slow: ", b""),
    "inside a growing head": (respond_at_once, GET + b"X-Slow: ", b"a"),
    "inside a head with growing lines": (respond_at_once, GET, b"a:b\r\n"),
    "between requests": (respond_at_once, GET + b"\r\n", b""),
    "inside a pipelined head": (respond_at_once, GET + b"\r\nGET", b""),
    "inside a growing second head": (respond_at_once, GET + b"\r\n", b"G"),
    "inside a pipelined body": (read_body, GET + b"\r\n" + POST + b"Content-Length: 9\r\n\r\na", b""),
    "inside a body": (read_body, POST + b"Content-Length: 9\r\n\r\na", b""),
    "inside a growing body": (read_body, POST + b"Content-Length: 99999\r\n\r\n", b"a"),
    "inside a chunk": (read_body, POST + b"Transfer-Encoding: chunked\r\n\r\n1\r", b""),
    "between growing chunks": (read_body, POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "inside a trailer": (read_body, POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"a"),
    "before the body that the server asked for": (
        read_body,
        POST + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        b"",
    ),
    "inside a body after the response": (respond_at_once, POST + b"Content-Length: 99999\r\n\r\na", b""),
    "inside a growing body after the response": (respond_at_once, POST + b"Content-Length: 99999\r\n\r\na", b"a"),
    "after a malformed request": (respond_at_once, b"GET /\r\n\r\n", b"a"),
    "inside a handshake": (accept_websocket, HANDSHAKE, b""),
    "WebSocket without pong": (accept_websocket, HANDSHAKE + b"\r\n", b""),
    "inside a WebSocket frame": (accept_websocket, HANDSHAKE + b"\r\n\x81\xfe\xff\xff", b"a"),
    "inside a fragmented message": (accept_websocket, HANDSHAKE + b"\r\n\x01\x80aaaa", b""),
    "WebSocket without close frame": (LargeMessage(10), HANDSHAKE + b"\r\n", b""),
}


async def test_connection_is_closed_after_a_deadline_in_every_state() -> None:
    states = list(STATES)
    closed = await asyncio.gather(*(is_closed_in_time(*STATES[state]) for state in states))
    assert [state for state, is_closed in zip(states, closed, strict=True) if not is_closed] == []


async def is_closed_in_time(app: Any, sent: bytes, repeated: bytes) -> bool:
    """Whether the server closes a connection within a few times the deadlines of ShortTimeouts."""
    async with serving(app) as port, connected(port) as (reader, writer):
        writer.write(sent)
        trickling = asyncio.create_task(trickle(writer, repeated)) if repeated else None
        try:
            async with asyncio.timeout(6):
                while await reader.read(4096):
                    pass
        except TimeoutError:
            return False
        except ConnectionResetError:
            pass
        finally:
            if trickling is not None:
                trickling.cancel()
    return True


@pytest.mark.parametrize("headers", [b"", b"Connection: close\r\n"])
@pytest.mark.parametrize("size", [200_000, 3_000_000, 20_000_000])
async def test_connection_of_a_response_that_is_not_read_is_closed(headers: bytes, size: int) -> None:
    """The smallest response is in the send buffer of the kernel when the server closes the connection."""
    async with serving(LargeResponse(size)) as port, connected(port) as (_, writer):
        writer.write(GET + headers + b"\r\n")
        await wait_for_disconnect(port, writer)


@pytest.mark.parametrize("size", [200_000, 3_000_000, 20_000_000])
async def test_connection_of_a_websocket_that_is_not_read_is_closed(size: int) -> None:
    async with serving(LargeMessage(size)) as port, connected(port) as (_, writer):
        writer.write(HANDSHAKE + b"\r\n")
        await wait_for_disconnect(port, writer)


async def wait_for_disconnect(port: int, writer: asyncio.StreamWriter) -> None:
    """Return once the kernel has no data of the server for a client that reads nothing."""
    client_port = writer.get_extra_info("sockname")[1]
    local, remote = f":{port:04X} ", f":{client_port:04X} "
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        # proc_pid_net(5): number, local address, remote address, state
        while any(local in line[:21] and remote in line[20:35] for line in PROC_NET_TCP.read_text().splitlines()):
            await asyncio.sleep(0.05)


async def exchange(gateway: Gateway, *pieces: bytes) -> bytes:
    """Send pieces and return everything that the server sends until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.05)
    received = b""
    with suppress(ConnectionResetError):
        while data := await asyncio.wait_for(reader.read(65536), _TIMEOUT_SECONDS):
            received += data
    writer.close()
    return received


def statuses(received: bytes) -> list[int]:
    """The statuses of the responses."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


LAST = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"HEAD"])
async def test_websocket_handshake_with_another_method_is_rejected(gateway: Gateway, method: bytes) -> None:
    head = HANDSHAKE.replace(b"GET / ", b"%b /v1/jobs " % method) + b"Content-Length: %d\r\n\r\n" % len(LAST)
    received = await exchange(gateway, head, LAST)
    assert statuses(received) == [400]
    assert b"a WebSocket handshake must be a GET request" in received


@pytest.mark.parametrize("value", [b"x", b"h2c", b"TLS/1.0, h2c"])
async def test_body_of_a_request_with_upgrade_header_is_not_a_request(gateway: Gateway, value: bytes) -> None:
    head = POST + b"Connection: Upgrade\r\nUpgrade: %b\r\nContent-Length: %d\r\n\r\n" % (value, len(LAST))
    # A body that is not JSON, then a request for a route that does not exist
    received = await exchange(gateway, head, LAST, LAST.replace(b"/livez", b"/nowhere"))
    assert statuses(received) == [400, 404]


async def test_websocket_handshake_with_a_body_is_an_ordinary_request(gateway: Gateway) -> None:
    head = HANDSHAKE.replace(b"GET / ", b"GET /livez ") + b"Content-Length: %d\r\n\r\n" % len(LAST)
    assert statuses(await exchange(gateway, head, LAST, LAST.replace(b"/livez", b"/nowhere"))) == [200, 404]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /livez\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\n\r\n", 400),
        (GET + b"Host: y\r\n\r\n", 400),
        (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400),
        (POST + b"Content-Length: +2\r\n\r\n{}", 400),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n{}", 501),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", 400),
        (GET + b"X: y\r\n z\r\n\r\n", 400),
        (GET + b"Expect: a\r\n\r\n", 417),
        (GET + b"X: " + b"y" * MAX_HEAD_BYTES, 431),
        (GET + b"X: y\r\n" * MAX_HEAD_LINES + b"\r\n", 431),
    ],
)
async def test_malformed_request_gets_a_problem(gateway: Gateway, request_bytes: bytes, status: int) -> None:
    received = await exchange(gateway, request_bytes)
    head, _, body = received.partition(b"\r\n\r\n")
    assert statuses(received) == [status]
    assert b"content-type: application/problem+json" in head
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["detail"]


async def test_trailer_does_not_become_a_header(gateway: Gateway) -> None:
    received = await exchange(
        gateway,
        POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\nX-Request-Id: trailer\r\n\r\n",
    )
    assert statuses(received) == [422]
    assert b"trailer" not in received


async def test_pipelined_requests_are_answered_in_order(gateway: Gateway) -> None:
    requests = [b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: id-%d\r\n\r\n" % number for number in range(50)]
    received = await exchange(gateway, b"".join(requests) + LAST)
    assert statuses(received) == [200] * 51
    positions = [received.index(b"id-%d\r\n" % number) for number in range(50)]
    assert positions == sorted(positions)


async def test_connection_with_too_many_pipelined_requests_is_closed(gateway: Gateway) -> None:
    request = GET + b"\r\n"
    received = await exchange(gateway, request * (3 * MAX_PIPELINED_BYTES // len(request)))
    assert len(statuses(received)) < 3 * MAX_PIPELINED_BYTES // len(request)


async def test_websocket_stays_open_while_pings_are_answered() -> None:
    async with serving(accept_websocket) as port, websockets.connect(f"ws://127.0.0.1:{port}/") as viewer:
        await asyncio.sleep(1)  # several times the deadlines
        await viewer.ping()


@pytest.mark.parametrize("requests_before", [0, 1])
def test_request_that_arrives_before_a_deadline_is_served_when_the_event_loop_is_busy(requests_before: int) -> None:
    async def scenario() -> bytes:
        async with serving(respond_at_once) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(requests_before):
                writer.write(GET + b"\r\n")
                await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.1)
            # When a request arrives, and the event loop is busy until both deadlines have passed
            writer.write(GET + b"\r\n")
            time.sleep(1.2)
            response = await asyncio.wait_for(reader.read(1000), _TIMEOUT_SECONDS)
            writer.close()
            return response

    # The event loop of the server, which runs timers before it reads
    assert uvloop.run(scenario()).startswith(b"HTTP/1.1 200")
