"""A proxy in front of a real engine that supports other API versions, or describes the engine differently."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["VersionProxy", "version_proxy"]

_CHUNK_BYTES = 65536


@dataclass
class VersionProxy:
    """The settings can be changed while the proxy runs, as if the engine was replaced.

    Attributes:
        url: Address of the proxy.
        oldest: Oldest supported API version.
        newest: Newest supported API version.
        info: Fields that replace those of the engine in the response to ``GET /info``.
        versions: Version of each request; None for a request without version.
    """

    url: str
    engine: str
    oldest: tuple[int, int]
    newest: tuple[int, int]
    info: Mapping[str, object] = field(default_factory=dict)
    versions: list[tuple[int, int] | None] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)

    def close_connections(self) -> None:
        """Close all connections, as a restart of the engine does."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def serve(self, client: socket.socket) -> None:
        """Serve the only request of a connection."""
        with client, suppress(OSError):
            head, body = _read_head(client)
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
            match = re.match(r"/v(\d+)\.(\d+)(/.*)", path)
            version = (int(match[1]), int(match[2])) if match else None
            self.versions.append(version)
            if version is not None and not self.oldest <= version <= self.newest:
                age = "old" if version < self.oldest else "new"
                _respond(client, 400, {"message": f"client version {version[0]}.{version[1]} is too {age}."})
                return
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect(self.engine)
                if path.endswith("/version"):
                    _respond(client, 200, {"Version": "proxy", **self._range()})
                    return
                if path.endswith("/info") and self.info:
                    _respond(client, 200, {**_read_info(engine), **self.info})
                    return
                # The engine behind the proxy gets the request without a version: it uses its newest one.
                target = match[3] if match else path
                head = head.replace(f"{method} {path} ".encode(), f"{method} {target} ".encode(), 1)
                if b"upgrade:" not in head.lower():
                    head += b"\r\nConnection: close"
                engine.sendall(head + b"\r\n\r\n" + body)
                forward = threading.Thread(target=_copy, args=(client, engine), daemon=True)
                forward.start()
                _copy(engine, client)
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
                forward.join()

    def _range(self) -> dict[str, str]:
        return {
            "ApiVersion": f"{self.newest[0]}.{self.newest[1]}",
            "MinAPIVersion": f"{self.oldest[0]}.{self.oldest[1]}",
        }


@contextmanager
def version_proxy(
    folder: Path,
    engine: str,
    oldest: tuple[int, int] = (1, 41),
    newest: tuple[int, int] = (1, 51),
    info: Mapping[str, object] | None = None,
) -> Iterator[VersionProxy]:
    """Run a proxy on a Unix socket in a folder. ``engine`` is the path of the socket of the engine."""
    path = folder / "proxy.sock"
    proxy = VersionProxy(f"unix://{path}", engine, oldest, newest, info or {})
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        thread = threading.Thread(target=_accept, args=(listener, proxy), daemon=True)
        thread.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _accept(listener: socket.socket, proxy: VersionProxy) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            proxy.connections.append(connection)
            threading.Thread(target=proxy.serve, args=(connection,), daemon=True).start()


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = client.recv(_CHUNK_BYTES)
        if not chunk:
            raise ConnectionError("the client has closed the connection")
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    return head, body


def _read_info(engine: socket.socket) -> dict[str, Any]:
    engine.sendall(b"GET /info HTTP/1.0\r\nHost: engine\r\n\r\n")
    response = b"".join(iter(lambda: engine.recv(_CHUNK_BYTES), b""))
    info: dict[str, Any] = json.loads(response.partition(b"\r\n\r\n")[2])
    return info


def _respond(client: socket.socket, status: int, document: Mapping[str, object]) -> None:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    client.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
