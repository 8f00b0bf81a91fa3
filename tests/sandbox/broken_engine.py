"""Engines that fail: one that accepts connections and never answers, and one that answers what it is told to."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["deaf_engine", "scripted_engine"]


@contextmanager
def deaf_engine(folder: Path) -> Iterator[str]:
    """Its URL. The kernel accepts every connection; nobody reads them."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "engine.sock"))
        listener.listen(64)
        yield f"unix://{folder}/engine.sock"


@contextmanager
def scripted_engine(folder: Path, answer: bytes) -> Iterator[str]:
    """Its URL. Every request is answered by these bytes, then the connection is closed."""
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
    """All of it: who answers and leaves while the other still sends breaks his pipe instead."""
    data = b""
    while b"\r\n\r\n" not in data and (chunk := connection.recv(65536)):
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    left = int(length[1]) - len(body) if length else 0
    while left > 0 and (chunk := connection.recv(left)):
        left -= len(chunk)
