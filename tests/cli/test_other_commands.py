"""submit, tail, cancel, languages, and what they have in common."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from app.core.job_input import Input, InputKind
from app.core.outcomes import Outcome
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
    code, told, _ = await (await pyxec("cancel", "--json", job_id)).ended()
    assert (code, msgspec.json.decode(told)["id"]) == (0, job_id)


async def test_languages_are_listed_for_people_and_for_programs(gateway: Gateway, pyxec: StartCommand) -> None:
    _, table, _ = await (await pyxec("languages")).ended()
    assert b"Python" in table
    assert b"3.11.2" in table
    _, document, _ = await (await pyxec("languages", "--json")).ended()
    (language,) = msgspec.json.decode(document)
    assert (language["id"], language["aliases"]) == ("python", ["py", "python3"])


async def test_bench_measures_and_tells_what_went_wrong(gateway: Gateway, pyxec: StartCommand) -> None:
    # Given a service where the fourth job ends badly
    def end(job_id: str) -> None:
        gateway.jobs.start(job_id)
        bad = len(gateway.jobs.records) == 4
        gateway.jobs.finish(job_id, outcome=Outcome.NONZERO_EXIT if bad else Outcome.OK, exit_code=int(bad))

    gateway.jobs.when_submitted = lambda job: end(job.id)
    # When it is measured
    code, document, _ = await (await pyxec("bench", "--jobs", "9", "-c", "3", "--json")).ended()
    # Then there are figures, and the exit code says that they are not worth much
    report = msgspec.json.decode(document)
    assert (code, report["jobs"], report["outcomes"]) == (1, 9, {"ok": 8, "nonzero_exit": 1})
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p95"] <= report["latency_ms"]["max"]
    assert report["jobs_per_second"] > 0
    # And people get a table
    code, table, _ = await (await pyxec("bench", "--jobs", "1")).ended()
    assert (code, "latency p95" in table.decode()) == (0, True)


async def test_bench_refuses_a_language_that_is_not_there(gateway: Gateway, pyxec: StartCommand) -> None:
    code, _, stderr = await (await pyxec("bench", "--language", "cobol")).ended()
    assert (code, b"must be one of python" in stderr) == (125, True)


def test_every_command_has_json_for_programs() -> None:
    from typer.main import get_command

    from app.cli.__main__ import app

    without = [
        " ".join(path)
        for path, command in leaves(get_command(app))
        if not any("--json" in parameter.opts for parameter in command.params)
    ]
    assert without == ["images wait"]  # it has nothing to tell


def test_every_command_is_in_its_document() -> None:
    from typer.main import get_command

    from app.cli.__main__ import app

    document = (ROOT / "docs" / "cli.md").read_text()
    missing = [path for path, _ in leaves(get_command(app)) if not all(word in document for word in path)]
    assert missing == []


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below this one, with its words."""
    for name, below in getattr(command, "commands", {}).items():
        yield from leaves(below, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


def test_help_needs_nothing_heavy() -> None:
    # A command starts in a blink only as long as nobody imports at the top what one command alone needs.
    heavy = {
        "docker",
        "redis",
        "httpx",
        "websockets",
        "rich.live",
        "dramatiq",
        "falcon",
        "uvicorn",
        "http.client",
        "pydantic",
    }
    listing = "import app.cli, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", listing], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert "app.cli.run" in loaded
    assert heavy.isdisjoint(loaded)
