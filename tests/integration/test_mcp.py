"""MCP and workspaces in the whole stack, with programs in real sandboxes. tests/mcp tests the protocol."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp import Client

from tests.mcp.clients import Connect, connecting, texts
from tests.stack import Stack

pytestmark = pytest.mark.docker

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(params=["http", "stdio"])
async def connect(request: pytest.FixtureRequest, stack: Stack) -> AsyncIterator[Connect]:
    async with connecting(stack.url, request.param) as start:
        yield start


async def run(client: Client, code: str, **arguments: Any) -> dict[str, Any]:
    """Run a Python program, which must not be an error of the tool, and return the structured result."""
    result = await client.call_tool("run_code", {"language": "python", "code": code, **arguments})
    assert not result.is_error, texts(result)
    content: dict[str, Any] = result.structured_content
    return content


async def test_program_runs_with_stdin_and_files(connect: Connect) -> None:
    client = await connect()
    code = "print(input() + open('data/a.txt').read())"
    result = await run(client, code, stdin="in ", files={"data/a.txt": "ä"})
    assert (result["outcome"], result["exit_code"], result["stdout"]) == ("ok", 0, "in ä\n")
    languages = (await client.call_tool("list_languages", {})).structured_content["languages"]
    assert "python" in [language["id"] for language in languages]


async def test_failed_and_stopped_programs_are_normal_results(connect: Connect) -> None:
    client = await connect()
    failed = await run(client, "raise SystemExit('reason')")
    assert (failed["outcome"], failed["exit_code"], failed["stderr"]) == ("nonzero_exit", 1, "reason\n")
    stopped = await run(client, "print('before', flush=True)\nwhile True: pass", timeout_seconds=1)
    assert (stopped["outcome"], stopped["stdout"]) == ("wall_time_limit", "before\n")
    assert "limits.wall_seconds = 1 s" in stopped["message"]


async def test_files_persist_in_a_workspace_and_processes_do_not(connect: Connect) -> None:
    client = await connect()
    first = await run(
        client, "import os\nopen('n.txt', 'w').write('1')\nopen('.hidden', 'w').write('h')\nos.environ['X'] = '1'",
        workspace="new",
    )  # fmt: skip
    assert first["files"] == [".hidden", "n.txt"]
    file = {"workspace": first["workspace"], "path": "n.txt"}
    await client.call_tool("write_file", {**file, "path": "in/m.txt", "content": "2"})
    code = (
        "import os\nprint(open('/mnt/data/n.txt').read(), open('in/m.txt').read(), 'X' in os.environ)\n"
        "open('n.txt', 'w').write('3')\nos.remove('in/m.txt')"
    )
    second = await run(client, code, workspace=first["workspace"])
    assert second["stdout"] == "1 2 False\n"
    assert texts(await client.call_tool("read_file", file)) == "3"
    listed = await client.call_tool("list_files", {"workspace": first["workspace"]})
    assert [item["path"] for item in listed.structured_content["files"]] == [".hidden", "n.txt"]


async def test_image_of_a_program_is_returned_inline(connect: Connect) -> None:
    client = await connect()
    code = f"open('plot.png', 'wb').write({PNG!r})"
    result = await client.call_tool("run_code", {"language": "python", "code": code})
    (image,) = [item for item in result.content if item.type == "image"]
    assert (base64.b64decode(image.data), image.mime_type) == (PNG, "image/png")


async def test_progress_carries_live_output_and_cancellation_kills_the_program(connect: Connect, stack: Stack) -> None:
    client = await connect()
    received: list[str] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        received.append(message or "")

    arguments = {"language": "python", "code": "print('live', flush=True)\nimport time\ntime.sleep(60)"}
    call = asyncio.create_task(client.call_tool("run_code", arguments, progress_callback=on_progress))
    async with asyncio.timeout(20):
        while "live" not in "".join(received):
            await asyncio.sleep(0.02)
    job_id = find_running_job(stack)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    finished = await asyncio.to_thread(stack.wait_until_finished, job_id, 20)
    assert finished["outcome"] == "cancelled"


def find_running_job(stack: Stack) -> str:
    """Return the id of the only job that runs."""
    names: list[bytes] = list(stack.client.scan_iter("*:job:*"))  # type: ignore[arg-type]
    records = {name.decode(): stack.client.hkeys(name.decode()) for name in names}
    [running] = [name for name, fields in records.items() if b"started_at_ms" in fields and b"result" not in fields]
    return running.rpartition(":")[2]


def test_compiled_program_leaves_only_its_own_files(stack: Stack) -> None:
    workspace = stack.http.post("/v1/workspaces").json()["id"]
    code = '#include <stdio.h>\nint main(void) { fputs("1", fopen("out.txt", "w")); return 3; }\n'
    job = stack.submit(code, language="c", workspace=workspace, wait=30)
    assert (job["outcome"], job["exit_code"]) == ("nonzero_exit", 3)
    assert (job["workspace"]["changed"], job["workspace"]["error"]) == (["out.txt"], None)
    assert stack.http.get(f"/v1/workspaces/{workspace}/files/out.txt").content == b"1"


def test_script_in_a_workspace_stays_executable(stack: Stack) -> None:
    workspace = stack.http.post("/v1/workspaces").json()["id"]
    stack.http.put(f"/v1/workspaces/{workspace}/files/tool.sh", content=b"#!/bin/sh\necho ran\n")
    job = stack.submit("./tool.sh", language="bash", workspace=workspace, wait=30)
    assert job["stdout"] == "ran\n"


def test_jobs_of_a_workspace_run_one_after_the_other_or_are_rejected(stack: Stack) -> None:
    workspace = stack.http.post("/v1/workspaces").json()["id"]
    append = "import time\ntime.sleep(0.2)\nopen('log', 'a').write('x')"
    jobs = [stack.submit(append, workspace=workspace, workspace_mode="wait")["id"] for _ in range(4)]
    rejected = stack.http.post("/v1/jobs", json={"language": "python", "source": "", "workspace": workspace})
    assert (rejected.status_code, rejected.json()["type"]) == (409, "/problems/workspace-busy")
    versions = [stack.wait_until_finished(job, 30)["workspace"]["version"] for job in jobs]
    assert versions == [1, 2, 3, 4]
    assert stack.http.get(f"/v1/workspaces/{workspace}/files/log").content == b"xxxx"
    # And a deleted job does not use the workspace any longer
    assert stack.http.delete(f"/v1/jobs/{jobs[-1]}").status_code == 204
    assert stack.http.delete(f"/v1/workspaces/{workspace}").status_code == 204


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("for n in range(201): open(f'f{n:03}', 'w')", "202 files"),
        ("open('large', 'wb').truncate(33 << 20)", "at most 33554432 are allowed"),
        ("for n in range(300): open(f'f{n:03}', 'w')", "could not be read completely"),
        ("open('a\\\\b', 'w')", "could not be read completely"),
    ],
    ids=["number", "size", "many", "name"],
)
def test_violated_limit_of_a_workspace_is_an_error_in_the_result(stack: Stack, code: str, error: str) -> None:
    workspace = stack.http.post("/v1/workspaces").json()["id"]
    stack.http.put(f"/v1/workspaces/{workspace}/files/kept", content=b"1")
    limits = {"disk_bytes": 64 << 20, "memory_bytes": 256 << 20}
    job = stack.submit(f"open('kept', 'w').write('2')\n{code}", workspace=workspace, wait=30, limits=limits)
    assert job["outcome"] == "ok", job
    assert error in job["workspace"]["error"]
    assert stack.http.get(f"/v1/workspaces/{workspace}/files/kept").content == b"1"
