"""``pyxec files``, and stdin that ``pyxec run`` and ``pyxec submit`` upload."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from app.core.files import StoredFile
from app.files.redis_storage import RedisStorage
from tests.cli.conftest import StartCommand
from tests.cli.test_run import NOT_TEXT, run_jobs
from tests.http.gateway import Gateway


async def test_files_are_uploaded_downloaded_and_deleted(gateway: Gateway, pyxec: StartCommand, tmp_path: Path) -> None:
    data, copy = tmp_path / "data.bin", tmp_path / "copy"
    data.write_bytes(NOT_TEXT * 10_000)
    code, output, _ = await (await pyxec("files", "put", data, "--json")).wait()
    (file,) = json.loads(output)
    assert (code, file["name"], file["size_bytes"]) == (0, "data.bin", data.stat().st_size)
    assert (await (await pyxec("files", "get", file["file_id"], "-o", copy)).wait())[0] == 0
    assert copy.read_bytes() == data.read_bytes()
    assert (await (await pyxec("files", "rm", file["file_id"])).wait())[0] == 0
    code, _, error = await (await pyxec("files", "get", file["file_id"])).wait()
    assert code != 0
    assert b"no file with this id" in error


@pytest.mark.parametrize("command", ["run", "submit"])
async def test_large_stdin_is_uploaded_as_a_file(
    gateway: Gateway, pyxec: StartCommand, program: Path, tmp_path: Path, command: str
) -> None:
    data = tmp_path / "data.bin"
    data.write_bytes(NOT_TEXT * 10_000)
    specs = run_jobs(gateway)
    assert (await (await pyxec(command, "--stdin", data, program)).wait())[0] == 0
    async with asyncio.timeout(10):
        while not specs:
            await asyncio.sleep(0.01)
    (spec,) = specs
    assert isinstance(spec.stdin, StoredFile)
    assert not spec.interactive
    storage = RedisStorage(gateway.redis, gateway.namespace)
    assert b"".join(storage.read(spec.stdin.blob_id)) == data.read_bytes()


async def test_rest_of_redirected_stdin_is_uploaded(
    gateway: Gateway, pyxec: StartCommand, program: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data.bin"
    data.write_bytes(b"header" + NOT_TEXT * 10_000)
    specs = run_jobs(gateway)
    with data.open("rb") as file:
        file.seek(6)
        assert (await (await pyxec("run", program, stdin=file)).wait())[0] == 0
    (spec,) = specs
    assert len(spec.stdin) == data.stat().st_size - 6


async def test_keep_source_keeps_the_program(gateway: Gateway, pyxec: StartCommand, program: Path) -> None:
    run_jobs(gateway)
    code, output, _ = await (await pyxec("run", "--keep-source", "--json", program)).wait()
    (kept,) = json.loads(output)["kept_files"]
    assert (code, kept["field"], kept["name"]) == (0, "files[0].content", "program.py")
    assert (await (await pyxec("files", "get", kept["file_id"])).wait())[1] == program.read_bytes()
