"""``pyxec run`` across lost connections: every byte once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.core.job_input import Input, InputKind
from tests.cli.conftest import StartCommand, only_watched_job
from tests.cli.cutting_proxy import cutting_proxy
from tests.http.conftest import Gateway


async def test_run_continues_after_the_last_byte_seen(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    async with cutting_proxy(gateway.port) as proxy:
        # Given a viewer that has seen one line
        command = await pyxec("run", program, url=f"http://127.0.0.1:{proxy.port}")
        job_id = await only_watched_job(gateway)
        gateway.jobs.start(job_id)
        gateway.jobs.phase(job_id)
        gateway.jobs.write(job_id, b"before\n")
        assert await command.line() == b"before\n"
        # When the network goes away, the program prints on, and the viewer finds nobody when it comes back at first
        proxy.cut()
        gateway.jobs.write(job_id, b"meanwhile\n")
        await proxy.refused.wait()
        proxy.restore()
        # Then it sees what it missed, nothing twice, and the end
        line = await command.line()
        assert line == b"meanwhile\n", await command.wait()
        gateway.jobs.write(job_id, b"after\n")
        gateway.jobs.finish(job_id, exit_code=0)
        code, rest, notes = await command.wait()
        assert (code, rest) == (0, b"after\n")
        assert b"connection lost" in notes


async def test_run_sends_input_typed_while_disconnected(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    async with cutting_proxy(gateway.port) as proxy:
        command = await pyxec("run", program, url=f"http://127.0.0.1:{proxy.port}", stdin=asyncio.subprocess.PIPE)
        assert command.process.stdin is not None
        job_id = await only_watched_job(gateway)
        gateway.jobs.start(job_id)
        # Given no connection, and a viewer that knows it
        proxy.cut()
        await proxy.refused.wait()
        # When something is typed
        command.process.stdin.write(b"typed\n")
        proxy.restore()
        # Then the program gets it once there is one again
        await gateway.jobs.until(lambda jobs: jobs.inputs[job_id] == [Input(InputKind.STDIN, b"typed\n")])
        gateway.jobs.finish(job_id)
        assert (await command.wait())[0] == 0


async def test_run_retries_while_redis_is_down(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    command = await pyxec("run", program)
    job_id = await only_watched_job(gateway)
    gateway.jobs.start(job_id)
    gateway.jobs.phase(job_id)
    # When the store does not answer, and the gateway closes the stream with that reason
    gateway.jobs.down = True
    await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) == 0)
    gateway.jobs.down = False
    # Then the viewer is back by itself
    await only_watched_job(gateway)
    gateway.jobs.write(job_id, b"still here\n")
    gateway.jobs.finish(job_id)
    code, stdout, notes = await command.wait()
    assert (code, stdout) == (0, b"still here\n")
    assert b"The job store is unavailable" in notes or b"no response from" in notes
