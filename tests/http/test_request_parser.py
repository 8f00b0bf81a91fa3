"""The parser of requests: what it accepts, what it rejects, and how its time grows."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from app.http.request_parser import (
    MAX_CHUNK_EXTENSION_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEAD_LINES,
    BodyPart,
    EndOfRequest,
    RequestError,
    RequestHead,
    RequestParser,
)
from tests.http.parsed_requests import ParsedRequest, parse_requests

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
WEBSOCKET = (
    b"GET /v1/jobs/1/stream HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def read_head(data: bytes) -> RequestHead:
    parser = RequestParser()
    parser.feed(data)
    head = parser.next_event()
    assert isinstance(head, RequestHead)
    return head


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        # The request line
        (b"GET /\r\n\r\n", 400),  # HTTP/0.9
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        # Host
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (GET + b"Host: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x@y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        (b"GET http://x@y/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        # Header lines
        (GET + b"A : b\r\n\r\n", 400),
        (GET + b"A: b\r\n c\r\n\r\n", 400),  # obs-fold
        (GET + b" A: b\r\n\r\n", 400),
        (GET + b"A\r\n\r\n", 400),
        (GET + b": b\r\n\r\n", 400),
        (GET + b"A: b\x00\r\n\r\n", 400),
        (GET + b"A: b\rc\r\n\r\n", 400),
        (GET + b"A: b\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (GET + b"A: b\n", 400),
        # The length of the body
        (POST + b"Content-Length: +5\r\n\r\n", 400),
        (POST + b"Content-Length: 0x5\r\n\r\n", 400),
        (POST + b"Content-Length: -5\r\n\r\n", 400),
        (POST + b"Content-Length: 5 5\r\n\r\n", 400),
        (POST + b"Content-Length: 5, 5\r\n\r\n", 400),
        (POST + b"Content-Length: 5_0\r\n\r\n", 400),
        (POST + b"Content-Length:\r\n\r\n", 400),
        (POST + "Content-Length: ٥\r\n\r\n".encode(), 400),
        (POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
        (POST + b"Content-Length: 9999999999999999999999\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n", 501),
        (POST + b"Transfer-Encoding:\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (POST + b"Expect: 200-ok\r\n\r\n", 417),
        # The chunked coding
        (CHUNKED + b"+1\r\na\r\n0\r\n\r\n", 400),
        (CHUNKED + b"0x1\r\na\r\n0\r\n\r\n", 400),
        (CHUNKED + b"\r\na\r\n0\r\n\r\n", 400),
        (CHUNKED + b"1\na\r\n0\r\n\r\n", 400),
        (CHUNKED + b"1\r\nab\r\n0\r\n\r\n", 400),
        (CHUNKED + b"1\r\na\n0\r\n\r\n", 400),
        (CHUNKED + b"1 2\r\na\r\n0\r\n\r\n", 400),
        (CHUNKED + b"1;a\rb\r\na\r\n0\r\n\r\n", 400),
        (CHUNKED + b"fffffffffffffffff\r\n", 400),
        (CHUNKED + b"1;" + b"a" * 300, 400),
        (CHUNKED + b"1;abcdefgh\r\na\r\n" * (MAX_CHUNK_EXTENSION_BYTES // 9 + 1), 400),
        (CHUNKED + b"0\r\nA : b\r\n\r\n", 400),
        (CHUNKED + b"0\r\nA: b\n\r\n", 400),
        (CHUNKED + b"0\r\n" + b"A: b\r\n" * (MAX_HEAD_LINES + 1), 431),
        (CHUNKED + b"0\r\n" + (b"A: %b\r\n" % (b"b" * 30_000)) * 3, 431),
        # The size of the head
        (GET + b"A: b\r\n" * MAX_HEAD_LINES + b"\r\n", 431),
        (GET + b"A: " + b"b" * MAX_HEAD_BYTES, 431),
        (GET + b"A: " + b"b" * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
        (b"G" * (MAX_HEAD_BYTES + 1), 431),
    ],
)
def test_parser_rejects_request(request_bytes: bytes, status: int) -> None:
    requests, error = parse_requests(request_bytes)
    assert error is not None
    assert error.status == status
    assert not any(request.is_complete for request in requests)


@pytest.mark.parametrize(
    ("request_bytes", "body"),
    [
        (GET + b"\r\n", b""),
        (b"\r\n" + GET + b"\r\n", b""),  # RFC 9112, section 2.2: one empty line is ignored
        (b"GET http://x/ HTTP/1.1\r\nHost: y\r\n\r\n", b""),
        (POST + b"Content-Length: 0\r\n\r\n", b""),
        (POST + b"Content-Length: 005\r\n\r\nabcde", b"abcde"),
        (POST + b'TRANSFER-ENCODING:\tCHUNKED \r\n\r\n2\r\nab\r\n3;x="y"\r\ncde\r\n000\r\nA: b\r\n\r\n', b"abcde"),
        (GET + b"A:\r\nB: \xe4\tb \r\n" + b"C: d\r\n" * (MAX_HEAD_LINES - 3) + b"\r\n", b""),
    ],
)
def test_parser_accepts_request(request_bytes: bytes, body: bytes) -> None:
    requests, error = parse_requests(request_bytes + GET + b"\r\n")
    assert error is None
    assert [request.is_complete for request in requests] == [True, True]
    assert requests[0].body == body
    assert requests[1] == ParsedRequest("GET", b"/", [(b"host", b"x")], b"", True)


def test_trailers_do_not_become_headers() -> None:
    (parsed,), error = parse_requests(CHUNKED + b"0\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer a\r\n\r\n")
    assert error is None
    assert parsed.headers == [(b"host", b"x"), (b"transfer-encoding", b"chunked")]


def test_authority_of_an_absolute_target_replaces_the_host_header() -> None:
    head = read_head(b"GET http://a.example:81/b?c=d HTTP/1.1\r\nHost: c.example\r\n\r\n")
    assert (head.path, head.query) == (b"/b", b"c=d")
    assert head.headers == [(b"host", b"a.example:81")]


@pytest.mark.parametrize("value", [b"h2c", b"x", b"websocket, h2c", b""])
def test_upgrade_header_does_not_end_a_request(value: bytes) -> None:
    body = b"GET /v1/admin/keys HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"Connection: Upgrade\r\nUpgrade: %b\r\nContent-Length: %d\r\n\r\n" % (value, len(body))
    (parsed,), error = parse_requests(POST + head + body)
    assert error is None
    assert parsed.body == body


@pytest.mark.parametrize("method", [b"POST", b"HEAD", b"OPTIONS"])
def test_websocket_handshake_must_be_a_get_request(method: bytes) -> None:
    with pytest.raises(RequestError) as rejection:
        read_head(WEBSOCKET.replace(b"GET", method) + b"\r\n")
    assert rejection.value.status == 400


def test_websocket_handshake_is_recognised() -> None:
    assert read_head(WEBSOCKET + b"\r\n").opens_websocket


@pytest.mark.parametrize(
    "request_bytes",
    [
        WEBSOCKET.replace(b"HTTP/1.1", b"HTTP/1.0"),
        WEBSOCKET.replace(b"keep-alive, Upgrade", b"keep-alive"),
        WEBSOCKET.replace(b"WebSocket\r\n", b"h2c\r\n"),
        WEBSOCKET.replace(b"Version: 13", b"Version: 8"),
        WEBSOCKET.replace(b"Sec-WebSocket-Key", b"X-Key"),
        WEBSOCKET + b"Upgrade: h2c\r\n",
        WEBSOCKET + b"Content-Length: 0\r\n",
        WEBSOCKET + b"Content-Length: 1\r\n",
        WEBSOCKET + b"Transfer-Encoding: chunked\r\n",
    ],
)
def test_other_upgrade_is_ignored(request_bytes: bytes) -> None:
    assert not read_head(request_bytes + b"\r\n").opens_websocket


@pytest.mark.parametrize(
    ("headers", "keep_alive"),
    [(b"", True), (b"Connection: close\r\n", False), (b"Connection: a\r\nConnection: b , CLOSE\r\n", False)],
)
def test_connection_header_ends_a_connection(headers: bytes, keep_alive: bool) -> None:
    assert read_head(GET + headers + b"\r\n").keep_alive is keep_alive


def test_http_1_0_ends_a_connection() -> None:
    head = read_head(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n")
    assert not head.keep_alive
    assert not head.expects_continue


# Each makes a connection with about this number of bytes, for the measurements below.
def _many_header_lines(size: int) -> bytes:
    line = b"A: %b\r\n" % (b"b" * (size // MAX_HEAD_LINES))
    return GET + line * (MAX_HEAD_LINES - 10) + b"\r\n"


def _one_header_line(size: int) -> bytes:
    return GET + b"A: " + b"b" * size + b"\r\n\r\n"


def _long_name(size: int) -> bytes:
    return GET + b"a" * size + b"\r\n\r\n"


def _carriage_returns(size: int) -> bytes:
    return GET + b"A: " + b"\r" * size


def _spaces(size: int) -> bytes:
    return GET + b"A:" + b" " * size + b"b\r\n\r\n"


def _long_target(size: int) -> bytes:
    return b"GET http://" + b"x" * size + b"?"


def _small_chunks(size: int) -> bytes:
    return CHUNKED + b"1\r\na\r\n" * (size // 6)


def _trailers(size: int) -> bytes:
    return CHUNKED + b"0\r\nA: " + b"b" * size


def _pipelined_requests(size: int) -> bytes:
    return (GET + b"\r\n") * (size // len(GET))


@pytest.mark.parametrize("piece_bytes", [16, 1 << 20])
@pytest.mark.parametrize(
    "create",
    [
        _many_header_lines,
        _one_header_line,
        _long_name,
        _carriage_returns,
        _spaces,
        _long_target,
        _small_chunks,
        _trailers,
        _pipelined_requests,
    ],
)
def test_parser_time_grows_linearly(create: Callable[[int], bytes], piece_bytes: int) -> None:
    """16 times the bytes take at most 48 times the time; with a quadratic algorithm it would be 256 times."""
    small, large = create(3_800), create(16 * 3_800)
    assert len(large) > 12 * len(small)

    growth = min(_measure(large, piece_bytes) / _measure(small, piece_bytes) for _ in range(3))

    assert growth < 48


def _measure(data: bytes, piece_bytes: int) -> float:
    """Return the processor time of parsing, the least of several attempts."""
    times = []
    for _ in range(5):
        started = time.thread_time_ns()
        parser = RequestParser()
        try:
            for start in range(0, len(data), piece_bytes):
                parser.feed(data[start : start + piece_bytes])
                while parser.next_event() is not None:
                    pass
        except RequestError:
            pass
        times.append(time.thread_time_ns() - started)
    return max(1, min(times))


def test_parser_returns_the_events_of_a_request_in_order() -> None:
    parser = RequestParser()
    parser.feed(POST + b"Content-Length: 3\r\n\r\na")
    assert isinstance(parser.next_event(), RequestHead)
    assert parser.next_event() == BodyPart(b"a")
    assert parser.next_event() is None
    parser.feed(b"bcGET")
    assert parser.next_event() == BodyPart(b"bc")
    assert isinstance(parser.next_event(), EndOfRequest)
    assert parser.next_event() is None
    assert parser.buffered_bytes == 3
