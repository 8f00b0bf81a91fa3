"""The HTTP client of the benchmarks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.core.errors import PyxecError
from bench.http_calls import Call, HttpCalls


class Echo(BaseHTTPRequestHandler):
    """Echoes the body. /busy returns 503 to the first request, /gone closes the connection, /slow takes 0.3 s.

    /lines sends the body in chunks.
    """

    protocol_version = "HTTP/1.1"
    requests: dict[str, int] = {}  # noqa: RUF012 - emptied by the fixture

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.requests[self.path] = self.requests.get(self.path, 0) + 1
        if self.path == "/gone":
            self.close_connection = True
            return
        if self.path == "/slow":
            time.sleep(0.3)
        busy = self.path.startswith("/busy") and self.requests[self.path] == 1
        self.send_response(503 if busy else 200)
        if self.path == "/lines":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in (body[:5], body[5:]):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def http() -> Iterator[HttpCalls]:
    Echo.requests = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield HttpCalls(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def test_send_all_returns_responses_in_the_order_of_the_calls(http: HttpCalls) -> None:
    calls = [Call("POST", f"/{number}", {"number": number, "text": "x" * (number * 997)}) for number in range(60)]

    assert http.send_all(calls, 7) == [call.body for call in calls]
    assert set(Echo.requests.values()) == {1}


def test_send_all_repeats_idempotent_calls_after_503(http: HttpCalls) -> None:
    calls = [Call("POST", f"/busy/{number}", number, is_idempotent=True) for number in range(3)]

    assert http.send_all([*calls, Call("POST", "/free", 3)], 2) == [0, 1, 2, 3]
    with pytest.raises(PyxecError, match="503"):
        http.send_all([Call("POST", "/busy/4", 4)], 1)


def test_send_all_raises_when_the_connection_is_lost(http: HttpCalls) -> None:
    with pytest.raises(PyxecError):
        http.send_all([Call("POST", "/gone", 1)], 1)


def test_send_all_raises_when_a_response_is_late(http: HttpCalls) -> None:
    with pytest.raises(PyxecError, match=r"no response within 0.05 s"):
        http.send_all([Call("POST", "/slow", 1)], 1, read_seconds=0.05)


def test_send_for_lines_yields_the_lines_of_a_chunked_response(http: HttpCalls) -> None:
    # One JSON document in one line: the echo of the body
    for _ in range(2):
        assert list(http.send_for_lines(Call("POST", "/lines", {"n": 1}))) == [{"n": 1}]
    with pytest.raises(PyxecError, match="POST /busy/lines: 503"):
        list(http.send_for_lines(Call("POST", "/busy/lines", {})))
