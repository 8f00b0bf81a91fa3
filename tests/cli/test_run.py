"""``pyxec run``: output, exit code, input and cancellation."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import time
import tty
from pathlib import Path
from typing import Any

import pytest

from app.core.job.events import Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.spec import JobSpec
from app.core.outcomes import Outcome
from pyxec import JobStatus
from pyxec.cli.waiting_note import describe_waiting
from tests.cli.conftest import StartCommand
from tests.http.gateway import Gateway, wait_until

PIPE = asyncio.subprocess.PIPE
NOT_TEXT = bytes(range(256)) + b"\r\n\x1b[31m\xff\xfe"


def run_jobs(gateway: Gateway) -> list[JobSpec]:
    """Run every job that arrives. Returns the list of their specs, which a finished job no longer has."""
    specs: list[JobSpec] = []

    def run(job_id: str) -> None:
        specs.append(gateway.record(job_id).spec)
        gateway.worker.run(job_id)

    gateway.worker.handle_jobs(run)
    return specs


async def test_run_shows_output_while_the_program_runs(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    # Given a program that runs
    command = await pyxec("run", program)
    job_id = await gateway.wait_for_viewer()
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id)
    # When it prints a line and continues
    gateway.worker.write(job_id, b"first\n")
    # Then the line is shown before the program ends
    assert await command.line() == b"first\n"
    gateway.worker.write(job_id, b"second\n")
    gateway.worker.finish(job_id)
    assert await command.wait() == (0, b"second\n", b"")


async def test_run_writes_both_streams_unchanged(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    command = await pyxec("run", program)
    job_id = await gateway.wait_for_viewer()
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id)
    # When a program writes binary data, and splits a character between two writes
    gateway.worker.write(job_id, NOT_TEXT)
    gateway.worker.write(job_id, "ä".encode()[:1])
    gateway.worker.write(job_id, "ä".encode()[1:])
    gateway.worker.write(job_id, NOT_TEXT[::-1], Stream.STDERR)
    gateway.worker.finish(job_id)
    # Then both streams are unchanged
    assert await command.wait() == (0, NOT_TEXT + "ä".encode(), NOT_TEXT[::-1])


async def test_run_writes_compiler_output_to_stderr(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    command = await pyxec("run", program)
    job_id = await gateway.wait_for_viewer()
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id, "compile")
    gateway.worker.write(job_id, b"note: on stdout\n")
    gateway.worker.start_phase(job_id, "run")
    gateway.worker.write(job_id, b"result\n")
    gateway.worker.finish(job_id)
    assert await command.wait() == (0, b"result\n", b"note: on stdout\n")


@pytest.mark.parametrize(
    ("result", "code"),
    [
        ({}, 0),
        ({"outcome": Outcome.NONZERO_EXIT, "exit_code": 3}, 3),
        ({"outcome": Outcome.NONZERO_EXIT, "exit_code": None}, 126),
        ({"outcome": Outcome.SIGNALED, "exit_code": None, "signal": 11}, 139),
        ({"outcome": Outcome.COMPILE_ERROR, "exit_code": 1}, 123),
        ({"outcome": Outcome.WALL_TIME_LIMIT, "exit_code": None, "signal": 9}, 124),
        ({"outcome": Outcome.CPU_TIME_LIMIT, "exit_code": None, "signal": 9}, 124),
        ({"outcome": Outcome.MEMORY_LIMIT, "exit_code": None, "signal": 9}, 121),
        ({"outcome": Outcome.OUTPUT_LIMIT, "exit_code": None, "signal": 9}, 122),
        ({"outcome": Outcome.CANCELLED, "exit_code": None, "signal": 9}, 130),
        ({"outcome": Outcome.INFRASTRUCTURE_ERROR, "exit_code": None}, 125),
    ],
)
async def test_run_exits_with_the_code_of_the_outcome(
    gateway: Gateway, pyxec: StartCommand, program: Path, result: dict[str, Any], code: int
) -> None:
    # Given a job that has finished with this outcome before the command reads its output
    message = "how it ended, in words"
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.finish(job_id, message=message, **result))
    # When it is run
    command = await pyxec("run", program)
    # Then the exit code is that of the outcome, and stderr has the message unless the code is the program's own
    quiet = code in (0, 3)
    assert await command.wait() == (code, b"", b"" if quiet else f"pyxec: {message}\n".encode())


async def test_guarantee_3_run_states_after_five_seconds_why_the_job_waits(
    gateway: Gateway, pyxec: StartCommand, program: Path
) -> None:
    started_at = time.monotonic()
    command = await pyxec("run", program)
    job_id = await gateway.wait_for_viewer()
    assert command.process.stderr is not None
    line = await command.process.stderr.readline()
    assert line == b"pyxec: the job waits: no worker is available\n"
    assert time.monotonic() - started_at >= 5
    gateway.worker.run(job_id)
    assert await command.wait() == (0, b"", b"")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({"status": "running"}, None),
        ({"status": "queued", "queue_position": 3}, "the job waits: 3 jobs are before it"),
        ({"status": "queued", "queue_position": 0}, "the job waits for a free worker"),
        (
            {"status": "queued", "waiting_reason": "image-missing"},
            "the job waits: no worker has the image of the language python",
        ),
        (
            {"status": "queued", "waiting_reason": "engine-not-answering"},
            "the job waits: all workers are paused, because the engine does not answer",
        ),
        (
            {"status": "queued", "waiting_reason": "reason-of-a-later-version"},
            "the job waits: no worker can run it (reason-of-a-later-version)",
        ),
    ],
)
def test_note_describes_why_a_job_waits(status: dict[str, Any], text: str | None) -> None:
    assert describe_waiting(JobStatus(id="job", language="python", **status)) == text


async def test_run_passes_options_after_file_to_the_program(
    gateway: Gateway, pyxec: StartCommand, program: Path
) -> None:
    specs = run_jobs(gateway)
    command = await pyxec(
        "run", "--wall-seconds", "3", "--memory", "64m", program, "--json", "-x", "a b", "--", "$(id)"
    )
    assert (await command.wait())[0] == 0
    (spec,) = specs
    assert spec.args == ("--json", "-x", "a b", "--", "$(id)")
    assert (spec.limits.wall_seconds, spec.limits.memory_bytes) == (3.0, 64 * 1024 * 1024)
    assert spec.limits.processes == 64  # the service's default


async def test_run_keeps_relative_paths_of_additional_files(
    gateway: Gateway, pyxec: StartCommand, program: Path, tmp_path: Path
) -> None:
    # Given a binary file below the program's folder, and a file of another folder
    below, elsewhere = program.parent / "data" / "table.bin", tmp_path.parent / f"{tmp_path.name}-beside.txt"
    below.parent.mkdir()
    below.write_bytes(NOT_TEXT)
    elsewhere.write_text("beside")
    specs = run_jobs(gateway)
    # When both are sent with the program
    command = await pyxec("run", "--file", below, "--file", elsewhere, program)
    assert (await command.wait())[0] == 0
    # Then the first keeps its relative path, and the other is placed next to the program
    (spec,) = specs
    assert [(file.name, file.content) for file in spec.files] == [
        ("program.py", program.read_bytes()),
        ("data/table.bin", NOT_TEXT),
        (elsewhere.name, b"beside"),
    ]
    assert spec.entrypoint == "program.py"


async def test_run_sends_a_stdin_file_in_the_request(
    gateway: Gateway, pyxec: StartCommand, program: Path, tmp_path: Path
) -> None:
    words = tmp_path / "words"
    words.write_text("ä\0b\n")
    specs = run_jobs(gateway)
    command = await pyxec("run", "--stdin", words, program)
    assert (await command.wait())[0] == 0
    (spec,) = specs
    assert (spec.stdin, spec.interactive) == ("ä\0b\n".encode(), False)


async def test_run_without_stdin_sends_empty_input(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    specs = run_jobs(gateway)
    command = await pyxec("run", program, stdin=asyncio.subprocess.DEVNULL)
    assert (await command.wait())[0] == 0
    (spec,) = specs
    assert (spec.stdin, spec.interactive) == (b"", False)


async def test_run_streams_a_pipe_and_its_end(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    command = await pyxec("run", program, stdin=PIPE)
    assert command.process.stdin is not None
    job_id = await gateway.wait_for_viewer()
    gateway.worker.start(job_id)
    # When a line is written, the program gets it although the pipe is still open
    command.process.stdin.write(b"typed\n")
    await wait_until(lambda: gateway.worker.inputs(job_id) == [Input(InputKind.STDIN, b"typed\n")])
    # And when binary data and the end of the input follow, the program gets both
    command.process.stdin.write(NOT_TEXT + b"\0" * 60_000)
    command.process.stdin.write_eof()
    await wait_until(lambda: gateway.worker.inputs(job_id)[-1].kind is InputKind.EOF)
    rest = b"".join(item.data for item in gateway.worker.inputs(job_id)[1:])
    assert rest == NOT_TEXT + b"\0" * 60_000
    gateway.worker.finish(job_id)
    assert (await command.wait())[0] == 0


async def test_run_sends_terminal_input_line_by_line(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    # Given a command on a terminal
    keyboard, terminal = pty.openpty()
    tty.setcbreak(keyboard)
    try:
        command = await pyxec("run", program, stdin=terminal)
        job_id = await gateway.wait_for_viewer()
        gateway.worker.start(job_id)
        # When a line is typed
        os.write(keyboard, b"42\n")
        # Then the program gets it, and the command exits although the terminal is still open
        await wait_until(lambda: gateway.worker.inputs(job_id) == [Input(InputKind.STDIN, b"42\n")])
        gateway.worker.finish(job_id)
        assert (await command.wait())[0] == 0
    finally:
        os.close(keyboard)
        os.close(terminal)


async def test_run_cancels_the_job_when_its_input_is_too_large(
    gateway: Gateway, pyxec: StartCommand, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a low limit for the input of one job
    monkeypatch.setattr("app.store.jobs.job_store.MAX_INPUT_BYTES", 16)
    command = await pyxec("run", program, stdin=PIPE)
    assert command.process.stdin is not None
    job_id = await gateway.wait_for_viewer()
    gateway.worker.start(job_id)
    # When more input is written
    command.process.stdin.write(b"x" * 100)
    # Then the command reports the limit and cancels the job
    await wait_until(lambda: gateway.worker.inputs(job_id) == [Input(InputKind.CANCEL)])
    code, _, stderr = await command.wait()
    assert code == 125
    assert b"at most 16 bytes" in stderr


async def test_run_cancels_at_the_first_interrupt_and_shows_the_rest(
    gateway: Gateway, pyxec: StartCommand, program: Path
) -> None:
    command = await pyxec("run", program)
    job_id = await gateway.wait_for_viewer()
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id)
    # When Ctrl-C is pressed
    command.process.send_signal(signal.SIGINT)
    # Then the job is cancelled, and the rest of its output is shown
    await wait_until(lambda: gateway.worker.inputs(job_id) == [Input(InputKind.CANCEL)])
    gateway.worker.write(job_id, b"last words\n")
    gateway.worker.finish(job_id, outcome=Outcome.CANCELLED, exit_code=None, signal=9, message="cancelled")
    assert await command.wait() == (130, b"last words\n", b"pyxec: cancelled\n")


async def test_run_exits_at_the_second_interrupt(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    command = await pyxec("run", program)
    job_id = await gateway.wait_for_viewer()
    gateway.worker.start(job_id)
    command.process.send_signal(signal.SIGINT)
    await wait_until(lambda: gateway.worker.inputs(job_id) == [Input(InputKind.CANCEL)])
    # When the job does not end, and Ctrl-C is pressed again
    command.process.send_signal(signal.SIGINT)
    # Then the command exits, although the job has not ended
    assert (await command.wait())[0] == 130


async def test_run_cancels_the_job_when_its_reader_exits(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    command = await pyxec("run", program)
    job_id = await gateway.wait_for_viewer()
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id)
    # When the reader of stdout exits, as head does, and the program continues to write
    transport: Any = command.process._transport  # type: ignore[attr-defined]
    transport.get_pipe_transport(1).close()
    async with asyncio.timeout(30):
        while not gateway.worker.inputs(job_id):
            gateway.worker.write(job_id, b"unread\n")
            await asyncio.sleep(0.02)
    # Then the job is cancelled
    assert gateway.worker.inputs(job_id) == [Input(InputKind.CANCEL)]
    assert await command.process.wait() == 141


async def test_run_reports_a_lost_worker(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    command = await pyxec("run", program)
    job_id = await gateway.wait_for_viewer()
    gateway.worker.start(job_id)
    gateway.worker.start(job_id, attempt=2)
    gateway.worker.start_phase(job_id)
    gateway.worker.write(job_id, b"again\n")
    gateway.worker.finish(job_id)
    code, stdout, stderr = await command.wait()
    assert (code, stdout) == (0, b"again\n")
    assert b"attempt 2" in stderr


async def test_run_json_prints_only_the_finished_job(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    import msgspec

    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, b"hello\n"))
    code, stdout, stderr = await (await pyxec("run", "--json", program)).wait()
    job = msgspec.json.decode(stdout)
    assert (code, stderr) == (0, b"")
    assert (job["id"], job["outcome"], job["stdout"]) == (await gateway.wait_for_job(), "ok", "hello\n")


async def test_run_names_the_invalid_field_and_queues_nothing(
    gateway: Gateway, pyxec: StartCommand, program: Path
) -> None:
    code, stdout, stderr = await (await pyxec("run", "--wall-seconds", "9999", program)).wait()
    assert (code, stdout) == (125, b"")
    assert b"limits.wall_seconds" in stderr
    assert gateway.job_ids() == []


async def test_run_refuses_a_file_of_an_unknown_language(gateway: Gateway, pyxec: StartCommand, tmp_path: Path) -> None:
    unknown = tmp_path / "main.unknown"
    unknown.write_text("?")
    code, _, stderr = await (await pyxec("run", unknown)).wait()
    assert code == 125
    assert b"--language" in stderr
    assert gateway.job_ids() == []


@pytest.mark.parametrize("options", [(), ("--language", "go")])
async def test_run_names_the_command_that_installs_a_missing_language(
    gateway: Gateway, pyxec: StartCommand, tmp_path: Path, options: tuple[str, ...]
) -> None:
    # Given a program in a language of the catalogue that is not installed
    program = tmp_path / "main.go"
    program.write_text("package main")
    # When it is run, with the language from the suffix or from the option
    code, _, stderr = await (await pyxec("run", *options, program)).wait()
    # Then one line states what to do, and nothing is queued
    assert code == 125
    assert stderr.decode() == (
        "pyxec: language: Go is not installed; build its image on the host of each worker: `pyxec images build go`\n"
    )
    assert gateway.job_ids() == []


@pytest.mark.parametrize(
    ("arguments", "server"),
    [
        (["run", "main.py"], "not found"),
        (["languages"], "page"),
        (["languages"], "other JSON"),
        (["tail", "7"], "not found"),
        (["cancel", "7"], "no HTTP"),
    ],
)
async def test_command_reports_a_server_that_is_not_pyxec(
    pyxec: StartCommand, tmp_path: Path, arguments: list[str], server: str
) -> None:
    responses = {
        "not found": b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot found",
        "page": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>",
        "other JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    }

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(responses[server])
        writer.close()

    (tmp_path / "main.py").write_text("print()")
    arguments = [str(tmp_path / "main.py") if argument == "main.py" else argument for argument in arguments]
    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        code, _, stderr = await (await pyxec(*arguments, url=url)).wait()

    assert code == 125
    (line,) = stderr.decode().splitlines()
    assert line.startswith(f"pyxec: {url}: this is not a Pyxec API")


async def test_run_reports_an_unreachable_service_in_one_line(
    gateway: Gateway, pyxec: StartCommand, program: Path, unused_tcp_port: int
) -> None:
    command = await pyxec("run", program, url=f"http://127.0.0.1:{unused_tcp_port}")
    code, stdout, stderr = await command.wait()
    assert (code, stdout) == (125, b"")
    assert stderr.count(b"\n") == 1
    assert str(unused_tcp_port).encode() in stderr
