"""A client's server for webhooks: real sockets, and as ill-behaved as a test wants it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
Answer = Callable[[socket.socket], None]


def answer_with(data: bytes) -> Answer:
    """One answer for all."""
    return lambda connection: connection.sendall(data)


@dataclass
class Request:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Where it listens, and what came."""

    port: int
    requests: list[Request] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    """The next ones; then ``NO_CONTENT``."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"


@contextmanager
def receiving(*answers: Answer) -> Iterator[Receiver]:
    """Listen until left."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        receiver = Receiver(server.getsockname()[1], answers=list(answers))
        thread = threading.Thread(target=_serve, args=(server, receiver), daemon=True)
        thread.start()
        yield receiver
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _serve(server: socket.socket, receiver: Receiver) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(10)
            try:
                receiver.requests.append(_read(connection))
                answer = receiver.answers.pop(0) if receiver.answers else answer_with(NO_CONTENT)
                answer(connection)
            except OSError:
                continue


def _read(connection: socket.socket) -> Request:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in rest)}
    while len(body) < int(headers["content-length"]):
        body += _some(connection)
    return Request(line, headers, body)


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the client left")
    return data
