"""WS /api/v2/connect: messages, errors and close codes, on a gateway whose worker is the test."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from app.core.job.events import Stream
from app.core.job.job_input import Input, InputKind
from app.core.outcomes import Outcome
from tests.http.compat.piston.connect_client import CONNECT, init, read_to_end, send
from tests.http.gateway import Gateway, StartGateway, wait_until
from tests.http.worker import phase_report

DATA = {"type": "data", "stream": "stdin", "data": "a"}


@pytest.mark.parametrize(
    ("messages", "code", "reason"),
    [
        ([DATA], 4003, "Not yet initialized"),
        ([{"type": "signal", "signal": "SIGKILL"}], 4003, "Not yet initialized"),
        ([init(), init()], 4000, "Already Initialized"),
        ([init(), {**DATA, "stream": "stdout"}], 4004, "Can only write to stdin"),
        ([init(), {"type": "data"}], 4004, "Can only write to stdin"),
        ([init(), {"type": "signal", "signal": "SIGFOO"}], 4005, "Invalid signal"),
        ([init(), {"type": "signal", "signal": ["SIGKILL"]}], 4005, "Invalid signal"),
        ([init(), {"type": "hello"}, 5, None, "[]", init()], 4000, "Already Initialized"),
    ],
)
async def test_unexpected_message_closes_with_its_code(
    gateway: Gateway, messages: list[Any], code: int, reason: str
) -> None:
    async with gateway.connect(CONNECT) as connection:
        await send(connection, *messages)
        received, *ending = await read_to_end(connection)
    assert ending == [code, reason]
    assert [message["type"] for message in received] in ([], ["runtime"])


async def test_connection_closes_without_init_after_a_second(gateway: Gateway) -> None:
    loop = asyncio.get_running_loop()
    async with gateway.connect(CONNECT) as connection:
        started = loop.time()
        await send(connection, {"type": "hello"})
        received, *ending = await read_to_end(connection)
    assert (received, ending) == ([], [4001, "Initialization Timeout"])
    assert loop.time() - started >= 0.9


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (["{"], "not valid JSON"),
        ([b"{}"], "must be text"),
        ([init(language="klingon")], "klingon-* runtime is unknown"),
        ([init(files=None)], "files is required as an array"),
        ([init(run_timeout=10**9)], "run_timeout cannot exceed the configured limit of 300000"),
        ([init(), "nonsense"], "not valid JSON"),
        ([init(), {**DATA, "data": 5}], "data must be a string"),
        ([init(), {**DATA, "data": "x" * 70_000}], "message must be at most 65536 characters"),
    ],
)
async def test_invalid_message_is_reported_before_the_close(gateway: Gateway, messages: list[Any], text: str) -> None:
    async with gateway.connect(CONNECT) as connection:
        await send(connection, *messages)
        received, code, reason = await read_to_end(connection)
    assert received[-1].keys() == {"type", "message"}
    assert received[-1]["type"] == "error"
    assert text in received[-1]["message"]
    assert (code, reason) == (4002, "Notified Error")


async def test_rate_limit_is_reported(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="20")
    await gateway.submit()
    async with gateway.connect(CONNECT) as connection:
        await send(connection, init())
        received, code, _ = await read_to_end(connection)
    assert "rate limit" in received[-1]["message"]
    assert code == 4002


async def test_invalid_key_is_reported(gateway: Gateway) -> None:
    async with gateway.connect(CONNECT, additional_headers={"Authorization": "unknown-key"}) as connection:
        received, code, _ = await read_to_end(connection)
    assert "API key is invalid" in received[-1]["message"]
    assert code == 4002


async def test_page_of_another_host_is_rejected(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as rejection:
        await gateway.connect(CONNECT, origin="https://evil.example")
    assert rejection.value.response.status_code == 403


async def test_input_reaches_the_job_and_ends_with_the_connection(gateway: Gateway) -> None:
    # Given an interactive execution; the stdin of its init message is ignored
    async with gateway.connect(CONNECT) as connection:
        await send(connection, init(stdin="not read"))
        job_id = await gateway.wait_for_job()
        assert (gateway.record(job_id).spec.interactive, gateway.record(job_id).spec.stdin) == (True, b"")
        # When the client writes, sends a signal, and disconnects
        await send(connection, DATA, {"type": "signal", "signal": "SIGUSR1"}, {**DATA, "data": "é"})
        await wait_until(lambda: len(gateway.worker.inputs(job_id)) == 3)
    # Then the job receives everything, and the end of the input
    await wait_until(lambda: len(gateway.worker.inputs(job_id)) == 4)
    assert gateway.worker.inputs(job_id) == [
        Input(InputKind.STDIN, b"a"),
        Input(InputKind.SIGNAL, b"USR1"),
        Input(InputKind.STDIN, "é".encode()),
        Input(InputKind.EOF),
    ]
    await gateway.wait_for_departure(job_id)


async def test_character_in_two_chunks_is_joined(gateway: Gateway) -> None:
    async with gateway.connect(CONNECT) as connection:
        await send(connection, init())
        job_id = await gateway.wait_for_job()
        gateway.worker.start(job_id)
        gateway.worker.start_phase(job_id)
        # When characters are split over chunks of both streams, and the last one is incomplete
        for data, stream in [(b"\xc3", Stream.STDOUT), (b"\xe2\x82", Stream.STDERR), (b"\xa9\xc3", Stream.STDOUT)]:
            gateway.worker.write(job_id, data, stream)
        gateway.worker.write(job_id, b"\xac", Stream.STDERR)
        gateway.worker.finish(job_id)
        received, code, _ = await read_to_end(connection)
    assert [(message["stream"], message["data"]) for message in received if message["type"] == "data"] == [
        ("stdout", "é"), ("stderr", "€"), ("stdout", "\ufffd"),
    ]  # fmt: skip
    assert (received[-1]["type"], code) == ("exit", 4999)


async def test_stages_start_again_with_a_new_attempt(gateway: Gateway) -> None:
    # Given an execution whose worker is lost
    async with gateway.connect(CONNECT) as connection:
        await send(connection, init())
        job_id = await gateway.wait_for_job()
        gateway.worker.start(job_id)
        gateway.worker.start_phase(job_id)
        messages = [json.loads(await connection.recv()) for _ in range(2)]
        gateway.worker.start(job_id, attempt=2)
        gateway.worker.start_phase(job_id)
        gateway.worker.finish(job_id, exit_code=3, phases=(phase_report(exit_code=3),))
        received, code, _ = await read_to_end(connection)
    assert [message["type"] for message in messages + received] == ["runtime", "stage", "stage", "exit"]
    assert (received[-1]["code"], code) == (3, 4999)


async def test_infrastructure_error_is_reported(gateway: Gateway) -> None:
    async with gateway.connect(CONNECT) as connection:
        await send(connection, init())
        job_id = await gateway.wait_for_job()
        gateway.worker.start(job_id)
        gateway.worker.finish(job_id, outcome=Outcome.INFRASTRUCTURE_ERROR, message="it could not be run", phases=())
        received, code, _ = await read_to_end(connection)
    assert (received[-1], code) == ({"type": "error", "message": "it could not be run"}, 4002)
