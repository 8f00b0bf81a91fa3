"""The MCP server with the client of the mcp package, over both transports and both eras of the protocol.

The gateway is real, and the test plays the worker. tests/integration/test_mcp.py runs programs.
"""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from app.core.job.events import Output, Stream
from app.core.job.job_input import InputKind
from app.core.job.results import ArtifactInfo
from app.core.outcomes import Outcome
from app.core.workspaces import WorkspaceReport
from pyxec.mcp.text import MAX_TEXT_CHARACTERS, truncate_middle
from tests.http.gateway import PYTHON, Gateway, StartGateway, bearer, running_gateway, wait_until
from tests.mcp.clients import Connect, connecting, texts

RUN = {"language": "python", "code": "print(42)"}


@pytest.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    async with running_gateway(redis_url, namespace, languages=[PYTHON]) as started:
        yield started


@pytest.fixture(params=["http", "stdio-2025"])
async def connect(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[Connect]:
    """Connect clients of each transport: with the current version of the protocol, and with the one of 2025."""
    async with connecting(f"http://127.0.0.1:{gateway.port}", request.param) as start:
        yield start


@pytest.fixture(params=["http", "http-2025", "stdio", "stdio-2025"])
async def connect_any(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[Connect]:
    """Connect clients of each transport and each version of the protocol."""
    async with connecting(f"http://127.0.0.1:{gateway.port}", request.param) as start:
        yield start


async def test_tools_are_listed_with_schemas(connect: Connect) -> None:
    client = await connect()
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert sorted(tools) == ["list_files", "list_languages", "read_file", "run_code", "write_file"]
    schema = tools["run_code"].input_schema
    assert schema["required"] == ["language", "code"]
    assert set(schema["properties"]) == {
        "language", "code", "stdin", "files", "workspace", "timeout_seconds",
    }  # fmt: skip
    assert f"above {MAX_TEXT_CHARACTERS} characters" in (tools["run_code"].description or "")
    languages = await client.call_tool("list_languages", {})
    assert languages.structured_content == {
        "languages": [{"id": "python", "name": "Python", "version": "3.11.2", "aliases": ["py", "python3"]}]
    }


async def test_run_code_returns_the_result(gateway: Gateway, connect_any: Connect) -> None:
    client = await connect_any()
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, stdout=b"42\n"))
    result = await client.call_tool("run_code", {**RUN, "stdin": "in", "files": {"data/a.txt": "a"}})
    assert not result.is_error
    assert result.structured_content == {
        "outcome": "ok", "message": "exited normally", "stdout": "42\n", "stderr": "", "exit_code": 0,
        "duration_seconds": 0.02, "files": [], "workspace": None, "notices": [],
    }  # fmt: skip
    (claim,) = gateway.worker.claims.values()
    assert claim.spec is not None
    assert b"data/a.txt" in claim.spec
    assert "42" in texts(result)


async def test_failed_program_is_a_normal_result(gateway: Gateway, connect: Connect) -> None:
    client = await connect()

    def fail(job_id: str) -> None:
        gateway.worker.start_phase(job_id)
        gateway.worker.append(job_id, Output(Stream.STDERR, b"Traceback"))
        gateway.worker.finish(job_id, outcome=Outcome.NONZERO_EXIT, exit_code=1, message="exited with code 1")

    gateway.worker.handle_jobs(fail)
    result = await client.call_tool("run_code", RUN)
    assert not result.is_error
    content = result.structured_content
    assert (content["outcome"], content["exit_code"], content["stderr"]) == ("nonzero_exit", 1, "Traceback")


async def test_time_out_names_the_limit(gateway: Gateway, connect: Connect) -> None:
    client = await connect()
    changes = {"outcome": Outcome.WALL_TIME_LIMIT, "exit_code": None, "message": "stopped at the wall time limit"}
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, **changes))
    for arguments, limit in (({}, "20 s"), ({"timeout_seconds": 2.5}, "2.5 s")):
        result = await client.call_tool("run_code", {**RUN, **arguments})
        assert not result.is_error
        assert f"limits.wall_seconds = {limit}" in result.structured_content["message"]
        assert "can be at most" in result.structured_content["message"]
        assert limit in texts(result)


