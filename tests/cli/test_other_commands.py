"""submit, tail, cancel, languages, and what they have in common."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from app.core.outcomes import Outcome
from app.core.ports import Input, InputKind
from app.core.states import JobState
from tests.cli.conftest import ROOT, StartCommand, submitted, watched
from tests.http.conftest import Gateway


async def test_submit_prints_the_id_and_leaves(
    gateway: Gateway, pyxec: StartCommand, program: Path, tmp_path: Path
) -> None:
    words = tmp_path / "words"
    words.write_text("one two")
    code, stdout, _ = await (await pyxec("submit", "--stdin", words, program, "x")).ended()
    job_id = await submitted(gateway)
    assert (code, stdout) == (0, f"{job_id}\n".encode())
    record = gateway.jobs.records[job_id]
    assert record.state is JobState.QUEUED
    assert (record.spec.stdin, record.spec.args, record.spec.interactive) == (b"one two", ("x",), False)


async def test_submit_refuses_stdin_that_it_cannot_send(
    gateway: Gateway, pyxec: StartCommand, program: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "picture"
    picture.write_bytes(b"\xff\xd8\xff")
    code, _, stderr = await (await pyxec("submit", "--stdin", picture, program)).ended()
    assert code == 125
    assert b"not UTF-8" in stderr
    assert gateway.jobs.records == {}


async def test_tail_shows_a_job_that_has_ended_from_its_first_byte(gateway: Gateway, pyxec: StartCommand) -> None:
    job_id = await gateway.submit()
    gateway.jobs.start(job_id)
    gateway.jobs.phase(job_id)
    gateway.jobs.write(job_id, b"all of it\n")
    gateway.jobs.finish(job_id, outcome=Outcome.NONZERO_EXIT, exit_code=7)
    assert await (await pyxec("tail", job_id)).ended() == (7, b"all of it\n", b"")


async def test_interrupting_tail_leaves_the_job_alone(gateway: Gateway, pyxec: StartCommand) -> None:
    job_id = await gateway.submit()
    gateway.jobs.start(job_id)
    command = await pyxec("tail", job_id)
    await watched(gateway)
    command.process.send_signal(signal.SIGINT)
    assert (await command.ended())[0] == 130
    assert gateway.jobs.inputs[job_id] == []


async def test_tail_of_an_unknown_job_ends_at_once(gateway: Gateway, pyxec: StartCommand) -> None:
    code, stdout, stderr = await (await pyxec("tail", "nosuchjob")).ended()
    assert (code, stdout) == (125, b"")
    assert b"job" in stderr


async def test_cancel_reaches_the_job(gateway: Gateway, pyxec: StartCommand) -> None:
    job_id = await gateway.submit()
    gateway.jobs.start(job_id)
    assert await (await pyxec("cancel", job_id)).ended() == (0, b"", b"")
    assert gateway.jobs.inputs[job_id] == [Input(InputKind.CANCEL)]


async def test_languages_are_listed_for_people_and_for_programs(gateway: Gateway, pyxec: StartCommand) -> None:
    _, table, _ = await (await pyxec("languages")).ended()
    assert b"Python" in table
    assert b"3.11.2" in table
    _, document, _ = await (await pyxec("languages", "--json")).ended()
    (language,) = msgspec.json.decode(document)
    assert (language["id"], language["aliases"]) == ("python", ["py", "python3"])


def test_help_needs_nothing_heavy() -> None:
    # A command starts in a blink only as long as nobody imports at the top what one command alone needs.
    heavy = {"docker", "redis", "httpx", "websockets", "rich.live", "dramatiq", "falcon", "uvicorn", "http.client"}
    listing = "import app.cli, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", listing], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert "app.commands.run" in loaded
    assert heavy.isdisjoint(loaded)
