"""The few words of HTTP between us and the engine, spoken to one that counts its visitors."""

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

from app.core.errors import EngineUnavailable
from app.sandbox.engine import http as engine_http
from app.sandbox.engine.client import Engine
from app.sandbox.engine.errors import EngineResponseError
from app.sandbox.engine.http import EngineHttpClient

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class CountingEngine:
    """Answers every request in the same way; ``visitors`` are the connections it has accepted."""

    def __init__(self, path: Path, answer: bytes = ANSWER) -> None:
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self.visitors: list[socket.socket] = []
        self.requests: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        for visitor in self.visitors:
            with suppress(OSError):
                visitor.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = self._listener.accept()
                self.visitors.append(visitor)
                threading.Thread(target=self._answer_all, args=(visitor,), daemon=True).start()

    def _answer_all(self, visitor: socket.socket) -> None:
        with visitor, visitor.makefile("rb") as sent, suppress(OSError):
            while request := _whole_request(sent):
                self.requests.append(request)
                visitor.sendall(self._answer)


def _whole_request(sent: BinaryIO) -> bytes:
    """Head and body: they may arrive apart, and an engine answers when it has both."""
    head = b""
    while line := sent.readline():
        head += line
        if line == b"\r\n":
            break
    length = re.search(rb"Content-Length: (\d+)", head)
    return head + sent.read(int(length[1]) if length else 0)


@contextmanager
def counting_engine(folder: Path, answer: bytes = ANSWER) -> Iterator[tuple[CountingEngine, EngineHttpClient]]:
    with (
        closing(CountingEngine(folder / "engine.sock", answer)) as engine,
        closing(EngineHttpClient(f"unix://{folder}/engine.sock", 5)) as client,
    ):
        yield engine, client


def test_calls_one_after_another_share_a_connection(tmp_path: Path) -> None:
    with counting_engine(tmp_path) as (engine, client):
        answers = [client.request("GET", "/x") for _ in range(5)]

        assert answers == [b"{}"] * 5
        assert len(engine.visitors) == 1


def test_a_restarted_engine_is_called_on_a_new_connection(tmp_path: Path) -> None:
    with counting_engine(tmp_path) as (engine, client):
        client.request("GET", "/x")
        engine.hang_up()

        assert client.request("GET", "/x") == b"{}"
        assert len(engine.visitors) == 2


def test_many_threads_never_share_a_connection_at_once_and_few_stay_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_http, "_MAX_IDLE_CONNECTIONS", 2)
    with counting_engine(tmp_path) as (_, client), ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: client.request("GET", f"/{n}"), range(200)))

        assert answers == [b"{}"] * 200
        assert len(client._idle_connections) <= 2 + 8


def test_what_is_sent_is_what_the_engine_reads(tmp_path: Path) -> None:
    with counting_engine(tmp_path) as (engine, client):
        client.request("POST", "/containers/a b/update", {"Memory": 1}, filters='{"label":["x=y&z"]}')

        head, _, body = b"".join(engine.requests).partition(b"\r\n\r\n")
        assert head.startswith(
            b"POST /containers/a%20b/update?filters=%7B%22label%22%3A%5B%22x%3Dy%26z%22%5D%7D HTTP/1.1"
        )
        assert b"Content-Type: application/json" in head
        assert body == b'{"Memory":1}'


def test_a_refusal_carries_the_engines_reason(tmp_path: Path) -> None:
    said = b'{"message":"in use"}'
    refusal = b"HTTP/1.1 409 Conflict\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)
    with (
        counting_engine(tmp_path, refusal) as (_, client),
        pytest.raises(EngineResponseError, match="in use") as caught,
    ):
        client.request("DELETE", "/x")

    assert caught.value.status == 409


def test_an_engine_that_does_not_switch_protocols_gives_no_stream(tmp_path: Path) -> None:
    with counting_engine(tmp_path) as (_, client), pytest.raises(EngineResponseError):
        client.upgrade("/x")


@pytest.mark.parametrize("url", ["ssh://host", "npipe:////./pipe/x", "", "tcp://"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(EngineUnavailable, match="must be unix:///path or tcp://"):
        Engine(url, 1).version()


def test_an_engine_behind_tcp_is_reached_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: _answer_once(listener), daemon=True).start()
        with closing(Engine(f"tcp://127.0.0.1:{listener.getsockname()[1]}", 5)) as engine:
            assert engine.version() == {}


def _answer_once(listener: socket.socket) -> None:
    visitor, _ = listener.accept()
    with visitor:
        visitor.recv(65536)
        visitor.sendall(ANSWER)
