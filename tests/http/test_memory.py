"""The memory of the gateway process while it sends large results, with a real server process."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from app.core.job.events import Output, Stream
from app.http.memory import MAX_HELD_BYTES, MEMORY, GatewayBusy, MemoryBudget, Reservation
from tests.http.gateway import JOB, OPERATOR, OPERATOR_KEY, Gateway, bearer
from tests.http.worker import ScriptedWorker, phase_report

MIB = 1024 * 1024
MAX_OUTPUT_BYTES = 64 * MIB
#: Beyond the reserved memory: one page of a log per read, pieces of responses, buffers of the sockets, and the cache of
#: pages (32 MiB).
ALLOWANCE_BYTES = 96 * MIB
CHUNK_BYTES = 64 * 1024


@dataclass
class Server:
    """gunicorn with one worker process, on the Redis server of the tests."""

    pid: int
    client: httpx.AsyncClient
    worker: ScriptedWorker
    headers: dict[str, str]

    async def create_job(self, path: str, body: dict[str, Any], unit: bytes, stream: Stream = Stream.STDOUT) -> str:
        """A finished job that wrote MAX_OUTPUT_BYTES: ``unit`` over and over."""
        response = await self.client.post(path, json=body, headers=self.headers)
        assert response.is_success, response.text
        created = response.json()
        job_id = str(created.get("id") or created["token"])
        self.worker.start(job_id)
        self.worker.start_phase(job_id)
        chunk = unit * (CHUNK_BYTES // len(unit))
        for _ in range(0, MAX_OUTPUT_BYTES, 16 * CHUNK_BYTES):
            self.worker.append(job_id, *([Output(stream, chunk)] * 16))
        name = f"{stream}_bytes"
        self.worker.finish(job_id, phases=(phase_report(**{name: MAX_OUTPUT_BYTES}),))
        return job_id

    def peak_bytes(self) -> int:
        """The highest resident memory of the worker process so far."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        status = Path(f"/proc/{children[0]}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024


