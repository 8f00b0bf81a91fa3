"""The webhook client: requests, responses, time limits and the addresses it connects to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.actors.webhook_client import send_webhook
from app.core.errors import WebhookUndelivered
from tests.actors.webhook_receiver import NO_CONTENT, respond_with, running_receiver
from tests.ports import free_port


def send(url: str, body: bytes = b"{}", **options: object) -> None:
    defaults: dict[str, object] = {"allow_private": True, "timeout_seconds": 2}
    send_webhook(url, {"X-Test": "1"}, body, **{**defaults, **options})  # type: ignore[arg-type]


def test_send_webhook_sends_headers_and_body() -> None:
    with running_receiver() as receiver:
        send(receiver.url, b'{"a": 1}')
    (request,) = receiver.requests
    assert request.line == "POST /hook?a=b HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "pyxec-webhook"
    assert request.headers["x-test"] == "1"
    assert request.body == b'{"a": 1}'


def test_send_webhook_sends_host_of_url_when_it_connects_to_address() -> None:
    with running_receiver() as receiver:
        send(f"http://client.example:{receiver.port}", resolve=lambda host, port: ["127.0.0.1"])
    assert receiver.requests[0].headers["host"] == f"client.example:{receiver.port}"
    assert receiver.requests[0].line == "POST / HTTP/1.1"


@pytest.mark.parametrize("status", [b"200 OK", b"201 Created", b"204", b"299 x"])
def test_send_webhook_accepts_2xx(status: bytes) -> None:
    with running_receiver(respond_with(b"HTTP/1.1 " + status + b"\r\n\r\n")) as receiver:
        send(receiver.url)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 500 no\r\n\r\n", b"HTTP/1.1 404 no\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"", b"\r\n",
        b"SSH-2.0-x\r\n", b"HTTP/1.1\r\n", b"HTTP/1.1 two\r\n", b"x" * 5000,
    ],
)  # fmt: skip
def test_send_webhook_raises_when_response_is_not_2xx(response: bytes) -> None:
    with running_receiver(respond_with(response)) as receiver, pytest.raises(WebhookUndelivered):
        send(receiver.url)


def test_send_webhook_does_not_follow_redirect() -> None:
    with running_receiver() as inner, running_receiver() as outer:
        outer.responders.append(respond_with(f"HTTP/1.1 307 go\r\nLocation: {inner.url}\r\n\r\n".encode()))
        with pytest.raises(WebhookUndelivered):
            send(outer.url)
    assert inner.requests == []


def test_send_webhook_ignores_proxy_of_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
        send(receiver.url)
    assert len(receiver.requests) == 1


# --- time and size limits


def test_send_webhook_times_out_when_response_comes_byte_by_byte() -> None:
    def drip(connection: socket.socket) -> None:
        for _ in range(100):
            connection.sendall(b"H")
            time.sleep(0.1)

    with running_receiver(drip) as receiver:
        started = time.monotonic()
        with pytest.raises(WebhookUndelivered):
            send(receiver.url, timeout_seconds=0.5)
        assert time.monotonic() - started < 3


def test_send_webhook_times_out_when_receiver_does_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(WebhookUndelivered):
            send(url, b"x" * 50_000_000, timeout_seconds=0.5)
        assert time.monotonic() - started < 3


def test_send_webhook_does_not_read_body_of_response() -> None:
    def respond_endlessly(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with running_receiver(respond_endlessly) as receiver:
        send(receiver.url)


def test_send_webhook_raises_when_head_of_response_is_too_long() -> None:
    def respond_with_endless_head(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X: " + b"x" * 1000 + b"\r\n")

    with running_receiver(respond_with_endless_head) as receiver, pytest.raises(WebhookUndelivered):
        send(receiver.url)


# --- addresses


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"], ["fe80::1%eth0"], [], ["168.63.129.16"], ["192.0.0.192"],
        ["100.100.100.200"], ["fd00:ec2::254"], ["2606:2800:21f::5efe:10.0.0.1"], ["64:ff9b:1::a9fe:a9fe"],
    ],
)  # fmt: skip
def test_send_webhook_sends_nothing_when_host_resolves_to_private_address(addresses: list[str]) -> None:
    with running_receiver() as receiver:
        url = f"http://client.example:{receiver.port}"
        with pytest.raises(WebhookUndelivered):
            send(url, allow_private=False, resolve=lambda host, port: addresses)
    assert receiver.requests == []


def test_send_webhook_resolves_host_once() -> None:
    # A host that resolves to another address each time
    addresses = [["127.0.0.1"], ["192.0.2.1"]]
    with running_receiver() as receiver:
        send(f"http://client.example:{receiver.port}", resolve=lambda host, port: addresses.pop(0))
    assert len(receiver.requests) == 1
    assert addresses == [["192.0.2.1"]]


def test_send_webhook_tries_next_address_when_first_refuses() -> None:
    with running_receiver() as receiver:
        send(f"http://client.example:{receiver.port}", resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    assert len(receiver.requests) == 1


@contextlib.contextmanager
def unresponsive_port(address: str, port: int) -> Iterator[None]:
    """Listen on a port whose connections are never established: the queue of pending ones is full."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket(socket.AF_INET6))
        server.bind((address, port))
        server.listen(0)
        for _ in range(4):
            pending = stack.enter_context(socket.socket(socket.AF_INET6))
            pending.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                pending.connect((address, port))
        yield


