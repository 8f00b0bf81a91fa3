"""Whatever is sent to Piston's addresses, it is never our fault, and a socket ends with one of its codes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from app.http import HttpSettings
from app.http.compat.piston import session
from tests.http.compat.piston.sockets import CONNECT, closing, init, send
from tests.http.conftest import Gateway, make_app, running
from tests.http.fakes import InMemoryAdmissions, InMemoryJobs
from tests.http.test_any_input import anything, text

CODES = {4000, 4001, 4002, 4003, 4004, 4005, 4999}

numbers = st.integers() | st.floats() | anything
files = st.fixed_dictionaries(
    {"content": text | anything},
    optional={"name": text | anything, "encoding": st.sampled_from(["utf8", "base64", "hex"]) | anything},
)
executions = st.fixed_dictionaries(
    {
        "language": st.sampled_from(["python", "py3"]) | anything,
        "version": st.sampled_from(["*", "3.x"]) | text | anything,
        "files": st.lists(files, max_size=3) | anything,
    },
    optional={
        "stdin": text | anything,
        "args": st.lists(text, max_size=3) | anything,
        "run_timeout": numbers,
        "compile_timeout": numbers,
        "run_cpu_time": numbers,
        "run_memory_limit": numbers,
        "compile_memory_limit": numbers,
    },
)
messages = st.one_of(
    st.just(init()),
    executions.map(lambda body: {"type": "init", **body}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["data", "signal", "init", "eof"]) | anything},
        optional={
            "stream": st.sampled_from(["stdin", "stdout"]) | anything,
            "data": text | anything,
            "signal": st.sampled_from(["SIGINT", "SIGKILL", "SIGFOO"]) | anything,
        },
    ),
    st.binary(max_size=10),
    st.text(max_size=10),
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as started:
        yield started


@pytest.fixture(scope="module")
def post(runner: asyncio.Runner) -> Any:
    """Sends a body to the application, without a network in between; every job has ended when it is submitted."""
    jobs = InMemoryJobs()
    jobs.when_submitted = lambda job: jobs.run(job.id)
    transport = httpx.ASGITransport(make_app(HttpSettings(), jobs, InMemoryAdmissions(10**9)))
    client = httpx.AsyncClient(transport=transport, base_url="http://gateway")
    headers = {"Content-Type": "application/json"}
    return lambda body: runner.run(client.post("/api/v2/execute", content=body, headers=headers))


@settings(max_examples=200, deadline=None)
@given(body=st.binary() | anything.map(json.dumps).map(str.encode) | executions.map(json.dumps).map(str.encode))
def test_any_body_is_executed_or_refused(post: Any, body: bytes) -> None:
    answer = post(body)
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert answer.json().keys() == {"message"}
        assert answer.json()["message"]


@pytest.fixture(scope="module")
def run_session(runner: asyncio.Runner) -> Iterator[Any]:
    """Sends messages and returns the close code. Who does not begin is sent away at once here; a program that was begun
    ends by itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "INITIALIZATION_SECONDS", 0.05)
        served = running(HttpSettings(), 10**9)
        gateway = runner.run(served.__aenter__())
        gateway.jobs.when_submitted = lambda job: _end_soon(gateway, job.id)
        yield lambda sent: runner.run(_converse(gateway, sent))
        runner.run(served.__aexit__(None, None, None))


@settings(max_examples=100, deadline=None)
@given(sent=st.lists(messages, min_size=1, max_size=5))
def test_any_messages_end_with_a_code_of_piston(run_session: Any, sent: list[Any]) -> None:
    assert run_session(sent) in CODES


async def _converse(gateway: Gateway, sent: list[Any]) -> int | None:
    async with gateway.connect(CONNECT) as connection:
        with suppress(ConnectionClosed):  # it may not want to hear all of it
            await send(connection, *sent)
        return (await closing(connection))[1]


def _end_soon(gateway: Gateway, job_id: str) -> None:
    asyncio.get_running_loop().call_later(0.02, gateway.jobs.run, job_id)
