"""``pyxec run`` across lost connections: every byte once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.core.job.job_input import Input, InputKind
from tests.cli.conftest import StartCommand
from tests.http.gateway import Gateway, running_gateway, wait_until
from tests.proxy import FaultProxy


async def test_run_continues_after_the_last_byte_seen(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    with FaultProxy(gateway.port) as proxy:
        # Given a viewer that has shown one line
        command = await pyxec("run", program, url=f"http://127.0.0.1:{proxy.port}")
        job_id = await gateway.wait_for_viewer()
        gateway.worker.start(job_id)
        gateway.worker.start_phase(job_id)
        gateway.worker.write(job_id, b"before\n")
        assert await command.line() == b"before\n"
        # When the connection is lost, the program continues to print, and the first reconnection fails
        proxy.cut()
        gateway.worker.write(job_id, b"meanwhile\n")
        assert await asyncio.to_thread(proxy.refused.wait, 15)
        proxy.restore()
        # Then the viewer shows the missed output, each line once, up to the end
        line = await command.line()
        assert line == b"meanwhile\n", await command.wait()
        gateway.worker.write(job_id, b"after\n")
        gateway.worker.finish(job_id, exit_code=0)
        code, rest, notes = await command.wait()
        assert (code, rest) == (0, b"after\n")
        assert b"connection lost" in notes


async def test_run_sends_input_typed_while_disconnected(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    with FaultProxy(gateway.port) as proxy:
        command = await pyxec("run", program, url=f"http://127.0.0.1:{proxy.port}", stdin=asyncio.subprocess.PIPE)
        assert command.process.stdin is not None
        job_id = await gateway.wait_for_viewer()
        gateway.worker.start(job_id)
        # Given a viewer that has noticed the lost connection
        proxy.cut()
        assert await asyncio.to_thread(proxy.refused.wait, 15)
        # When a line is typed
        command.process.stdin.write(b"typed\n")
        proxy.restore()
        # Then the program gets it after the reconnection
        await wait_until(lambda: gateway.worker.inputs(job_id) == [Input(InputKind.STDIN, b"typed\n")])
        gateway.worker.finish(job_id)
        assert (await command.wait())[0] == 0


@pytest.fixture
def redis_proxy(redis_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(Path(urlsplit(redis_url).path)) as proxy:
        yield proxy


@pytest.fixture
async def proxied_gateway(redis_url: str, namespace: str, redis_proxy: FaultProxy) -> AsyncIterator[Gateway]:
    """A gateway that connects to Redis through the proxy."""
    proxied_url = f"redis://127.0.0.1:{redis_proxy.port}/0"
    async with running_gateway(proxied_url, namespace, worker_redis_url=redis_url) as started:
        yield started


async def test_run_retries_while_redis_is_down(
    proxied_gateway: Gateway, redis_proxy: FaultProxy, pyxec: StartCommand, program: Path
) -> None:
    gateway = proxied_gateway
    command = await pyxec("run", program, url=f"http://127.0.0.1:{gateway.port}")
    job_id = await gateway.wait_for_viewer()
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id)
    # When the store does not answer, and the gateway closes the stream for this reason
    redis_proxy.cut()
    assert command.process.stderr is not None
    note = await command.process.stderr.readline()
    redis_proxy.restore()
    # Then the viewer reconnects
    await gateway.wait_for_viewer()
    gateway.worker.write(job_id, b"still here\n")
    gateway.worker.finish(job_id)
    code, stdout, _ = await command.wait()
    assert (code, stdout) == (0, b"still here\n")
    assert b"The job store is unavailable" in note
