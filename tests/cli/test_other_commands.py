"""``pyxec submit``, ``tail``, ``cancel``, ``languages``, ``bench``, and properties of all commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.core.files import StoredFile
from app.core.job.job_input import Input, InputKind
from app.core.limits import LIMITS
from app.core.outcomes import Outcome
from app.core.states import JobState
from app.store.jobs.records import decode_spec
from pyxec.cli.limit_options import LIMIT_DESCRIPTIONS
from pyxec.version import VERSION
from tests.cli.conftest import ROOT, StartCommand
from tests.http.gateway import Gateway


async def test_submit_prints_the_id_and_exits(
    gateway: Gateway, pyxec: StartCommand, program: Path, tmp_path: Path
) -> None:
    words = tmp_path / "words"
    words.write_text("one two")
    code, stdout, _ = await (await pyxec("submit", "--stdin", words, program, "x")).wait()
    job_id = await gateway.wait_for_job()
    assert (code, stdout) == (0, f"{job_id}\n".encode())
    record = gateway.record(job_id)
    assert record.state is JobState.QUEUED
    assert (record.spec.stdin, record.spec.args, record.spec.interactive) == (b"one two", ("x",), False)


async def test_submit_uploads_binary_stdin(
    gateway: Gateway, pyxec: StartCommand, program: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "picture"
    picture.write_bytes(b"\xff\xd8\xff")
    code, stdout, _ = await (await pyxec("submit", "--stdin", picture, program)).wait()
    assert code == 0
    assert gateway.job_ids() == [stdout.decode().strip()]
    spec = decode_spec(gateway.redis.hget(gateway.keys.record(gateway.job_ids()[0]), "spec"))
    assert isinstance(spec.stdin, StoredFile)
    assert spec.stdin.size_bytes == 3


async def test_tail_shows_a_finished_job_from_the_start(gateway: Gateway, pyxec: StartCommand) -> None:
    job_id = await gateway.submit()
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id)
    gateway.worker.write(job_id, b"all of it\n")
    gateway.worker.finish(job_id, outcome=Outcome.NONZERO_EXIT, exit_code=7)
    assert await (await pyxec("tail", job_id)).wait() == (7, b"all of it\n", b"")


async def test_tail_does_not_cancel_the_job_when_interrupted(gateway: Gateway, pyxec: StartCommand) -> None:
    job_id = await gateway.submit()
    gateway.worker.start(job_id)
    command = await pyxec("tail", job_id)
    await gateway.wait_for_viewer()
    command.process.send_signal(signal.SIGINT)
    assert (await command.wait())[0] == 130
    assert gateway.worker.inputs(job_id) == []


async def test_tail_exits_at_once_for_an_unknown_job(gateway: Gateway, pyxec: StartCommand) -> None:
    code, stdout, stderr = await (await pyxec("tail", "nosuchjob")).wait()
    assert (code, stdout) == (125, b"")
    assert b"Job not found" in stderr


async def test_cancel_cancels_the_job(gateway: Gateway, pyxec: StartCommand) -> None:
    job_id = await gateway.submit()
    gateway.worker.start(job_id)
    assert await (await pyxec("cancel", job_id)).wait() == (0, b"", b"")
    assert gateway.worker.inputs(job_id) == [Input(InputKind.CANCEL)]
    code, stdout, _ = await (await pyxec("cancel", "--json", job_id)).wait()
    assert (code, msgspec.json.decode(stdout)["id"]) == (0, job_id)


async def test_languages_prints_a_table_or_json(gateway: Gateway, pyxec: StartCommand) -> None:
    _, table, _ = await (await pyxec("languages")).wait()
    assert b"Python" in table
    assert b"3.11.2" in table
    _, document, _ = await (await pyxec("languages", "--json")).wait()
    (language,) = msgspec.json.decode(document)
    assert (language["id"], language["aliases"]) == ("python", ["py", "python3"])


async def test_bench_reports_latencies_and_outcomes(gateway: Gateway, pyxec: StartCommand) -> None:
    # Given a service whose fourth job fails
    ended: list[str] = []

    def end(job_id: str) -> None:
        ended.append(job_id)
        bad = len(ended) == 4
        gateway.worker.finish(job_id, outcome=Outcome.NONZERO_EXIT if bad else Outcome.OK, exit_code=int(bad))

    gateway.worker.handle_jobs(end)
    # When the benchmark runs
    code, document, _ = await (await pyxec("bench", "--jobs", "9", "-c", "3", "--json")).wait()
    # Then the report is printed, and the exit code is 1
    report = msgspec.json.decode(document)
    assert (code, report["jobs"], report["outcomes"]) == (1, 9, {"ok": 8, "nonzero_exit": 1})
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p95"] <= report["latency_ms"]["max"]
    assert report["jobs_per_second"] > 0
    # And without --json, the report is a table
    code, table, _ = await (await pyxec("bench", "--jobs", "1")).wait()
    assert (code, "latency p95" in table.decode()) == (0, True)


async def test_bench_refuses_an_unknown_language(gateway: Gateway, pyxec: StartCommand) -> None:
    code, _, stderr = await (await pyxec("bench", "--language", "klingon")).wait()
    assert (code, b"must be one of python" in stderr) == (125, True)


def test_commands_all_have_a_json_option() -> None:
    from typer.main import get_command

    from app.cli.__main__ import app

    without = [
        " ".join(path)
        for path, command in leaves(get_command(app))
        if not any("--json" in parameter.opts for parameter in command.params)
    ]
    # One always prints JSON, one speaks JSON-RPC, and the others print nothing or a file.
    assert without == ["batch", "mcp", "files get", "files rm", "images wait"]


def test_commands_are_all_documented() -> None:
    from typer.main import get_command

    from app.cli.__main__ import app

    document = (ROOT / "docs" / "cli.md").read_text()
    missing = [path for path, _ in leaves(get_command(app)) if not all(word in document for word in path)]
    assert missing == []


@pytest.mark.parametrize("module", ["app.cli", "pyxec.cli"])
def test_version_is_that_of_the_package(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--version"], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (0, f"pyxec {VERSION}\n")


def test_completion_of_a_shell_lists_the_commands() -> None:
    # The variables that the script of `pyxec --show-completion` sets in bash.
    variables = {"_PYXEC_COMPLETE": "complete_bash", "COMP_WORDS": "pyxec ", "COMP_CWORD": "1"}

    done = subprocess.run(
        [sys.executable, "-m", "pyxec.cli"], cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True
    )

    assert {"run", "submit", "tail", "cancel", "languages"} <= set(done.stdout.split())


def test_limit_options_are_those_of_the_service() -> None:
    assert {name: limit.description for name, limit in LIMITS.items()} == LIMIT_DESCRIPTIONS


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield all subcommands with their paths."""
    for name, below in getattr(command, "commands", {}).items():
        yield from leaves(below, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


def test_help_imports_no_heavy_module() -> None:
    # Start-up time: imports that only one command needs are inside that command.
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
    listing = "import app.cli.__main__, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", listing], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert "pyxec.cli.commands.run" in loaded
    assert heavy.isdisjoint(loaded)


async def test_batch_prints_a_line_for_each_job(gateway: Gateway, pyxec: StartCommand, tmp_path: Path) -> None:
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, stdout=b"42\n"))
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text('{"language": "python", "source": "print(42)"}\n\n{"language": "klingon", "source": ""}\n')
    code, stdout, stderr = await (await pyxec("batch", jobs)).wait()
    lines = sorted((msgspec.json.decode(line) for line in stdout.splitlines()), key=lambda line: line["index"])
    assert (code, stderr) == (0, b"")
    assert (lines[0]["job"]["stdout"], lines[1]["problem"]["field"]) == ("42\n", "language")
    # And with the key of an earlier batch, the results are read again
    first = await (await pyxec("batch", "--key", "k", jobs)).wait()
    again = await (await pyxec("batch", "--key", "k", jobs)).wait()
    assert sorted(first[1].splitlines()) == sorted(again[1].splitlines())


async def test_batch_names_the_line_that_is_not_json(gateway: Gateway, pyxec: StartCommand, tmp_path: Path) -> None:
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text('{}\n{"language": \n')
    code, stdout, stderr = await (await pyxec("batch", jobs)).wait()
    assert (code, stdout) == (2, b"")
    assert b"jobs.jsonl, line 2" in stderr
