"""No request to Piston's API causes a 500, and every WebSocket closes with a code of Piston."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from app.http.compat.piston import connect
from tests.http.compat.piston.connect_client import CONNECT, init, read_to_end, send
from tests.http.gateway import Gateway
from tests.http.strategies import anything, text

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
def run(runner: asyncio.Runner, module_gateway: Gateway) -> Callable[..., Any]:
    """Await something in an event loop in which a worker runs every job that arrives."""

    async def start_worker() -> None:
        module_gateway.worker.handle_jobs(module_gateway.worker.run)

    runner.run(start_worker())
    return runner.run


@settings(max_examples=200, deadline=None)
@given(body=st.binary() | anything.map(json.dumps).map(str.encode) | executions.map(json.dumps).map(str.encode))
def test_execute_accepts_or_rejects_any_body(run: Callable[..., Any], module_gateway: Gateway, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = run(module_gateway.client.post("/api/v2/execute", content=body, headers=headers))
    assert response.status_code in (200, 400), response.text
    if response.status_code == 400:
        assert response.json().keys() == {"message"}
        assert response.json()["message"]


@pytest.fixture(scope="module")
def short_initialization() -> Iterator[None]:
    """Close connections without an init message after 50 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connect, "INITIALIZATION_SECONDS", 0.05)
        yield


@settings(max_examples=100, deadline=None)
@given(messages=st.lists(messages, min_size=1, max_size=5))
@pytest.mark.usefixtures("short_initialization")
def test_connect_closes_with_a_piston_code_after_any_messages(
    run: Callable[..., Any], module_gateway: Gateway, messages: list[Any]
) -> None:
    assert run(close_code_after(module_gateway, messages)) in CODES


async def close_code_after(gateway: Gateway, messages: list[Any]) -> int | None:
    async with gateway.connect(CONNECT) as connection:
        with suppress(ConnectionClosed):  # the gateway may close before it has received all of them
            await send(connection, *messages)
        return (await read_to_end(connection))[1]
