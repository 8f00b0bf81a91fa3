"""One webhook on its way: the name is resolved once, the addresses are checked, and one of those very addresses is
connected to. Nothing is followed, and of the answer only the status line is read."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from app.core.errors import WebhookUndelivered
from app.core.webhooks import is_public

__all__ = ["Resolve", "resolve", "send_webhook", "signature"]

_SECONDS: Final = 10.0
_MOST_STATUS_BYTES: Final = 1024

Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses behind a name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


def signature(secret: str, unix_seconds: int, body: bytes) -> str:
    """The value of ``Pyxec-Signature``: the time, and the HMAC-SHA256 over time, dot and body."""
    digest = hmac.new(secret.encode(), b"%d.%b" % (unix_seconds, body), hashlib.sha256).hexdigest()
    return f"t={unix_seconds},v1={digest}"


def send_webhook(
    url: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    *,
    allow_private: bool,
    method: str = "POST",
    resolve: Resolve = resolve,
    seconds: float = _SECONDS,
) -> None:
    """Send a body of JSON.

    Parameters:
        headers: besides those that every request has.
        seconds: for all of it, apart from the resolution of the name.

    Raises:
        WebhookUndelivered: not a 2xx, whatever the reason.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        address = _checked(host, resolve(host, port), allow_private)
        deadline = time.monotonic() + seconds
        with _connect(address, port, host if parts.scheme == "https" else None, deadline) as connection:
            _send(connection, _head(method, url, headers, len(body)) + body, deadline)
            status = _read_status(connection, deadline)
    except (OSError, UnicodeError) as e:
        raise WebhookUndelivered(f"{host}: {type(e).__name__}: {e}") from e
    if not 200 <= status < 300:
        raise WebhookUndelivered(f"{host} answered with status {status}")


def _checked(host: str, addresses: Sequence[str], allow_private: bool) -> str:
    """The first address, once all of them are allowed: a name with a private one among them is a trap."""
    for address in addresses:
        if not allow_private and not is_public(ipaddress.ip_address(address.partition("%")[0])):
            raise WebhookUndelivered(f"{host} leads to a private address")
    if not addresses:
        raise WebhookUndelivered(f"{host} leads nowhere")
    return addresses[0]


def _connect(address: str, port: int, tls_name: str | None, deadline: float) -> socket.socket:
    connection = socket.create_connection((address, port), timeout=_left(deadline))
    if tls_name is None:
        return connection
    try:
        # The certificate is checked against the name, though the connection is to the address.
        return ssl.create_default_context().wrap_socket(connection, server_hostname=tls_name)
    except BaseException:
        connection.close()
        raise


def _head(method: str, url: str, headers: Sequence[tuple[str, str]], length: int) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    fixed = [
        ("Host", host),
        ("User-Agent", "pyxec-webhook"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(length)),
        ("Connection", "close"),
    ]
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in [*fixed, *headers])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _send(connection: socket.socket, data: bytes, deadline: float) -> None:
    view = memoryview(data)
    while view:
        connection.settimeout(_left(deadline))
        view = view[connection.send(view) :]


def _read_status(connection: Any, deadline: float) -> int:
    """Of ``HTTP/1.1 204 No Content``. Who sends it a byte at a time is not waited for longer than anyone."""
    line = b""
    while b"\n" not in line and len(line) < _MOST_STATUS_BYTES:
        connection.settimeout(_left(deadline))
        chunk = connection.recv(_MOST_STATUS_BYTES)
        if not chunk:
            break
        line += chunk
    fields = line.partition(b"\n")[0].split()
    if len(fields) < 2 or not fields[0].startswith(b"HTTP/1.") or not fields[1].isdigit():
        raise WebhookUndelivered("the answer is not HTTP")
    return int(fields[1])


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left
