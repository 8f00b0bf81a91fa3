"""What the gateway does when it is told to end, when its store hangs, and with senders and viewers that are slow."""

from __future__ import annotations

import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.stack import Stack, eventually, running_stack

JOB = {"language": "python", "source": "print(1)"}


@pytest.fixture
def api(tmp_path: Path) -> Any:
    """A gateway and its store, and no worker: nothing needs one here."""
    with running_stack(tmp_path, PYXEC_ANONYMOUS_JOBS="1000000", PYXEC_RATE_PER_MINUTE="100000000") as stack:
        yield stack


def accepted_in(stack: Stack) -> set[str]:
    """The ids of all jobs whose record is there."""
    return {name.decode().rpartition(":")[2] for name in stack.client.scan_iter(f"*{stack.namespace}:jobs*:job:*")}


def test_told_to_end_under_load_it_loses_no_job_and_cuts_no_answer(api: Stack) -> None:
    # Given a gateway that is sent jobs by many at once
    process = api.start_api()
    answered: list[str] = []
    odd: list[object] = []
    stop = threading.Event()

    def send() -> None:
        # A connection each: on a kept one a request may cross the server's goodbye on the wire.
        while not stop.is_set():
            try:
                answer = httpx.post(f"{api.url}/v1/jobs", json=JOB, headers={"Connection": "close"}, trust_env=False)
            except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
                return  # nobody is there any more; that no job was taken without an answer is checked below
            (answered if answer.status_code == 202 else odd).append(answer.json().get("id", answer.text))

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    eventually(lambda: len(answered) > 100, 30)
    # When it is told to end
    assert process.terminate() == 0
    stop.set()
    for sender in senders:
        sender.join(30)
    # Then what was accepted is what was answered, no more and no less, and it is all queued
    assert odd == []
    assert accepted_in(api) == set(answered)
    assert api.client.xlen(f"{{{api.namespace}:jobs}}:stream") == len(answered)


def test_a_store_that_hangs_is_told_of_in_bounded_time_and_comes_back(api: Stack) -> None:
    # Given a gateway whose store stops to answer
    api.start_api()
    store: Any = api.server._process
    store.send_signal(signal.SIGSTOP)
    try:
        # When something is asked of it
        for method, path in (("POST", "/v1/jobs"), ("GET", "/v1/jobs/x"), ("GET", "/readyz"), ("GET", "/metrics")):
            began = time.monotonic()
            answer = api.http.request(method, path, json=JOB if method == "POST" else None)
            # Then it says so, within a few of its time-outs of two seconds
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/store-unavailable"), path
            assert time.monotonic() - began < 12, path
        assert api.http.get("/livez").status_code == httpx.codes.OK
    finally:
        store.send_signal(signal.SIGCONT)
    # And when the store answers again, so does the gateway, by itself
    eventually(lambda: api.http.post("/v1/jobs", json=JOB).status_code == httpx.codes.ACCEPTED, 20)


def test_who_sends_his_head_too_slowly_is_cut_off_and_harms_nobody(api: Stack) -> None:
    # Given many that begin a request and never end it
    api.start_api()
    slow = [socket.create_connection(("127.0.0.1", api.port)) for _ in range(50)]
    for number, one in enumerate(slow):
        one.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n" if number % 2 else b"")
    # When others come
    assert api.http.post("/v1/jobs", json=JOB).status_code == httpx.codes.ACCEPTED
    # Then these are served, and the slow ones are sent away
    for one in slow:
        one.settimeout(30)
        assert one.recv(1) == b""
        one.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"A: 1234567890\r\n" * 20_000 + b"\r\n",
        b"GET /" + b"x" * 200_000,
    ],
)
def test_a_head_that_is_too_large_is_refused(api: Stack, head: bytes) -> None:
    api.start_api()
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as sender:
        try:
            sender.sendall(head)
            told = sender.recv(65536)
        except ConnectionError:
            told = b"HTTP/1.1 400 cut off before it could read that"
    assert told.startswith(b"HTTP/1.1 400") or told == b""
    assert api.http.get("/livez").status_code == httpx.codes.OK


@pytest.mark.docker
def test_a_viewer_that_takes_nothing_costs_the_job_nothing(stack: Stack) -> None:
    # Given a job that prints much more than all buffers on the way to a viewer hold, and takes a while unwatched
    limits = {"output_bytes": 16 * 2**20, "wall_seconds": 60}
    source = "import sys\nfor n in range(80): sys.stdout.write('x' * 65535 + '\\n')"
    unwatched = stack.submit(source, limits=limits, wait=60)
    # When two viewers watch it that read nothing
    job = stack.submit("import time; time.sleep(1)\n" + source, limits=limits)
    viewers = [
        connect(f"ws://127.0.0.1:{stack.port}/v1/jobs/{job['id']}/stream", max_queue=1, compression=None)
        for _ in range(2)
    ]
    # Then it ends all the same, long before they would be closed, with all its output
    ended = stack.wait_until_finished(job["id"], 60)
    for viewer in viewers:
        viewer.socket.close()
    assert (ended["outcome"], len(ended["stdout"])) == ("ok", 80 * 65536)
    assert unwatched["stdout"] == ended["stdout"]
    assert ended["usage"]["wall_seconds"] < unwatched["usage"]["wall_seconds"] + 1 + 5
