"""POST /v1/jobs/batch with NDJSON: the results in the order in which the jobs finish, with back-pressure, resumable."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.http.memory import MEMORY
from app.http.v1.batches import acceptance
from tests.http.gateway import JOB, Gateway, StartGateway, wait_until
from tests.http.openapi.conformance import validate_schema

NDJSON = {"Accept": "application/x-ndjson"}
LINE_SCHEMA = {"$ref": "#/components/schemas/BatchMessage"}


class Lines:
    """The lines of one response."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.response = response

    async def read(self) -> dict[str, Any]:
        """The next line."""
        async with asyncio.timeout(15):
            line: dict[str, Any] = json.loads(await anext(self._lines))
        validate_schema(line, LINE_SCHEMA)
        return line

    async def read_all(self) -> list[dict[str, Any]]:
        """All other lines."""
        async with asyncio.timeout(15):
            return [json.loads(line) async for line in self._lines]


def numbered(count: int) -> list[dict[str, Any]]:
    return [{**JOB, "stdin": str(number)} for number in range(count)]


@asynccontextmanager
async def open_batch(
    gateway: Gateway, jobs: Any, key: str = "", after: str = "", **headers: str
) -> AsyncIterator[Lines]:
    sent = {**NDJSON, **({"Idempotency-Key": key} if key else {}), **headers}
    path = f"/v1/jobs/batch?after={after}"
    async with gateway.client.stream("POST", path, json={"jobs": jobs}, headers=sent) as response:
        if response.status_code != 200:
            await response.aread()
        assert response.status_code == 200, response.text
        yield Lines(response)


async def test_streamed_batch_sends_results_in_the_order_of_their_ends(gateway: Gateway) -> None:
    async with open_batch(gateway, numbered(3)) as lines:
        assert (await lines.read())["jobs"] == 3
        await wait_until(lambda: gateway.worker.waiting() == 3)
        ids = [gateway.worker.start() for _ in range(3)]
        for index in (2, 0, 1):
            gateway.worker.run(ids[index], stdout=str(index).encode())
            line = await lines.read()
            assert (line["type"], line["index"], line["job"]["id"]) == ("result", index, ids[index])
            assert line["job"]["stdout"] == str(index)
        assert await lines.read_all() == [{"type": "end", "ended": 3, "jobs": 3}]


async def test_streamed_batch_does_not_depend_on_wake_ups(gateway: Gateway) -> None:
    gateway.worker.publishes_wake_ups = False
    async with open_batch(gateway, numbered(1)) as lines:
        await lines.read()
        await wait_until(lambda: gateway.worker.waiting() == 1)
        gateway.worker.run()
        assert (await lines.read())["index"] == 0


async def test_streamed_batch_sends_results_without_polling(gateway: Gateway, no_polling: None) -> None:
    async with open_batch(gateway, numbered(2)) as lines:
        await lines.read()
        await wait_until(lambda: gateway.worker.waiting() == 2)
        for _ in range(2):
            await asyncio.sleep(0.05)  # the stream waits for a wake-up
            gateway.worker.run()
            assert (await lines.read())["type"] == "result"


async def test_streamed_batch_reports_rejected_and_cancelled_jobs(gateway: Gateway) -> None:
    jobs = [JOB, {**JOB, "language": "klingon"}, 7]
    async with open_batch(gateway, jobs) as lines:
        await lines.read()
        problems = [await lines.read() for _ in range(2)]
        assert [(line["type"], line["index"], line["problem"]["field"]) for line in problems] == [
            ("problem", 1, "language"), ("problem", 2, "body"),
        ]  # fmt: skip
        (job_id,) = gateway.job_ids()
        await gateway.client.post(f"/v1/jobs/{job_id}/cancel")
        line = await lines.read()
        assert (line["index"], line["job"]["outcome"]) == (0, "cancelled")
        assert (await lines.read())["ended"] == 3


async def test_streamed_batch_reports_a_dead_lettered_job(gateway: Gateway) -> None:
    async with open_batch(gateway, [JOB]) as lines:
        await lines.read()
        gateway.worker.reject(gateway.worker.start())
        line = await lines.read()
        assert (line["index"], line["job"]["outcome"]) == (0, "infrastructure_error")
        assert (await lines.read())["type"] == "end"


async def test_streamed_batch_continues_after_a_disconnect(gateway: Gateway) -> None:
    # Given a client that disconnects after the first of four results
    async with open_batch(gateway, numbered(4), key="k") as lines:
        batch_id = (await lines.read())["id"]
        await wait_until(lambda: gateway.worker.waiting() == 4)
        gateway.worker.run()
        first = await lines.read()
        location = lines.response.headers["Location"]
    # And two jobs that finish while it is disconnected
    ids = [gateway.worker.run() for _ in range(2)]
    # When it sends the same request with its cursor
    async with open_batch(gateway, numbered(4), key="k", after=first["cursor"]) as lines:
        assert (await lines.read())["id"] == batch_id
        assert [(await lines.read())["job"]["id"] for _ in range(2)] == ids
        last = gateway.worker.run()
        assert (await lines.read())["job"]["id"] == last
        assert (await lines.read())["ended"] == 4
    # Then no job ran twice, and every result can be read again by the id of the batch
    assert len(gateway.job_ids()) == 4
    assert location == f"/v1/jobs/batch/{batch_id}"
    again = await gateway.client.get(location)
    results = [json.loads(line) for line in again.text.splitlines()]
    assert [line["type"] for line in results] == ["batch", *["result"] * 4, "end"]
    rest = await gateway.client.get(location, params={"after": results[2]["cursor"]})
    assert [json.loads(line)["type"] for line in rest.text.splitlines()] == ["batch", "result", "result", "end"]


