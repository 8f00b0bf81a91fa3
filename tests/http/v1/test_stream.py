"""WS /v1/jobs/{id}/stream: the events of a job and its standard input."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.core.job.events import Output, Stream
from app.core.job.job_input import Input, InputKind
from tests.http.gateway import Gateway, StartGateway, wait_until
from tests.proxy import FaultProxy


async def read_to_end(connection: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """The remaining messages, and the close code."""
    messages: list[dict[str, Any]] = []
    with suppress(ConnectionClosed):
        while True:
            messages.append(json.loads(await connection.recv()))
    assert connection.close_code is not None
    return messages, connection.close_code


@pytest.mark.usefixtures("no_polling")
async def test_stream_sends_each_event_as_it_happens(gateway: Gateway) -> None:
    # Given a viewer of a queued job
    job_id = await gateway.submit()
    viewer = await gateway.open_stream(job_id)
    # When the job runs, each event arrives before the next happens
    gateway.worker.start(job_id)
    started = json.loads(await viewer.recv())
    gateway.worker.start_phase(job_id)
    phase = json.loads(await viewer.recv())
    gateway.worker.write(job_id, b"\xff")
    output = json.loads(await viewer.recv())
    first, second, third = gateway.cursors(job_id)
    assert started == {"type": "started", "cursor": first, "attempt": 1}
    assert phase == {"type": "phase", "cursor": second, "phase": "run"}
    assert output == {"type": "output", "cursor": third, "stream": "stdout", "data": "/w==", "encoding": "base64"}
    gateway.worker.finish(job_id)
    # Then the connection ends with the job
    messages, code = await read_to_end(viewer)
    assert [message["type"] for message in messages] == ["finished"]
    assert code == 1000
    await gateway.wait_for_departure(job_id)


async def test_stream_of_a_finished_job_starts_at_the_beginning(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id, b"all of it")
    messages, code = await read_to_end(await gateway.open_stream(job_id))
    assert [message["type"] for message in messages] == ["started", "phase", "output", "finished"]
    assert code == 1000


async def test_stream_resumes_after_the_cursor(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id, b"one")
    _, second, *rest = gateway.cursors(job_id)
    messages, _ = await read_to_end(await gateway.connect(f"/v1/jobs/{job_id}/stream?after={second}"))
    assert [message["cursor"] for message in messages] == rest


async def test_stream_is_the_same_for_two_viewers(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    viewers = [await gateway.open_stream(job_id) for _ in range(2)]
    gateway.worker.run(job_id, b"x")
    first, second = [await read_to_end(viewer) for viewer in viewers]
    assert first == second


async def test_messages_reach_the_job_in_order(gateway: Gateway) -> None:
    # Given a viewer of a running job
    job_id = await gateway.submit(interactive=True)
    gateway.worker.start(job_id)
    viewer = await gateway.open_stream(job_id)
    # When it sends text, bytes, the end of the input and a request to cancel
    for message in (
        {"type": "stdin", "data": "h\u00e9\n"},
        {"type": "stdin", "data": "AP8=", "encoding": "base64"},
        {"type": "eof"},
        {"type": "cancel"},
    ):
        await viewer.send(json.dumps(message))
    await wait_until(lambda: len(gateway.worker.inputs(job_id)) == 4)
    # Then the job receives them
    assert gateway.worker.inputs(job_id) == [
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
async def test_invalid_message_closes_the_stream_with_an_error(
    gateway: Gateway, message: str | bytes, kind: str, field: str | None
) -> None:
    # Given a viewer
    job_id = await gateway.submit()
    viewer = await gateway.open_stream(job_id)
    # When it sends an invalid message
    await viewer.send(message)
    # Then it receives the error, and the job is not affected
    (event,), code = await read_to_end(viewer)
    assert event["type"] == "error"
    assert event["problem"]["type"] == f"/problems/{kind}"
    assert event["problem"].get("field") == field
    assert code == 4400
    assert gateway.worker.inputs(job_id) == []


async def test_too_long_message_closes_the_stream(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_message_bytes=100)
    job_id = await gateway.submit()
    viewer = await gateway.open_stream(job_id)
    await viewer.send(json.dumps({"type": "stdin", "data": "x" * 100}))
    assert await read_to_end(viewer) == ([], 1009)


async def test_stream_of_an_unknown_job_closes_with_4404(gateway: Gateway) -> None:
    for job_id in ("unknown", "a:b"):
        (event,), code = await read_to_end(await gateway.open_stream(job_id))
        assert (event["problem"]["type"], code) == ("/problems/job-not-found", 4404)


async def test_stream_with_an_invalid_cursor_closes_with_4422(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    (event,), code = await read_to_end(await gateway.connect(f"/v1/jobs/{job_id}/stream?after=soon"))
    assert (event["problem"]["field"], code) == ("after", 4422)


async def test_stream_closes_with_4429_when_the_storage_quota_is_reached(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    job_id = await gateway.submit()
    storage = gateway.keys.storage("anonymous")
    gateway.redis.hset(storage, ":total", gateway.redis.hget(storage, ":quota"))
    viewer = await gateway.open_stream(job_id)

    await viewer.send(json.dumps({"type": "stdin", "data": "x"}))

    (event,), code = await read_to_end(viewer)
    assert (event["problem"]["type"], code) == ("/problems/storage-full", 4429)
    assert gateway.worker.inputs(job_id) == []


async def test_stream_closes_with_1013_when_redis_stops_answering(
    proxied_gateway: Gateway, redis_proxy: FaultProxy
) -> None:
    gateway = proxied_gateway
    job_id = await gateway.submit()
    viewer = await gateway.open_stream(job_id)
    await gateway.wait_for_viewer(job_id)
    redis_proxy.cut()
    gateway.worker.run(job_id, b"never seen")
    (event,), code = await read_to_end(viewer)
    assert (event["problem"]["type"], code) == ("/problems/store-unavailable", 1013)


@pytest.mark.usefixtures("no_polling")
async def test_watch_ends_and_the_job_continues_when_the_viewer_disconnects(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    viewer = await gateway.open_stream(job_id)
    await gateway.wait_for_viewer(job_id)
    await viewer.close()
    await gateway.wait_for_departure(job_id)
    assert gateway.record(job_id).state == "queued"


async def test_slow_viewer_is_disconnected_with_4408(start_gateway: StartGateway) -> None:
    # Given a viewer with a small receive buffer that does not read
    gateway = await start_gateway(slow_consumer_seconds=0.3, close_seconds=60)
    job_id = await gateway.submit()
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", gateway.port))
    viewer = await gateway.connect(f"/v1/jobs/{job_id}/stream", sock=plain, max_queue=1, compression=None)
    # When the job writes more than all buffers between them hold
    gateway.worker.start(job_id)
    for _ in range(50):
        gateway.worker.append(job_id, *[Output(Stream.STDOUT, b"x" * 65_536)] * 8)
    gateway.worker.finish(job_id)
    # Then the gateway stops watching the job although the viewer does not read
    await gateway.wait_for_viewer(job_id)
    await gateway.wait_for_departure(job_id)
    # And the viewer finds the first events, in order, and the reason of the end
    messages, code = await read_to_end(viewer)
    assert code == 4408
    assert [message["cursor"] for message in messages] == gateway.cursors(job_id)[: len(messages)]
    assert 0 < len(messages) < 400


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "https://]"])
async def test_stream_is_refused_to_pages_of_other_origins(gateway: Gateway, origin: str) -> None:
    job_id = await gateway.submit()
    with pytest.raises(InvalidStatus) as refused:
        await gateway.connect(f"/v1/jobs/{job_id}/stream", origin=origin)
    assert refused.value.response.status_code == 403


async def test_stream_is_open_to_pages_of_the_same_host(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id)
    viewer = await gateway.connect(f"/v1/jobs/{job_id}/stream", origin=f"http://127.0.0.1:{gateway.port}")
    assert (await read_to_end(viewer))[1] == 1000


async def test_stream_is_open_to_pages_of_allowed_origins(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ALLOWED_ORIGINS="https://editor.example")
    job_id = await gateway.submit()
    gateway.worker.run(job_id)
    viewer = await gateway.connect(f"/v1/jobs/{job_id}/stream", origin="https://editor.example")
    assert (await read_to_end(viewer))[1] == 1000


@pytest.mark.parametrize("path", ["/nowhere", "/v1/jobs", "/livez"])
async def test_other_routes_refuse_websockets(gateway: Gateway, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await gateway.connect(path)
    assert refused.value.response.status_code == 403
