"""WS /v1/jobs/{id}/stream: a job live, with its standard input."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.core.job_input import Input, InputKind
from tests.http.conftest import Gateway, StartGateway


async def closing(connection: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """What still comes, and the close code."""
    messages = [json.loads(message) async for message in connection]
    await connection.wait_closed()
    assert connection.close_code is not None
    return messages, connection.close_code


async def closing_abruptly(connection: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """The same where the close code is an error to the client library."""
    messages: list[dict[str, Any]] = []
    with pytest.raises(ConnectionClosed) as closed:
        await _receive_into(messages, connection)
    assert closed.value.rcvd is not None
    return messages, closed.value.rcvd.code


async def _receive_into(messages: list[dict[str, Any]], connection: ClientConnection) -> None:
    while True:
        messages.append(json.loads(await connection.recv()))


async def test_a_viewer_sees_every_event_as_it_happens(gateway: Gateway) -> None:
    # Given a viewer of a queued job
    gateway.jobs.patient = True
    job_id = await gateway.submit()
    viewer = await gateway.open_stream(job_id)
    # When it runs, each event is seen before the next happens
    gateway.jobs.start(job_id)
    assert json.loads(await viewer.recv()) == {"type": "started", "cursor": "1", "attempt": 1}
    gateway.jobs.phase(job_id)
    assert json.loads(await viewer.recv()) == {"type": "phase", "cursor": "2", "phase": "run"}
    gateway.jobs.write(job_id, b"\xff")
    assert json.loads(await viewer.recv()) == {
        "type": "output",
        "cursor": "3",
        "stream": "stdout",
        "data": "/w==",
        "encoding": "base64",
    }
    gateway.jobs.finish(job_id)
    # Then the socket ends with the job
    messages, code = await closing(viewer)
    assert [message["type"] for message in messages] == ["finished"]
    assert code == 1000
    assert gateway.jobs.viewers(job_id) == 0


async def test_who_comes_after_the_end_sees_everything(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.run(job_id, b"all of it")
    messages, code = await closing(await gateway.open_stream(job_id))
    assert [message["type"] for message in messages] == ["started", "phase", "output", "finished"]
    assert code == 1000


async def test_who_comes_back_goes_on_at_the_cursor(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.run(job_id, b"one")
    messages, _ = await closing(await gateway.connect(f"/v1/jobs/{job_id}/stream?after=2"))
    assert [message["cursor"] for message in messages] == ["3", "4"]


async def test_two_viewers_see_the_same(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    viewers = [await gateway.open_stream(job_id) for _ in range(2)]
    gateway.jobs.run(job_id, b"x")
    first, second = [await closing(viewer) for viewer in viewers]
    assert first == second


async def test_what_is_typed_reaches_the_job_in_order(gateway: Gateway) -> None:
    # Given a viewer of a running job
    job_id = await gateway.submit(interactive=True)
    gateway.jobs.start(job_id)
    viewer = await gateway.open_stream(job_id)
    # When it sends text, bytes, the end of input and a cancel
    for message in (
        {"type": "stdin", "data": "h\u00e9\n"},
        {"type": "stdin", "data": "AP8=", "encoding": "base64"},
        {"type": "eof"},
        {"type": "cancel"},
    ):
        await viewer.send(json.dumps(message))
    await gateway.jobs.until(lambda jobs: len(jobs.inputs[job_id]) == 4)
    # Then the job has them
    assert gateway.jobs.inputs[job_id] == [
        Input(InputKind.STDIN, "h\u00e9\n".encode()),
        Input(InputKind.STDIN, b"\x00\xff"),
        Input(InputKind.EOF),
        Input(InputKind.CANCEL),
    ]
    await viewer.close()


@pytest.mark.parametrize(
    ("message", "kind", "field"),
    [
        ("{", "malformed-request", None),
        ("[" * 50_000, "invalid-request", "body"),
        ("{}", "invalid-request", "type"),
        ('{"type": "reboot"}', "invalid-request", "type"),
        ('{"type": "stdin"}', "invalid-request", "data"),
        ('{"type": "stdin", "data": 1}', "invalid-request", "data"),
        ('{"type": "stdin", "data": "%", "encoding": "base64"}', "invalid-request", "data"),
        ('{"type": "eof", "now": true}', "invalid-request", "now"),
        (b"\x00\x01", "invalid-request", "body"),
    ],
)
async def test_a_bad_message_is_told_and_ends_the_socket(
    gateway: Gateway, message: str | bytes, kind: str, field: str | None
) -> None:
    # Given a viewer
    job_id = await gateway.submit()
    viewer = await gateway.open_stream(job_id)
    # When it sends what is no message
    await viewer.send(message)
    # Then it is told what is wrong, and the job is left alone
    (told,), code = await closing_abruptly(viewer)
    assert told["type"] == "error"
    assert told["problem"]["type"] == f"/problems/{kind}"
    assert told["problem"].get("field") == field
    assert code == 4400
    assert gateway.jobs.inputs[job_id] == []


async def test_a_message_that_is_too_big_ends_the_socket(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_message_bytes=100)
    job_id = await gateway.submit()
    viewer = await gateway.open_stream(job_id)
    await viewer.send(json.dumps({"type": "stdin", "data": "x" * 100}))
    assert await closing_abruptly(viewer) == ([], 1009)


async def test_an_unknown_job_is_told_by_a_close_code(gateway: Gateway) -> None:
    for job_id in ("nobody", "a:b"):
        (told,), code = await closing_abruptly(await gateway.open_stream(job_id))
        assert (told["problem"]["type"], code) == ("/problems/job-not-found", 4404)


async def test_what_cannot_be_a_cursor_is_told_by_a_close_code(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    (told,), code = await closing_abruptly(await gateway.connect(f"/v1/jobs/{job_id}/stream?after=soon"))
    assert (told["problem"]["field"], code) == ("after", 4422)


async def test_a_store_that_goes_down_is_told_by_a_close_code(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    viewer = await gateway.open_stream(job_id)
    await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) == 1)
    gateway.jobs.down = True
    gateway.jobs.write(job_id, b"never seen")
    (told,), code = await closing_abruptly(viewer)
    assert (told["problem"]["type"], code) == ("/problems/store-unavailable", 1013)


async def test_a_viewer_that_leaves_is_forgotten_and_its_job_runs_on(gateway: Gateway) -> None:
    gateway.jobs.patient = True
    job_id = await gateway.submit()
    viewer = await gateway.open_stream(job_id)
    await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) == 1)
    await viewer.close()
    await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) == 0)
    assert gateway.jobs.records[job_id].state == "queued"


async def test_a_viewer_that_takes_nothing_is_closed_and_told_why(start_gateway: StartGateway) -> None:
    # Given a viewer with a small receive buffer that does not read
    gateway = await start_gateway(slow_consumer_seconds=0.3, close_seconds=60)
    job_id = await gateway.submit()
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", gateway.port))
    viewer = await gateway.connect(f"/v1/jobs/{job_id}/stream", sock=plain, max_queue=1, compression=None)
    # When the job writes more than all buffers on the way hold
    for _ in range(400):
        gateway.jobs.write(job_id, b"x" * 65_536)
    gateway.jobs.finish(job_id)
    # Then the gateway lets go of it, without having had to wait for its reading
    await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) == 1)
    await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) == 0)
    # And when it reads at last, it finds the beginning, in order, and the reason of the end
    messages, code = await closing_abruptly(viewer)
    assert code == 4408
    assert [message["cursor"] for message in messages] == [str(number + 1) for number in range(len(messages))]
    assert 0 < len(messages) < 400


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "https://]"])
async def test_pages_of_other_hosts_may_not_open_a_socket(gateway: Gateway, origin: str) -> None:
    job_id = await gateway.submit()
    with pytest.raises(InvalidStatus) as refused:
        await gateway.connect(f"/v1/jobs/{job_id}/stream", origin=origin)
    assert refused.value.response.status_code == 403


async def test_pages_of_the_same_host_may(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.run(job_id)
    viewer = await gateway.connect(f"/v1/jobs/{job_id}/stream", origin=f"http://127.0.0.1:{gateway.port}")
    assert (await closing(viewer))[1] == 1000


async def test_pages_on_the_list_may(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(allowed_origins=frozenset({"https://editor.example"}))
    job_id = await gateway.submit()
    gateway.jobs.run(job_id)
    viewer = await gateway.connect(f"/v1/jobs/{job_id}/stream", origin="https://editor.example")
    assert (await closing(viewer))[1] == 1000


@pytest.mark.parametrize("path", ["/nowhere", "/v1/jobs", "/livez"])
async def test_there_is_no_socket_anywhere_else(gateway: Gateway, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await gateway.connect(path)
    assert refused.value.response.status_code == 403
