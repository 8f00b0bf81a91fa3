"""WS /api/v2/connect: every way in which it ends, without a program being run."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from app.core.events import Stream
from app.core.job_input import Input, InputKind
from app.core.outcomes import Outcome
from tests.http.compat.piston.sockets import CONNECT, closing, init, send
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
async def test_what_is_not_in_order_is_closed_with_its_code(
    gateway: Gateway, messages: list[Any], code: int, reason: str
) -> None:
    async with gateway.connect(CONNECT) as connection:
        await send(connection, *messages)
        told, *ending = await closing(connection)
    assert ending == [code, reason]
    assert [message["type"] for message in told] in ([], ["runtime"])


async def test_a_client_that_says_nothing_is_sent_away_after_a_second(gateway: Gateway) -> None:
    loop = asyncio.get_running_loop()
    async with gateway.connect(CONNECT) as connection:
        began = loop.time()
        await send(connection, {"type": "hello"})
        told, *ending = await closing(connection)
    assert (told, ending) == ([], [4001, "Initialization Timeout"])
    assert loop.time() - began >= 0.9


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (["{"], "not valid JSON"),
        ([b"{}"], "must be text"),
        ([init(language="cobol")], "cobol-* runtime is unknown"),
        ([init(files=None)], "files is required as an array"),
        ([init(run_timeout=10**9)], "run_timeout cannot exceed the configured limit of 300000"),
        ([init(), "nonsense"], "not valid JSON"),
        ([init(), {**DATA, "data": 5}], "data must be a string"),
        ([init(), {**DATA, "data": "x" * 70_000}], "message must be at most 65536 characters"),
    ],
)
async def test_what_cannot_be_understood_is_told_before_the_close(
    gateway: Gateway, messages: list[Any], text: str
) -> None:
    async with gateway.connect(CONNECT) as connection:
        await send(connection, *messages)
        told, code, reason = await closing(connection)
    assert told[-1].keys() == {"type", "message"}
    assert told[-1]["type"] == "error"
    assert text in told[-1]["message"]
    assert (code, reason) == (4002, "Notified Error")


async def test_who_has_used_up_his_tokens_is_told(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="20")
    await gateway.submit()
    async with gateway.connect(CONNECT) as connection:
        await send(connection, init())
        told, code, _ = await closing(connection)
    assert "rate limit" in told[-1]["message"]
    assert code == 4002


async def test_a_key_that_is_none_is_told(gateway: Gateway) -> None:
    async with gateway.connect(CONNECT, additional_headers={"Authorization": "nobodys-key"}) as connection:
        told, code, _ = await closing(connection)
    assert "API key is invalid" in told[-1]["message"]
    assert code == 4002


async def test_a_page_of_another_host_is_refused(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await gateway.connect(CONNECT, origin="https://evil.example")
    assert refusal.value.response.status_code == 403


async def test_input_goes_to_the_job_and_ends_with_the_connection(gateway: Gateway) -> None:
    # Given an execution that waits for input; what its first message has of it does not count
    async with gateway.connect(CONNECT) as connection:
        await send(connection, init(stdin="not read"))
        job_id = await gateway.wait_for_job()
        assert (gateway.record(job_id).spec.interactive, gateway.record(job_id).spec.stdin) == (True, b"")
        # When the client writes, signals, and goes
        await send(connection, DATA, {"type": "signal", "signal": "SIGUSR1"}, {**DATA, "data": "é"})
        await wait_until(lambda: len(gateway.worker.inputs(job_id)) == 3)
    # Then the program has all of it, and then the end of its input
    await wait_until(lambda: len(gateway.worker.inputs(job_id)) == 4)
    assert gateway.worker.inputs(job_id) == [
        Input(InputKind.STDIN, b"a"),
        Input(InputKind.SIGNAL, b"USR1"),
        Input(InputKind.STDIN, "é".encode()),
        Input(InputKind.EOF),
    ]
    await gateway.wait_for_departure(job_id)


async def test_a_character_in_two_chunks_is_one(gateway: Gateway) -> None:
    async with gateway.connect(CONNECT) as connection:
        await send(connection, init())
        job_id = await gateway.wait_for_job()
        gateway.worker.start(job_id)
        gateway.worker.start_phase(job_id)
        # When a character comes in two halves, with the other stream's in between, and a half one at the end
        for data, stream in [(b"\xc3", Stream.STDOUT), (b"\xe2\x82", Stream.STDERR), (b"\xa9\xc3", Stream.STDOUT)]:
            gateway.worker.write(job_id, data, stream)
        gateway.worker.write(job_id, b"\xac", Stream.STDERR)
        gateway.worker.finish(job_id)
        told, code, _ = await closing(connection)
    assert [(message["stream"], message["data"]) for message in told if message["type"] == "data"] == [
        ("stdout", "é"), ("stderr", "€"), ("stdout", "\ufffd"),
    ]  # fmt: skip
    assert (told[-1]["type"], code) == ("exit", 4999)


async def test_a_program_that_begins_again_begins_its_stages_again(gateway: Gateway) -> None:
    # Given an execution whose worker is lost, and another one takes it
    async with gateway.connect(CONNECT) as connection:
        await send(connection, init())
        job_id = await gateway.wait_for_job()
        gateway.worker.start(job_id)
        gateway.worker.start_phase(job_id)
        messages = [json.loads(await connection.recv()) for _ in range(2)]
        gateway.worker.start(job_id, attempt=2)
        gateway.worker.start_phase(job_id)
        gateway.worker.finish(job_id, exit_code=3, phases=(phase_report(exit_code=3),))
        told, code, _ = await closing(connection)
    assert [message["type"] for message in messages + told] == ["runtime", "stage", "stage", "exit"]
    assert (told[-1]["code"], code) == (3, 4999)


async def test_what_could_not_be_run_is_an_error(gateway: Gateway) -> None:
    async with gateway.connect(CONNECT) as connection:
        await send(connection, init())
        job_id = await gateway.wait_for_job()
        gateway.worker.start(job_id)
        gateway.worker.finish(job_id, outcome=Outcome.INFRASTRUCTURE_ERROR, message="it could not be run", phases=())
        told, code, _ = await closing(connection)
    assert (told[-1], code) == ({"type": "error", "message": "it could not be run"}, 4002)
