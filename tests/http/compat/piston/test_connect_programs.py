"""WS /api/v2/connect on a whole service: interactive programs."""

from __future__ import annotations

import pytest
import websockets

from tests.http.compat.piston.connect_client import CONNECT, init, read_to_end, receive_until, send
from tests.stack import Stack

pytestmark = pytest.mark.docker


def connect(stack: Stack) -> websockets.connect:
    return websockets.connect(f"ws://127.0.0.1:{stack.port}{CONNECT}")


async def test_program_reads_input_and_writes_output(stack: Stack) -> None:
    async with connect(stack) as connection:
        # Given a program that waits for input
        await send(connection, init("name = input('who? ')\nprint('hello', name)", run_timeout=20_000))
        prompt = await receive_until(connection, "who? ")
        assert prompt[0] == {"type": "runtime", "language": "python", "version": prompt[0]["version"]}
        assert prompt[1:] == [{"type": "stage", "stage": "run"}, {"type": "data", "stream": "stdout", "data": "who? "}]
        # When the client sends input
        await send(connection, {"type": "data", "stream": "stdin", "data": "Zoë\n"})
        # Then the program continues to its end
        messages, code, reason = await read_to_end(connection)
    assert "".join(message["data"] for message in messages if message["type"] == "data") == "hello Zoë\n"
    assert messages[-1] == {"type": "exit", "stage": "run", "code": 0, "signal": None}
    assert (code, reason) == (4999, "Job Completed")


async def test_signal_reaches_the_program(stack: Stack) -> None:
    async with connect(stack) as connection:
        source = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: exit(7))\nprint('ready')\nsignal.pause()"
        await send(connection, init(source, run_timeout=20_000))
        await receive_until(connection, "ready")
        await send(connection, {"type": "signal", "signal": "SIGTERM"})
        messages, code, _ = await read_to_end(connection)
    assert (messages[-1], code) == ({"type": "exit", "stage": "run", "code": 7, "signal": None}, 4999)


async def test_compiled_program_has_two_stages(stack: Stack) -> None:
    async with connect(stack) as connection:
        # Given a program whose input is sent while it is compiled
        source = '#include <stdio.h>\nint main(void) { fputs("err", stderr); return getchar() - 48; }'
        await send(connection, init(source, language="c", run_timeout=20_000, compile_timeout=30_000))
        await send(connection, {"type": "data", "stream": "stdin", "data": "3"})
        messages, code, _ = await read_to_end(connection)
    assert messages[0]["type"] == "runtime"
    assert messages[1:] == [
        {"type": "stage", "stage": "compile"},
        {"type": "exit", "stage": "compile", "code": 0, "signal": None},
        {"type": "stage", "stage": "run"},
        {"type": "data", "stream": "stderr", "data": "err"},
        {"type": "exit", "stage": "run", "code": 3, "signal": None},
    ]
    assert code == 4999


async def test_program_is_not_run_when_compilation_fails(stack: Stack) -> None:
    async with connect(stack) as connection:
        await send(connection, init("int main(", language="c", compile_timeout=30_000))
        messages, code, _ = await read_to_end(connection)
    assert [message["stage"] for message in messages if message["type"] == "stage"] == ["compile"]
    assert messages[-1] == {"type": "exit", "stage": "compile", "code": 1, "signal": None}
    assert code == 4999
