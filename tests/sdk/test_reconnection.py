"""The SDK across lost connections, lost responses and full services: no event is lost or repeated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.store.keys import StoreKeys
from pyxec import AsyncClient, Client, Output, ServiceFailed, ServiceUnreachable, TooManyRequests
from tests.proxy import FaultProxy
from tests.sdk.conftest import OpenClient, call, events
from tests.stack import Stack

LINES = 150
COUNTER = f"import time\nfor i in range({LINES}): print(i, flush=True); time.sleep(0.012)"
ALL_LINES = "".join(f"{number}\n" for number in range(LINES)).encode()


@pytest.mark.docker
async def test_stream_delivers_every_byte_once_when_cut_repeatedly(stack: Stack, open_client: OpenClient) -> None:
    reasons: list[str] = []
    with FaultProxy(stack.port) as proxy:
        client = open_client(f"http://127.0.0.1:{proxy.port}", on_retry=reasons.append)
        printed, cuts = b"", 0
        # When the connection is cut about every thirty lines, and the server is unreachable for 0.1 s
        async for event in events(client.stream("python", COUNTER)):
            printed += event.data if isinstance(event, Output) else b""
            if printed.count(b"\n") > 30 * (cuts + 1):
                cuts += 1
                proxy.cut()
                asyncio.get_running_loop().call_later(0.1, proxy.restore)
    # Then the program's output is complete
    assert printed == ALL_LINES
    assert cuts >= 3
    assert len(reasons) >= cuts


@pytest.mark.docker
async def test_stream_continues_when_the_api_is_restarted(own_stack: Stack) -> None:
    api = own_stack.start_api()
    own_stack.start_worker()
    job_id = own_stack.submit(COUNTER)["id"]

    async def watch(client: Client | AsyncClient, received: asyncio.Event) -> bytes:
        printed = b""
        async for event in events(client.job(job_id).stream()):
            if isinstance(event, Output):
                printed += event.data
                received.set()
        return printed

    # Given a viewer of each client that has received output
    received = [asyncio.Event(), asyncio.Event()]
    with Client(own_stack.url) as threads:
        async with AsyncClient(own_stack.url) as tasks:
            viewers = [asyncio.create_task(watch(*pair)) for pair in zip((threads, tasks), received, strict=True)]
            await asyncio.gather(*(event.wait() for event in received))
            # When the API is killed and restarted while the program continues to print
            api.kill()
            await asyncio.to_thread(own_stack.start_api)
            # Then both viewers have received the complete output
            assert await asyncio.gather(*viewers) == [ALL_LINES, ALL_LINES]
            # And a request of the same client succeeds
            assert (await call(threads.job(job_id).wait, 10)).stdout_bytes == ALL_LINES


@pytest.mark.docker
async def test_submit_repeats_a_request_without_a_second_job(stack: Stack, open_client: OpenClient) -> None:
    with FaultProxy(stack.port) as proxy:
        client = open_client(f"http://127.0.0.1:{proxy.port}")
        await call(client.languages)
        before = jobs_of(stack)
        # When the response to a submission is lost twice
        proxy.lose_replies = 2
        result = await call(client.run, "python", "print('once')")
    # Then one job exists, and its result is returned
    assert result.stdout == "once\n"
    assert jobs_of(stack) - before == {result.id}


@pytest.mark.docker
async def test_submit_returns_the_same_job_for_the_same_idempotency_key(stack: Stack, open_client: OpenClient) -> None:
    first, second = [
        await call(open_client(stack.url).submit, "python", "print(1)", idempotency_key=f"own-{id(open_client)}")
        for _ in range(2)
    ]
    assert first.id == second.id


async def test_send_honours_retry_after(open_client: OpenClient) -> None:
    async with scripted_server(b"429 Too Many\r\nRetry-After: 1", b"503 Full", b"200 OK") as (url, request_times):
        reasons: list[str] = []
        await call(open_client(url, on_retry=reasons.append).languages)
    first, second, third = request_times
    assert second - first >= 1
    assert third - second < 1  # without Retry-After
    assert len(reasons) == 2


async def test_send_does_not_wait_longer_than_retry_seconds(open_client: OpenClient) -> None:
    async with scripted_server(b"429 Too Many\r\nRetry-After: 60") as (url, request_times):
        with pytest.raises(TooManyRequests) as caught:
            await call(open_client(url, retry_seconds=5).languages)
    assert (len(request_times), caught.value.retry_after_seconds) == (1, 60)


async def test_send_does_not_retry_when_retry_seconds_is_zero(open_client: OpenClient) -> None:
    async with scripted_server(b"503 Full\r\nRetry-After: 1") as (url, request_times):
        with pytest.raises(ServiceFailed):
            await call(open_client(url, retry_seconds=0).languages)
    assert len(request_times) == 1


async def test_send_times_out_without_a_response(open_client: OpenClient) -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silence, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ServiceUnreachable, match="no response from"):
            await call(open_client(url, timeout_seconds=0.3).languages)


async def test_send_does_not_retry_a_service_that_never_answered(open_client: OpenClient, unused_tcp_port: int) -> None:
    began = time.monotonic()
    with pytest.raises(ServiceUnreachable, match=str(unused_tcp_port)):
        await call(open_client(f"http://127.0.0.1:{unused_tcp_port}").languages)
    assert time.monotonic() - began < 10


def jobs_of(stack: Stack) -> set[str]:
    """Return the ids of all jobs."""
    keys = stack.client.scan_iter(StoreKeys(stack.namespace).record("*"))
    return {key.decode().rpartition(":")[2] for key in keys}


@asynccontextmanager
async def scripted_server(*heads: bytes) -> AsyncIterator[tuple[str, list[float]]]:
    """Serve these responses one after another. Yields the URL and the list of the times of the requests."""
    request_times: list[float] = []

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"languages": []}'
        head = heads[len(request_times)]
        request_times.append(time.monotonic())
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (head, len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", request_times
