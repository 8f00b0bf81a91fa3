"""The HTTP client of the engine, against a server that counts its connections."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from app.core.errors import UnsupportedEngine
from app.sandbox.engine import http as engine_http
from app.sandbox.engine.client import Engine
from app.sandbox.engine.errors import EngineResponseError
from app.sandbox.engine.http import EngineHttpClient

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class CountingEngine:
    """Answers every request in the same way and records the accepted connections and the requests."""

    def __init__(self, path: Path, response: bytes = RESPONSE) -> None:
        self._response = response
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self.connections: list[socket.socket] = []
        self.requests: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()

    def close_connections(self) -> None:
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as sent, suppress(OSError):
            while request := _read_request(sent):
                self.requests.append(request)
                connection.sendall(self._response)


def _read_request(sent: BinaryIO) -> bytes:
    """Read the header and the body, which may arrive separately."""
    head = b""
    while line := sent.readline():
        head += line
        if line == b"\r\n":
            break
    length = re.search(rb"Content-Length: (\d+)", head)
    return head + sent.read(int(length[1]) if length else 0)


@contextmanager
def counting_engine(folder: Path, response: bytes = RESPONSE) -> Iterator[tuple[CountingEngine, EngineHttpClient]]:
    with (
        closing(CountingEngine(folder / "engine.sock", response)) as engine,
        closing(EngineHttpClient(f"unix://{folder}/engine.sock", 5)) as client,
    ):
        yield engine, client


def test_consecutive_requests_share_a_connection(tmp_path: Path) -> None:
    with counting_engine(tmp_path) as (engine, client):
        responses = [client.request("GET", "/x") for _ in range(5)]

        assert responses == [b"{}"] * 5
        assert len(engine.connections) == 1


def test_request_opens_a_new_connection_after_an_engine_restart(tmp_path: Path) -> None:
    with counting_engine(tmp_path) as (engine, client):
        client.request("GET", "/x")
        engine.close_connections()

        assert client.request("GET", "/x") == b"{}"
        assert len(engine.connections) == 2


def test_concurrent_requests_use_separate_connections_and_few_stay_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_http, "_MAX_IDLE_CONNECTIONS", 2)
    with counting_engine(tmp_path) as (_, client), ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(lambda n: client.request("GET", f"/{n}"), range(200)))

        assert responses == [b"{}"] * 200
        assert len(client._idle_connections) <= 2 + 8


def test_request_encodes_path_query_and_body(tmp_path: Path) -> None:
    with counting_engine(tmp_path) as (engine, client):
        client.request("POST", "/containers/a b/update", {"Memory": 1}, filters='{"label":["x=y&z"]}')

        head, _, body = b"".join(engine.requests).partition(b"\r\n\r\n")
        assert head.startswith(
            b"POST /containers/a%20b/update?filters=%7B%22label%22%3A%5B%22x%3Dy%26z%22%5D%7D HTTP/1.1"
        )
        assert b"Content-Type: application/json" in head
        assert body == b'{"Memory":1}'


def test_error_response_raises_with_status_and_message(tmp_path: Path) -> None:
    body = b'{"message":"in use"}'
    response = b"HTTP/1.1 409 Conflict\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with (
        counting_engine(tmp_path, response) as (_, client),
        pytest.raises(EngineResponseError, match="in use") as caught,
    ):
        client.request("DELETE", "/x")

    assert caught.value.status == 409


def test_upgrade_fails_when_the_engine_does_not_switch_protocols(tmp_path: Path) -> None:
    with counting_engine(tmp_path) as (_, client), pytest.raises(EngineResponseError):
        client.upgrade("/x")


@pytest.mark.parametrize("url", ["ssh://host", "npipe:////./pipe/x", "", "tcp://", "tcp://host:x"])
def test_invalid_address_is_rejected(url: str) -> None:
    with pytest.raises(UnsupportedEngine, match="must be unix:///path or tcp://"):
        Engine(url, 1).list_containers("label")


def test_engine_is_reachable_over_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: _serve_once(listener), daemon=True).start()
        with closing(Engine(f"tcp://127.0.0.1:{listener.getsockname()[1]}", 5)) as engine:
            assert engine.list_containers("label") == []


def _serve_once(listener: socket.socket) -> None:
    version = b'{"ApiVersion":"1.41"}'
    connection, _ = listener.accept()
    with connection:
        for body in (version, b"[]"):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
