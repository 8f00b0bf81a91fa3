"""Servers that imitate a faulty engine: one never answers, the other sends a fixed response."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["scripted_engine", "unresponsive_engine"]


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