@pytest.mark.parametrize("is_unresponsive", [False, True])
def test_guarantee_2_webhook_is_delivered_when_only_the_ipv4_address_of_its_host_works(is_unresponsive: bool) -> None:
    with running_receiver() as receiver, contextlib.ExitStack() as stack:
        if is_unresponsive:  # otherwise it refuses connections
            stack.enter_context(unresponsive_port("::1", receiver.port))
        started = time.monotonic()
        send(f"http://client.example:{receiver.port}", resolve=lambda host, port: ["::1", "127.0.0.1"])
    assert len(receiver.requests) == 1
    assert time.monotonic() - started < 2


def test_guarantee_2_webhook_is_delivered_when_many_ipv6_addresses_of_its_host_do_not_work() -> None:
    # Addresses of the discard-only prefix, RFC 6666
    addresses = [*(f"100::{number}" for number in range(1, 9)), "127.0.0.1"]
    with running_receiver() as receiver:
        send(f"http://client.example:{receiver.port}", resolve=lambda host, port: addresses)
    assert len(receiver.requests) == 1


def test_send_webhook_times_out_when_no_address_responds() -> None:
    with running_receiver() as receiver, unresponsive_port("::1", receiver.port):
        started = time.monotonic()
        with pytest.raises(WebhookUndelivered):
            send(f"http://client.example:{receiver.port}", resolve=lambda host, port: ["::1"] * 8)
    assert receiver.requests == []
    assert time.monotonic() - started < 3


def test_send_webhook_raises_when_host_is_unknown() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    with pytest.raises(WebhookUndelivered, match="not known"):
        send("http://client.example", resolve=unknown)


# --- TLS


@pytest.fixture
def tls_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Port of a TLS server whose certificate is for ``client.example`` and is trusted."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=client.example",
         "-addext", "subjectAltName=DNS:client.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def serve(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as stream:
                # A close with unread data resets the connection, and the client could lose the response.
                received = b""
                while not received.endswith(b"{}"):
                    received += stream.recv(65536) or b"{}"
                stream.sendall(NO_CONTENT)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_send_webhook_verifies_certificate_for_host_of_url(tls_port: int) -> None:
    send(f"https://client.example:{tls_port}/", resolve=lambda host, port: ["127.0.0.1"])
    with pytest.raises(WebhookUndelivered, match="CERTIFICATE_VERIFY_FAILED"):
        send(f"https://other.example:{tls_port}/", resolve=lambda host, port: ["127.0.0.1"])


def test_send_webhook_raises_when_server_of_https_url_has_no_tls() -> None:
    with running_receiver() as receiver, pytest.raises(WebhookUndelivered):
        send(receiver.url.replace("http://", "https://"))
