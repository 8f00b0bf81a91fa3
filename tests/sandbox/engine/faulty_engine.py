"""Servers that imitate a faulty engine, alone or in front of a real engine."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["HoldingEngine", "holding_engine", "rejecting_engine", "scripted_engine", "unresponsive_engine"]

_CHUNK_BYTES = 65536


@contextmanager
def unresponsive_engine(folder: Path) -> Iterator[str]:
    """Yield the URL of a server that accepts connections but never reads from them."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "engine.sock"))
        listener.listen(64)
        yield f"unix://{folder}/engine.sock"


@contextmanager
def scripted_engine(folder: Path, answer: bytes) -> Iterator[str]:
    """Yield the URL of a server that answers every request with these bytes and closes the connection."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "engine.sock"))
        listener.listen(64)
        thread = threading.Thread(target=_answer_all, args=(listener, answer), daemon=True)
        thread.start()
        yield f"unix://{folder}/engine.sock"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _answer_all(listener: socket.socket, answer: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                _read_request(connection)
                connection.sendall(answer)


def _read_request(connection: socket.socket) -> None:
    """Read a whole request. If the server closed the connection earlier, the client would get a broken pipe instead."""
    data = b""
    while b"\r\n\r\n" not in data and (chunk := connection.recv(65536)):
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    left = int(length[1]) - len(body) if length else 0
    while left > 0 and (chunk := connection.recv(left)):
        left -= len(chunk)


@dataclass
class HoldingEngine:
    """A real engine behind a proxy that holds some requests.

    A held request is executed after ``release``, even if its client has given up, as by an engine that was stopped
    with SIGSTOP.

    Attributes:
        url: Address of the proxy.
        held: Requests whose first line matches this pattern are held.
        lines: First lines of all held requests.
        rejection: Response to the requests that match, instead of holding them. Empty to hold them.
    """

    url: str
    engine: Path
    held: re.Pattern[str]
    rejection: bytes = b""
    lines: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Execute the held requests, and hold no further ones."""
        self.released.set()

    def serve(self, client: socket.socket) -> None:
        """Serve the only request of a connection."""
        with client, socket.socket(socket.AF_UNIX) as engine, suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                if not (chunk := client.recv(_CHUNK_BYTES)):
                    return
                data += chunk
            head, _, body = data.partition(b"\r\n\r\n")
            line = head.split(b"\r\n", 1)[0].decode()
            if self.held.search(line) and not self.released.is_set():
                self.lines.append(line)
                if self.rejection:
                    client.sendall(self.rejection)
                    return
                self.released.wait()
            if b"upgrade:" not in head.lower():
                head += b"\r\nConnection: close"
            engine.connect(str(self.engine))
            engine.sendall(head + b"\r\n\r\n" + body)
            forward = threading.Thread(target=_copy, args=(client, engine), daemon=True)
            forward.start()
            _copy(engine, client)
            forward.join()


@contextmanager
def rejecting_engine(folder: Path, engine: Path, rejected: str, message: str) -> Iterator[str]:
    """Yield the URL of a proxy in front of an engine that answers some requests with status 500.

    Args:
        rejected: Regular expression for the first line of these requests.
        message: Error message of the response.
    """
    body = json.dumps({"message": message}).encode()
    head = f"HTTP/1.1 500 Internal Server Error\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with holding_engine(folder, engine, rejected) as rejecting:
        rejecting.rejection = head.encode() + body
        yield rejecting.url


@contextmanager
def holding_engine(folder: Path, engine: Path, held: str) -> Iterator[HoldingEngine]:
    """Run a proxy in front of the engine with this socket.

    Args:
        held: Regular expression for the first line of the requests to hold, as in ``POST .*/containers/create``.
    """
    path = folder / "holding.sock"
    holding = HoldingEngine(f"unix://{path}", engine, re.compile(held))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        thread = threading.Thread(target=_accept, args=(listener, holding), daemon=True)
        thread.start()
        try:
            yield holding
        finally:
            holding.release()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listener: socket.socket, holding: HoldingEngine) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=holding.serve, args=(connection,), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy until the source ends. A target that is closed does not end it: the engine still executes the request."""
    with suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            with suppress(OSError):
                target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
