"""Engines that fail: one that accepts connections and never answers, and one that answers what it is told to."""

from __future__ import annotations

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
                connection.recv(65536)
                connection.sendall(answer)
