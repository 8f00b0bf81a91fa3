"""A receiver of webhooks on a real socket, with scripted responses."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
Responder = Callable[[socket.socket], None]


def respond_with(data: bytes) -> Responder:
    """Return a responder that sends these bytes."""
    return lambda connection: connection.sendall(data)


@dataclass
class ReceivedRequest:
    """One request, with its header names in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebhookReceiver:
    """Collects requests.

    Attributes:
        responders: Respond to the next requests, one each; later requests get ``NO_CONTENT``.
    """

    port: int
    requests: list[ReceivedRequest] = field(default_factory=list)
    responders: list[Responder] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"


@contextmanager
def running_receiver(*responders: Responder) -> Iterator[WebhookReceiver]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        receiver = WebhookReceiver(server.getsockname()[1], responders=list(responders))
        thread = threading.Thread(target=_serve, args=(server, receiver), daemon=True)
        thread.start()
        yield receiver
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _serve(server: socket.socket, receiver: WebhookReceiver) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(10)
            try:
                receiver.requests.append(_read_request(connection))
                respond = receiver.responders.pop(0) if receiver.responders else respond_with(NO_CONTENT)
                respond(connection)
            except OSError:
                continue


def _read_request(connection: socket.socket) -> ReceivedRequest:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _receive(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    line, *header_lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (header.partition(": ") for header in header_lines)}
    while len(body) < int(headers["content-length"]):
        body += _receive(connection)
    return ReceivedRequest(line, headers, body)


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the client closed the connection")
    return data