@pytest.fixture
async def server(redis_url: str, namespace: str, tmp_path: Path) -> AsyncIterator[Server]:
    key_file = tmp_path / "key"
    key_file.write_text(OPERATOR_KEY)
    settings = {
        "REDIS_URL": redis_url,
        "PYXEC_NAMESPACE": namespace,
        "PYXEC_ADMIN_KEY_FILE": str(key_file),
        "PYXEC_RATE_BURST": "1000",
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gunicorn", "--workers=1", "--worker-class=app.asgi.Worker",
            f"--bind=fd://{listener.fileno()}", "--no-control-socket", "app.asgi:create()",
            env={**os.environ, **settings},
            pass_fds=[listener.fileno()],
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    client = redis.Redis.from_url(redis_url)
    worker = ScriptedWorker(client, namespace)
    try:
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
            created = await http.post("/v1/admin/keys", json={"name": "test"}, headers=OPERATOR)
            yield Server(process.pid, http, worker, bearer(created.json()["key"]))
    finally:
        process.terminate()
        await process.wait()
        await worker.close()
        # 64 MiB for each job
        for key in client.scan_iter(f"{namespace}*", count=1000):
            client.delete(key)
        client.close()


async def read_size(server: Server, path: str) -> tuple[int, int]:
    """The status and the size of a response, without its content. Retries as the gateway asks."""
    while True:
        size = 0
        async with server.client.stream("GET", path, headers=server.headers) as response:
            async for piece in response.aiter_raw():
                size += len(piece)
        if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return response.status_code, size
        await asyncio.sleep(float(response.headers["Retry-After"]))


async def test_memory_of_large_results_does_not_grow_with_their_number(server: Server) -> None:
    # Given a job with the largest output; in JSON it has six times the size
    job_id = await server.create_job("/v1/jobs", {**JOB, "limits": {"output_bytes": MAX_OUTPUT_BYTES}}, b"\x01")
    text_id = await server.create_job("/v1/jobs", {**JOB, "limits": {"output_bytes": MAX_OUTPUT_BYTES}}, b"a")
    baseline_bytes = server.peak_bytes()

    # When it is read several times at once
    reads = [read_size(server, f"/v1/jobs/{text_id}") for _ in range(5)]
    results = await asyncio.gather(read_size(server, f"/v1/jobs/{job_id}"), *reads)

    # Then all responses are complete, and the memory is bounded
    assert [status for status, _ in results] == [200] * 6
    assert results[0][1] > 6 * MAX_OUTPUT_BYTES
    assert all(size > MAX_OUTPUT_BYTES for _, size in results)
    assert server.peak_bytes() - baseline_bytes < MAX_HELD_BYTES + ALLOWANCE_BYTES


async def test_memory_of_a_judge0_batch_is_bounded(server: Server) -> None:
    submission = {"language_id": 71, "source_code": "x", "max_file_size": MAX_OUTPUT_BYTES // 1024}
    path = "/judge0/submissions/batch?base64_encoded=true&tokens="
    first = await server.create_job("/judge0/submissions", submission, b"\xff")
    second = await server.create_job("/judge0/submissions", submission, b"\xff", Stream.STDERR)
    baseline_bytes = server.peak_bytes()

    # A repeated token is returned once
    status, size = await read_size(server, path + ",".join([first] * 20))
    assert status == 200
    assert MAX_OUTPUT_BYTES < size < 1.5 * MAX_OUTPUT_BYTES

    # Two of the largest outputs are more than one response may have
    status, size = await read_size(server, f"{path}{first},{second}")
    assert status == 400
    status, size = await read_size(server, "/judge0/submissions?base64_encoded=true&per_page=100")
    assert status == 400
    # Without the outputs there is no limit
    status, size = await read_size(server, f"{path}{first},{second}&fields=token,status")
    assert status == 200
    assert server.peak_bytes() - baseline_bytes < MAX_HELD_BYTES + ALLOWANCE_BYTES


async def test_memory_of_output_streams_that_are_not_read_is_bounded(server: Server) -> None:
    job_id = await server.create_job("/v1/jobs", {**JOB, "limits": {"output_bytes": MAX_OUTPUT_BYTES}}, b"\x01")
    await read_size(server, f"/v1/jobs/{job_id}")  # fills the caches
    baseline_bytes = server.peak_bytes()
    headers = "".join(f"{name}: {value}\r\n" for name, value in server.headers.items())

    clients = []
    for accept in ["application/x-ndjson", "text/event-stream"] * 20:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.connect(("127.0.0.1", server.client.base_url.port))
        client.sendall(
            f"GET /v1/jobs/{job_id}/output HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n{headers}\r\n".encode()
        )
        clients.append(client)
    await asyncio.sleep(3)
    grown_bytes = server.peak_bytes() - baseline_bytes
    for client in clients:
        client.close()

    # A page of the log, and one event in JSON in the buffer of the connection
    assert grown_bytes < 40 * 2.5 * MIB


async def test_memory_is_free_after_the_responses(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id)
    gateway.worker.append(job_id, *([Output(Stream.STDOUT, bytes(CHUNK_BYTES))] * 80))
    gateway.worker.finish(job_id, phases=(phase_report(stdout_bytes=80 * CHUNK_BYTES),))

    # Responses that are read, one without a body, and one whose client leaves
    assert len((await gateway.client.get(f"/v1/jobs/{job_id}")).json()["stdout"]) == 80 * CHUNK_BYTES
    assert (await gateway.client.head(f"/v1/jobs/{job_id}")).status_code == 200
    async with gateway.client.stream("GET", f"/v1/jobs/{job_id}") as response:
        await anext(response.aiter_raw())
    for _ in range(200):
        if MEMORY.reserved_bytes == 0:
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"{MEMORY.reserved_bytes} bytes are reserved")


async def test_budget_lets_requests_wait_in_their_order() -> None:
    budget = MemoryBudget(100)
    first = Reservation(budget)
    await first.extend(80)
    order: list[int] = []

    async def hold(size_bytes: int) -> None:
        with Reservation(budget) as reservation:
            await reservation.extend(size_bytes)
            order.append(size_bytes)

    waiting = [asyncio.create_task(hold(size_bytes)) for size_bytes in (90, 10, 500)]
    await asyncio.sleep(0)
    assert order == []
    first.release()
    await asyncio.gather(*waiting)
    assert order == [90, 10, 500]  # more than the limit is everything
    assert budget.reserved_bytes == 0


async def test_budget_rejects_a_request_that_waits_too_long() -> None:
    budget = MemoryBudget(100, wait_seconds=0.05)
    holder = Reservation(budget)
    await holder.extend(100)
    with pytest.raises(GatewayBusy):
        await Reservation(budget).extend(1)
    holder.release()
    await Reservation(budget).extend(100)
    assert budget.reserved_bytes == 0, "a reservation that is dropped is returned"


async def test_request_that_holds_memory_does_not_wait_for_more() -> None:
    budget = MemoryBudget(100)
    with Reservation(budget) as first, Reservation(budget) as second:
        await first.extend(60)
        await second.extend(30)
        with pytest.raises(GatewayBusy):
            await first.extend(20)
        first.shrink_to(10)
        await second.extend(20)
        assert budget.reserved_bytes == 60
    assert budget.reserved_bytes == 0