async def test_streamed_batch_is_followed_by_its_id(gateway: Gateway) -> None:
    async with open_batch(gateway, numbered(2)) as lines:
        batch_id = (await lines.read())["id"]
        await wait_until(lambda: gateway.worker.waiting() == 2)
        path = f"/v1/jobs/batch/{batch_id}"
        assert (await gateway.client.get(path)).text.splitlines()[-1] == '{"type":"end","ended":0,"jobs":2}'
        async with gateway.client.stream("GET", path, params={"follow": "true"}) as response:
            followed = Lines(response)
            await followed.read()
            gateway.worker.run()
            gateway.worker.run()
            assert [line["type"] for line in await followed.read_all()] == ["result", "result", "end"]


async def test_streamed_batch_belongs_to_its_caller(gateway: Gateway) -> None:
    owner, other = await gateway.create_caller(), await gateway.create_caller()
    async with open_batch(gateway, [JOB], **owner) as lines:
        path = f"/v1/jobs/batch/{(await lines.read())['id']}"
    for headers, status in ((owner, 200), (other, 404), ({}, 404)):
        response = await gateway.client.get(path, headers=headers)
        assert response.status_code == status, response.text
    assert (await gateway.client.get("/v1/jobs/batch/nothing")).json()["type"] == "/problems/not-found"
    assert (await gateway.client.get("/v1/jobs/batch/a%3Ab")).status_code == 404


async def test_streamed_batch_waits_for_free_slots(start_gateway: StartGateway) -> None:
    # Given a caller that may have two unfinished jobs
    gateway = await start_gateway(PYXEC_ANONYMOUS_JOBS="2")
    async with open_batch(gateway, numbered(6)) as lines:
        await lines.read()
        # When its batch has six, then all of them run, two at a time
        for _ in range(6):
            await wait_until(lambda: gateway.worker.waiting() > 0)
            assert gateway.worker.waiting() <= 2
            gateway.worker.run()
            assert (await lines.read())["type"] == "result"
        assert (await lines.read())["ended"] == 6


async def test_streamed_batch_waits_for_tokens(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="2", PYXEC_RATE_PER_MINUTE="240")
    gateway.worker.handle_jobs(gateway.worker.run)
    async with open_batch(gateway, numbered(4)) as lines:
        assert [line["type"] for line in await lines.read_all()] == ["batch", *["result"] * 4, "end"]


async def test_streamed_batch_is_rejected_as_a_whole_with_its_first_job(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS_JOBS="1")
    await gateway.submit()
    response = await gateway.client.post("/v1/jobs/batch", json={"jobs": [JOB]}, headers=NDJSON)
    assert (response.status_code, response.json()["type"]) == (429, "/problems/too-many-jobs")


async def test_streamed_batch_stops_submitting_when_the_client_does_not_read(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a limit of 5 jobs ahead of the client, and results of 1 MiB
    monkeypatch.setattr(acceptance, "MAX_AHEAD", 5)
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, stdout=b"x" * 1_000_000))
    body = json.dumps({"jobs": numbered(40)}).encode()
    head = (
        "POST /v1/jobs/batch HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    # When the client reads nothing
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.to_thread(connection.sendall, head.encode() + body)
        await wait_until(lambda: len(gateway.job_ids()) >= 5)
        await asyncio.sleep(1)
        # Then the gateway holds the memory of one result, and submits no more jobs than fit into the buffers
        assert len(gateway.job_ids()) < 20
        assert MEMORY.reserved_bytes < 4_000_000
    await wait_until(lambda: MEMORY.reserved_bytes == 0)


async def test_streamed_batch_sends_heartbeats(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(heartbeat_seconds=0.1)
    async with open_batch(gateway, [JOB]) as lines:
        await lines.read()
        assert await lines.read() == {"type": "heartbeat"}


@pytest.mark.parametrize(
    ("jobs", "after", "field"), [([], "", "jobs"), ([JOB] * 10_001, "", "jobs"), ([JOB], "x", "after")]
)
async def test_invalid_streamed_batch_is_rejected(gateway: Gateway, jobs: Any, after: str, field: str) -> None:
    response = await gateway.client.post(f"/v1/jobs/batch?after={after}", json={"jobs": jobs}, headers=NDJSON)
    assert (response.status_code, response.json()["field"]) == (422, field)


async def test_streamed_batch_with_the_key_of_another_batch_is_rejected(gateway: Gateway) -> None:
    async with open_batch(gateway, numbered(2), key="k") as lines:
        await lines.read()
    headers = {**NDJSON, "Idempotency-Key": "k"}
    response = await gateway.client.post("/v1/jobs/batch", json={"jobs": numbered(3)}, headers=headers)
    assert (response.status_code, response.json()["type"]) == (422, "/problems/idempotency-mismatch")
