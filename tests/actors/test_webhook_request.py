"""One webhook on its way: what is sent, what counts as an answer, and where it never goes."""

from __future__ import annotations

import hashlib
import hmac
import socket
import time

import pytest

from app.actors.webhook_request import send_webhook, signature
from app.core.errors import WebhookUndelivered
from tests.actors.receiver import answer_with, receiving


def send(url: str, body: bytes = b"{}", **options: object) -> None:
    send_webhook(url, [("X-Test", "1")], body, **{"allow_private": True, "seconds": 2, **options})  # type: ignore[arg-type]


def test_a_signature_is_over_the_time_and_the_body() -> None:
    expected = hmac.new(b"secret", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature("secret", 1_700_000_000, b'{"a":1}') == f"t=1700000000,v1={expected}"


def test_a_request_arrives_as_it_was_meant() -> None:
    with receiving() as receiver:
        send(receiver.url, b'{"a": 1}')
    (request,) = receiver.requests
    assert request.line == "POST /hook?a=b HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-test"] == "1"
    assert request.body == b'{"a": 1}'


def test_the_name_goes_along_though_the_address_is_connected_to() -> None:
    with receiving() as receiver:
        send(f"http://client.example:{receiver.port}", resolve=lambda host, port: ["127.0.0.1"])
    assert receiver.requests[0].headers["host"] == f"client.example:{receiver.port}"
    assert receiver.requests[0].line == "POST / HTTP/1.1"


@pytest.mark.parametrize("status", [b"200 OK", b"201 Created", b"204", b"299 x"])
def test_any_2xx_is_an_answer(status: bytes) -> None:
    with receiving(answer_with(b"HTTP/1.1 " + status + b"\r\n\r\n")) as receiver:
        send(receiver.url)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 no\r\n\r\n", b"HTTP/1.1 404 no\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"", b"\r\n",
        b"SSH-2.0-x\r\n", b"HTTP/1.1\r\n", b"HTTP/1.1 two\r\n", b"x" * 5000,
    ],
)  # fmt: skip
def test_anything_else_is_none(answer: bytes) -> None:
    with receiving(answer_with(answer)) as receiver, pytest.raises(WebhookUndelivered):
        send(receiver.url)


def test_a_redirect_is_not_followed() -> None:
    with receiving() as inner, receiving() as outer:
        outer.answers.append(answer_with(f"HTTP/1.1 307 go\r\nLocation: {inner.url}\r\n\r\n".encode()))
        with pytest.raises(WebhookUndelivered):
            send(outer.url)
    assert inner.requests == []


def test_who_answers_a_byte_at_a_time_is_not_waited_for() -> None:
    def drip(connection: socket.socket) -> None:
        for _ in range(100):
            connection.sendall(b"H")
            time.sleep(0.1)

    with receiving(drip) as receiver:
        began = time.monotonic()
        with pytest.raises(WebhookUndelivered):
            send(receiver.url, seconds=0.5)
        assert time.monotonic() - began < 3


def test_who_takes_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(WebhookUndelivered):
            send(url, b"x" * 50_000_000, seconds=0.5)
        assert time.monotonic() - began < 3


def test_a_long_answer_is_not_read() -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with receiving(endless) as receiver:
        send(receiver.url)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"], ["fe80::1%eth0"], []])
def test_a_name_that_leads_to_a_private_address_is_refused_before_anything_is_sent(addresses: list[str]) -> None:
    with receiving() as receiver:
        url = f"http://client.example:{receiver.port}"
        with pytest.raises(WebhookUndelivered):
            send(url, allow_private=False, resolve=lambda host, port: addresses)
    assert receiver.requests == []


def test_a_name_is_resolved_once_so_that_it_cannot_change_in_between() -> None:
    # Given a name that leads to another address each time it is asked for
    answers = [["127.0.0.1"], ["192.0.2.1"]]
    with receiving() as receiver:
        send(f"http://client.example:{receiver.port}", resolve=lambda host, port: answers.pop(0))
    assert len(receiver.requests) == 1
    assert answers == [["192.0.2.1"]]


def test_a_name_that_is_none_is_told() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    with pytest.raises(WebhookUndelivered, match="not known"):
        send("http://client.example", resolve=unknown)


def test_a_server_without_tls_is_not_taken_for_one_with() -> None:
    with receiving() as receiver, pytest.raises(WebhookUndelivered):
        send(receiver.url.replace("http://", "https://"))