async def test_invalid_arguments_are_tool_errors(gateway: Gateway, connect: Connect) -> None:
    client = await connect()
    for name, arguments, reason in (
        ("run_code", {"language": "klingon", "code": ""}, "language"),
        ("run_code", {"language": "python"}, "code"),
        ("run_code", {**RUN, "timeout_seconds": 10**6}, "limits.wall_seconds"),
        ("run_code", {**RUN, "color": 1}, "color"),
        ("run_code", {**RUN, "workspace": "nothing"}, "workspace"),
        ("read_file", {"workspace": "nothing", "path": "a"}, "workspace"),
        ("write_file", {"workspace": "new", "path": "../a", "content": ""}, "path"),
    ):
        result = await client.call_tool(name, arguments)
        assert result.is_error, (name, arguments)
        assert reason in texts(result)
    assert gateway.job_ids() == []


async def test_progress_carries_the_output_while_the_program_runs(gateway: Gateway, connect_any: Connect) -> None:
    client = await connect_any()
    received: list[str] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        received.append(message or "")

    call = asyncio.create_task(client.call_tool("run_code", RUN, progress_callback=on_progress))
    await wait_until(lambda: gateway.worker.waiting() == 1)
    job_id = gateway.worker.start()
    gateway.worker.start_phase(job_id)
    for piece in ("one\n", "two ä\n"):
        gateway.worker.write(job_id, piece.encode())
        await wait_until(lambda piece=piece: "".join(received).endswith(piece))  # type: ignore[misc]
    gateway.worker.finish(job_id)
    assert (await call).structured_content["stdout"] == "one\ntwo ä\n"


async def test_cancelled_call_kills_the_program(gateway: Gateway, connect_any: Connect) -> None:
    client = await connect_any()
    call = asyncio.create_task(client.call_tool("run_code", RUN))
    await wait_until(lambda: gateway.worker.waiting() == 1)
    job_id = gateway.worker.start()
    await asyncio.sleep(0.1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await wait_until(lambda: any(item.kind is InputKind.CANCEL for item in gateway.worker.inputs(job_id)))
    gateway.worker.finish(job_id, outcome=Outcome.CANCELLED)


async def test_long_output_is_cut_in_the_middle_with_a_notice(gateway: Gateway, connect: Connect) -> None:
    client = await connect()
    output = "".join(f"{number}\n" for number in range(20_000))
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, stdout=output.encode()))
    result = await client.call_tool("run_code", RUN)
    stdout = result.structured_content["stdout"]
    assert stdout == truncate_middle(output)
    assert stdout.startswith("0\n1\n")
    assert stdout.endswith("19999\n")
    assert f"the limit is {MAX_TEXT_CHARACTERS} characters" in stdout
    assert len(stdout) < MAX_TEXT_CHARACTERS + 200
    assert f"The middle of stdout was removed: it has {len(output)} characters." in result.structured_content["notices"]


async def test_images_are_returned_inline(gateway: Gateway, connect: Connect) -> None:
    client = await connect()
    artifacts = (ArtifactInfo("plot.png", 3), ArtifactInfo("main.py", 1), ArtifactInfo("t.csv", 2))

    def run(job_id: str) -> None:
        gateway.redis.hset(gateway.keys.artifacts(job_id), "plot.png", b"PNG")
        gateway.worker.run(job_id, artifacts=artifacts)

    gateway.worker.handle_jobs(run)
    result = await client.call_tool("run_code", RUN)
    assert result.structured_content["files"] == ["plot.png", "t.csv"]
    (image,) = [item for item in result.content if item.type == "image"]
    assert (base64.b64decode(image.data), image.mime_type) == (b"PNG", "image/png")


