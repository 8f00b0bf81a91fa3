"""The gateway at shutdown, with a store that hangs, and with slow clients."""

from __future__ import annotations

import random
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.drill.links import ProxyLink
from tests.drill.server import Server
from tests.stack import Stack, eventually, running_stack

JOB = {"language": "python", "source": "print(1)"}


@pytest.fixture
def api(tmp_path: Path) -> Any:
    """A gateway and its store, without a worker."""
    with running_stack(tmp_path, PYXEC_ANONYMOUS_JOBS="1000000", PYXEC_RATE_PER_MINUTE="100000000") as stack:
        yield stack


def read_accepted_jobs(stack: Stack) -> set[str]:
    """Return the ids of all jobs that have a record."""
    return {name.decode().rpartition(":")[2] for name in stack.client.scan_iter(f"*{stack.namespace}:jobs*:job:*")}


def test_gateway_loses_no_job_and_no_response_when_it_is_terminated_under_load(api: Stack) -> None:
    # Given a gateway to which many clients submit jobs
    process = api.start_api()
    accepted: list[str] = []
    other_responses: list[object] = []
    stop = threading.Event()

    def send() -> None:
        # One connection per request: on a kept connection, the server may close it while a request is on its way.
        while not stop.is_set():
            try:
                answer = httpx.post(f"{api.url}/v1/jobs", json=JOB, headers={"Connection": "close"}, trust_env=False)
            except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
                return  # the gateway has stopped; the assertions below check that it accepted no job without a response
            (accepted if answer.status_code == 202 else other_responses).append(answer.json().get("id", answer.text))

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    eventually(lambda: len(accepted) > 100, 30)
    # When it is terminated
    assert process.terminate() == 0
    stop.set()
    for sender in senders:
        sender.join(30)
    # Then exactly the jobs with a 202 response are accepted and queued
    assert other_responses == []
    assert read_accepted_jobs(api) == set(accepted)
    assert api.client.xlen(f"{{{api.namespace}:jobs}}:stream") == len(accepted)


def test_gateway_returns_503_when_store_hangs_and_recovers(api: Stack) -> None:
    # Given a gateway whose store does not answer
    api.start_api()
    store: Any = api.server._process
    store.send_signal(signal.SIGSTOP)
    try:
        # When clients send requests
        for method, path in (("POST", "/v1/jobs"), ("GET", "/v1/jobs/x"), ("GET", "/readyz"), ("GET", "/metrics")):
            started = time.monotonic()
            answer = api.http.request(method, path, json=JOB if method == "POST" else None)
            # Then it returns 503 within a few time-outs of two seconds
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/store-unavailable"), path
            assert time.monotonic() - started < 12, path
        assert api.http.get("/livez").status_code == httpx.codes.OK
    finally:
        store.send_signal(signal.SIGCONT)
    # And when the store answers again, the gateway accepts jobs again
    eventually(lambda: api.http.post("/v1/jobs", json=JOB).status_code == httpx.codes.ACCEPTED, 20)


def test_gateway_returns_202_or_503_while_store_is_killed_repeatedly(tmp_path: Path) -> None:
    # Given a gateway that reaches its store through a proxy, which closes connections at any time
    server = Server(tmp_path / "data", tmp_path / "redis.log")
    settings = {"PYXEC_ANONYMOUS_JOBS": "1000000", "PYXEC_RATE_PER_MINUTE": "100000000", "PYXEC_RATE_BURST": "1000000"}
    stack = Stack(tmp_path, settings, server=server)
    link = ProxyLink(server.port)
    stack.settings["REDIS_URL"] = link.url
    statuses: set[int] = set()
    stop = threading.Event()

    def submit_repeatedly() -> None:
        with httpx.Client(base_url=stack.url, timeout=20, trust_env=False) as client:
            while not stop.is_set():
                statuses.add(client.post("/v1/jobs", json=JOB).status_code)

    try:
        stack.start_api()
        clients = [threading.Thread(target=submit_repeatedly) for _ in range(6)]
        for client in clients:
            client.start()
        # When the store is killed and restarted many times
        for _ in range(15):
            time.sleep(random.random() * 0.5)
            server.kill()
            time.sleep(random.random() * 0.3)
            server.start()
        stop.set()
        for client in clients:
            client.join(30)
        # Then every response is an acceptance or a 503, and the gateway accepts jobs again
        assert statuses == {202, 503}
        eventually(lambda: stack.http.post("/v1/jobs", json=JOB).status_code == httpx.codes.ACCEPTED, 20)
    finally:
        stop.set()
        stack.stop()
        link.close()


def test_gateway_closes_connection_when_request_head_is_incomplete(api: Stack) -> None:
    # Given many clients that send incomplete requests
    api.start_api()
    slow = [socket.create_connection(("127.0.0.1", api.port)) for _ in range(50)]
    for number, client in enumerate(slow):
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n" if number % 2 else b"")
    # When another client submits a job
    assert api.http.post("/v1/jobs", json=JOB).status_code == httpx.codes.ACCEPTED
    # Then it is accepted, and the connections of the slow clients are closed
    for client in slow:
        client.settimeout(30)
        assert client.recv(1) == b""
        client.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"A: 1234567890\r\n" * 20_000 + b"\r\n",
        b"GET /" + b"x" * 200_000,
    ],
)
def test_gateway_rejects_request_when_head_is_too_large(api: Stack, head: bytes) -> None:
    api.start_api()
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as sender:
        sender.sendall(head)
        response = sender.recv(65536)
    assert response.startswith(b"HTTP/1.1 431")
    assert time.monotonic() - started < 2
    assert api.http.get("/livez").status_code == httpx.codes.OK


@pytest.mark.docker
def test_job_is_not_delayed_when_websocket_client_does_not_read(stack: Stack) -> None:
    # Given the time of a job whose output is larger than all buffers between the program and a client
    limits = {"output_bytes": 16 * 2**20, "wall_seconds": 60}
    source = "import sys\nfor n in range(80): sys.stdout.write('x' * 65535 + '\\n')"
    unwatched = stack.submit(source, limits=limits, wait=60)
    # When two clients follow the same program and read nothing
    job = stack.submit("import time; time.sleep(1)\n" + source, limits=limits)
    clients = [
        connect(f"ws://127.0.0.1:{stack.port}/v1/jobs/{job['id']}/stream", max_queue=1, compression=None)
        for _ in range(2)
    ]
    # Then it ends with its whole output, long before the gateway closes these connections
    ended = stack.wait_until_finished(job["id"], 60)
    for client in clients:
        client.socket.close()
    assert (ended["outcome"], len(ended["stdout"])) == ("ok", 80 * 65536)
    assert unwatched["stdout"] == ended["stdout"]
    assert ended["usage"]["wall_seconds"] < unwatched["usage"]["wall_seconds"] + 1 + 5
