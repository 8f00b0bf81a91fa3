"""A TCP proxy that loses things on purpose: requests before the server sees them, replies after it made them. It can
have a request executed twice, too."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class LosingProxy:
    """Forwards to a local port. What is lost is lost with its connection, as when a cable is cut.

    Attributes:
        lose_replies: how many more replies are thrown away.
        lose_requests: how many more requests are thrown away.
        repeat_requests: how many more requests are executed a second time, on a connection of their own.
    """

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lose_replies = 0
        self.lose_requests = 0
        self.repeat_requests = 0
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> LosingProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread, which a close alone does not
        self._listener.close()
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target)
            except OSError:  # the server is down: so is its stand-in
                near.close()
                continue
            self._sockets += [near, far]
            threading.Thread(target=self._pump, args=(near, far, "lose_requests"), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, "lose_replies"), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, loss: str) -> None:
        with contextlib.suppress(OSError):
            while (data := source.recv(65536)) and not self._take(loss):
                sink.sendall(data)
                if loss == "lose_requests" and self._take("repeat_requests"):
                    self._repeat(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _repeat(self, data: bytes) -> None:
        with socket.create_connection(self._target) as aside:
            aside.sendall(data)
            aside.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                aside.recv(65536)

    def _take(self, loss: str) -> bool:
        with self._lock:
            left: int = getattr(self, loss)
            setattr(self, loss, max(0, left - 1))
            return left > 0