async def test_files_of_a_workspace_are_written_listed_and_read(gateway: Gateway, connect: Connect) -> None:
    client = await connect()
    written = await client.call_tool("write_file", {"workspace": "new", "path": "a.txt", "content": "ä"})
    workspace = written.structured_content["workspace"]
    image = {"workspace": workspace, "path": "b.png", "content": base64.b64encode(b"\xff").decode()}
    await client.call_tool("write_file", {**image, "encoding": "base64"})
    listed = await client.call_tool("list_files", {"workspace": workspace})
    assert listed.structured_content["files"] == [
        {"path": "a.txt", "size_bytes": 2}, {"path": "b.png", "size_bytes": 1},
    ]  # fmt: skip
    assert texts(await client.call_tool("read_file", {"workspace": workspace, "path": "a.txt"})) == "ä"
    read = await client.call_tool("read_file", {"workspace": workspace, "path": "b.png"})
    assert base64.b64decode(read.content[0].data) == b"\xff"
    # And a program that uses the workspace reports its changes
    report = WorkspaceReport(id=workspace, version=3, changed=("a.txt",), error=None)
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, workspace=report))
    result = await client.call_tool("run_code", {**RUN, "workspace": workspace})
    assert (result.structured_content["workspace"], result.structured_content["files"]) == (workspace, ["a.txt"])


async def test_tenants_are_separate(gateway: Gateway, connect: Connect) -> None:
    owner = await connect((await gateway.create_key())["key"])
    other = await connect((await gateway.create_key())["key"])
    written = await owner.call_tool("write_file", {"workspace": "new", "path": "a.txt", "content": "secret"})
    file = {"workspace": written.structured_content["workspace"], "path": "a.txt"}
    assert texts(await owner.call_tool("read_file", file)) == "secret"
    denied = await other.call_tool("read_file", file)
    assert denied.is_error
    assert "secret" not in texts(denied)


async def test_unavailable_service_is_a_tool_error(connect: Connect, gateway: Gateway) -> None:
    client = await connect()
    gateway.redis.config_set("maxmemory", "1")
    try:
        result = await asyncio.wait_for(
            client.call_tool("write_file", {"workspace": "new", "path": "a", "content": ""}), 30
        )
    finally:
        gateway.redis.config_set("maxmemory", "0")
    assert result.is_error


async def test_first_requests_may_arrive_at_the_same_time(gateway: Gateway) -> None:
    async def list_tools() -> int:
        async with Client(streamable_http_client(f"http://127.0.0.1:{gateway.port}/mcp")) as client:
            return len((await client.list_tools()).tools)

    counts = await asyncio.gather(*(list_tools() for _ in range(4)))

    assert set(counts) == {counts[0]}
    assert counts[0] > 0


@pytest.mark.parametrize(
    ("module", "unused"), [("app.asgi", {"mcp"}), ("app.wiring.worker", {"mcp", "uvicorn", "app.http.app"})]
)
def test_processes_import_no_library_that_most_of_them_never_need(module: str, unused: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert module in imported
    assert not unused & set(imported)


async def test_invalid_key_is_rejected(gateway: Gateway) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"Accept": "application/json, text/event-stream", **bearer("wrong")}
    response = await gateway.client.post("/mcp", json=body, headers=headers)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_gateway_that_requires_keys_rejects_anonymous_clients(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS="off")
    response = await gateway.client.post("/mcp", json={})
    assert response.status_code == 401
    response = await gateway.client.post("/mcp", json={}, headers={"Host": "evil.example.org"})
    assert response.status_code == 421


async def test_rate_limit_of_the_caller_applies(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="1")
    await gateway.submit()
    async with Client(streamable_http_client(f"http://127.0.0.1:{gateway.port}/mcp")) as client:
        result = await client.call_tool("run_code", RUN)
    assert result.is_error
    assert "rate limit" in texts(result)


async def test_malformed_message_is_answered(gateway: Gateway) -> None:
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    for body in (b"{", b"[]", b"null", b'{"jsonrpc": "2.0", "id": 1, "method": "nothing"}'):
        response = await gateway.client.post("/mcp", content=body, headers=headers)
        assert response.status_code in (200, 400, 404), body
    assert (await gateway.client.get("/mcp")).status_code == 405


def test_texts_are_cut_only_above_the_limit() -> None:
    assert truncate_middle("x" * 10, 10) == "x" * 10
    cut = truncate_middle("abcdefghijk", 10)
    assert cut.startswith("abcde\n[... 1 characters")
    assert cut.endswith("]\nghijk")
