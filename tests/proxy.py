"""A TCP proxy that injects network faults between a client and a server on this host."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType

__all__ = ["FaultProxy"]


class FaultProxy:
    """Forwards connections to a local port or Unix socket. A lost message closes its connection, as a cut cable would.

    Attributes:
        port: Listens on this port of 127.0.0.1.
        lose_replies: How many more replies are discarded.
        lose_requests: How many more requests are discarded.
        repeat_requests: How many more requests are executed a second time, on a connection of their own.
        refused: Set when a connection was refused after ``cut``.
    """

    def __init__(self, target: int | Path) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lose_replies = 0
        self.lose_requests = 0
        self.repeat_requests = 0
        self.refused = threading.Event()
        self._is_cut = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread, which close alone does not
        self._listener.close()
        for connection in self._sockets:
            connection.close()

    def cut(self) -> None:
        """Close every connection and refuse new ones, until ``restore``."""
        self.refused.clear()
        with self._lock:
            self._is_cut = True
            connections = list(self._sockets)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        """Accept connections again."""
        self._is_cut = False

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if (server := self._connect(client)) is None:
                client.close()
                continue
            threading.Thread(target=self._pump, args=(client, server, "lose_requests"), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, "lose_replies"), daemon=True).start()

    def _connect(self, client: socket.socket) -> socket.socket | None:
        """Connect to the server for a client. None if the server is down or the proxy is cut."""
        try:
            server = self._open_target()
        except OSError:
            return None
        with self._lock:
            if not self._is_cut:
                self._sockets += [client, server]
                return server
        server.close()
        self.refused.set()
        return None

    def _open_target(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target))
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self._target))
        return connection

    def _pump(self, source: socket.socket, sink: socket.socket, loss: str) -> None:
        with contextlib.suppress(OSError):
            while (data := source.recv(65536)) and not self._take(loss):
                sink.sendall(data)
                if loss == "lose_requests" and self._take("repeat_requests"):
                    self._repeat(data)
        for connection in (source, sink):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _repeat(self, data: bytes) -> None:
        with self._open_target() as connection:
            connection.sendall(data)
            connection.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                connection.recv(65536)

    def _take(self, loss: str) -> bool:
        with self._lock:
            remaining: int = getattr(self, loss)
            setattr(self, loss, max(0, remaining - 1))
            return remaining > 0
