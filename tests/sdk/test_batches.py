"""``run_batch`` of the SDK, against a real gateway with a scripted worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pyxec import InvalidRequest, NotAuthenticated, job_request
from tests.http.gateway import Gateway, running_gateway
from tests.proxy import FaultProxy
from tests.sdk.conftest import OpenClient, events

JOBS = 60


@pytest.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    async with running_gateway(redis_url, namespace) as started:
        yield started


async def test_run_batch_yields_the_ends_of_all_jobs(gateway: Gateway, open_client: OpenClient) -> None:
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, stdout=b"42\n"))
    client = open_client(f"http://127.0.0.1:{gateway.port}")
    requests = [job_request("python", "print(6 * 7)"), job_request("klingon", "STOP RUN.")]
    ends = {end.index: end async for end in events(client.run_batch(requests))}
    assert (ends[0].result.stdout, ends[0].error) == ("42\n", None)
    assert ends[1].result is None
    assert isinstance(ends[1].error, InvalidRequest)
    assert ends[1].error.field == "language"


async def test_run_batch_delivers_every_end_once_when_cut_repeatedly(gateway: Gateway, open_client: OpenClient) -> None:
    with FaultProxy(gateway.port) as proxy:
        client = open_client(f"http://127.0.0.1:{proxy.port}")
        gateway.worker.handle_jobs(gateway.worker.run)
        requests = [job_request("python", "", stdin=str(number)) for number in range(JOBS)]
        indexes, cuts = [], 0
        # When the connection is cut after every tenth result, and the gateway is unreachable for 0.1 s
        async for end in events(client.run_batch(requests)):
            indexes.append(end.index)
            if len(indexes) > 10 * (cuts + 1):
                cuts += 1
                proxy.cut()
                asyncio.get_running_loop().call_later(0.1, proxy.restore)
    # Then each job was submitted once, and each of its ends was received once
    assert sorted(indexes) == list(range(JOBS))
    assert len(gateway.job_ids()) == JOBS
    assert cuts >= 3


async def test_run_batch_raises_the_error_of_the_request(
    redis_url: str, namespace: str, open_client: OpenClient
) -> None:
    async with running_gateway(redis_url, namespace, PYXEC_ANONYMOUS="off") as gateway:
        client = open_client(f"http://127.0.0.1:{gateway.port}")
        with pytest.raises(NotAuthenticated):
            _ = [end async for end in events(client.run_batch([job_request("python", "")]))]
