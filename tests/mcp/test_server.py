"""The MCP server with the client of the mcp package, over both transports and both eras of the protocol.

The gateway is real, and the test plays the worker. tests/integration/test_mcp.py runs programs.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from app.core.job.events import Output, Stream
from app.core.job.job_input import InputKind
from app.core.job.results import ArtifactInfo
from app.core.outcomes import COMPILE, Outcome, PhaseReport, StopReason
from app.core.workspaces import WorkspaceReport
from app.http import mcp as app_mcp
from pyxec.mcp import stdio
from pyxec.mcp.run_code import MAX_IMAGE_BYTES, MAX_IMAGES
from pyxec.mcp.text import MAX_TEXT_CHARACTERS, truncate_middle
from tests.http.gateway import PYTHON, Gateway, StartGateway, bearer, running_gateway, wait_until
from tests.http.worker import phase_report
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


@pytest.fixture(params=["http", "stdio-2025"])
async def connect_without_retries(
    request: pytest.FixtureRequest, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Connect]:
    """Connect as ``connect``, to servers that repeat no request which the service has rejected."""
    monkeypatch.setattr("app.http.mcp._RETRY_SECONDS", 0.0)
    async with connecting(f"http://127.0.0.1:{gateway.port}", request.param, retry_seconds=0) as start:
        yield start


@pytest.fixture
async def http_client(gateway: Gateway) -> AsyncIterator[Client]:
    """A client over HTTP, for results that do not depend on the transport."""
    async with connecting(f"http://127.0.0.1:{gateway.port}", "http") as start:
        yield await start()


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
        ("run_code", {**RUN, "workspace": "new", "timeout_seconds": 10**6}, "limits.wall_seconds"),
    ):
        result = await client.call_tool(name, arguments)
        assert result.is_error, (name, arguments)
        assert reason in texts(result)
    assert gateway.job_ids() == []
    # And no workspace is left whose id the client does not know
    assert not gateway.redis.zcard(gateway.keys.owned_workspaces("anonymous"))


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


@pytest.mark.parametrize(
    ("outcome", "phases", "streams"),
    [
        (
            Outcome.OUTPUT_LIMIT,
            (phase_report(stopped_by=StopReason.OUTPUT, stdout_truncated=True, exit_code=None),),
            ["stdout"],
        ),
        (Outcome.OK, (phase_report(stdout_truncated=True, stderr_truncated=True),), ["stdout", "stderr"]),
        (Outcome.COMPILE_ERROR, (phase_report(COMPILE, stderr_truncated=True),), ["compile_output"]),
    ],
    ids=["stopped program", "both streams", "compiler"],
)
async def test_output_above_the_output_limit_has_a_notice(
    gateway: Gateway, http_client: Client, outcome: Outcome, phases: tuple[PhaseReport, ...], streams: list[str]
) -> None:
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, b"x", outcome=outcome, phases=phases))
    result = await http_client.call_tool("run_code", RUN)
    notices = [f"{name} was cut off at the output limit of the program." for name in streams]
    assert (result.structured_content["outcome"], result.structured_content["notices"]) == (outcome, notices)
    # And a client that shows only the text shows them, too
    assert all(f"[{notice}]" in texts(result) for notice in notices)


async def test_missing_files_have_a_notice(gateway: Gateway, http_client: Client) -> None:
    artifacts = (ArtifactInfo("a.txt", 1),)
    gateway.worker.handle_jobs(
        lambda job_id: gateway.worker.run(job_id, artifacts=artifacts, artifacts_incomplete=True)
    )
    content = (await http_client.call_tool("run_code", RUN)).structured_content
    assert content["files"] == ["a.txt"]
    assert content["notices"] == [
        "Not all files that the program left are listed: there are too many, or they are too large."
    ]


async def test_workspace_that_did_not_change_has_a_notice_with_the_reason(
    gateway: Gateway, http_client: Client
) -> None:
    written = await http_client.call_tool("write_file", {"workspace": "new", "path": "a.txt", "content": "a"})
    workspace = written.structured_content["workspace"]
    report = WorkspaceReport(id=workspace, version=1, error="It would have 202 files; at most 200 are allowed.")
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, workspace=report))
    content = (await http_client.call_tool("run_code", {**RUN, "workspace": workspace})).structured_content
    assert (content["workspace"], content["files"]) == (workspace, [])
    assert content["notices"] == [f"The files of the workspace did not change. {report.error}"]


async def test_images_that_are_not_shown_have_a_notice(gateway: Gateway, http_client: Client) -> None:
    # Given a large image, one that is too large in addition to it, small ones, and one that was deleted
    sizes = {"a.png": MAX_IMAGE_BYTES - MAX_IMAGES, "b.png": MAX_IMAGES + 1}
    sizes |= {f"c{number}.gif": 1 for number in range(MAX_IMAGES)}

    def run(job_id: str) -> None:
        gateway.redis.hset(gateway.keys.artifacts(job_id), mapping={name: bytes(sizes[name]) for name in sizes})
        names = [*sizes, "deleted.webp"]
        gateway.worker.run(job_id, artifacts=tuple(ArtifactInfo(name, sizes.get(name, 1)) for name in names))

    gateway.worker.handle_jobs(run)
    # When the program has left them
    result = await http_client.call_tool("run_code", RUN)
    # Then all of them are listed, those that fit are shown, and a notice names each other one
    assert result.structured_content["files"] == [*sizes, "deleted.webp"]
    shown = [len(base64.b64decode(item.data)) for item in result.content if item.type == "image"]
    assert shown == [sizes["a.png"], *[1] * (MAX_IMAGES - 1)]
    limits = f"at most {MAX_IMAGES} images of {MAX_IMAGE_BYTES} bytes together are shown"
    assert result.structured_content["notices"] == [
        f"b.png is not shown: {limits}.",
        f"c{MAX_IMAGES - 1}.gif is not shown: {limits}.",
        "deleted.webp is not shown: it does not exist any more.",
    ]


async def test_read_file_reports_what_it_does_not_return(http_client: Client) -> None:
    text, binary, image = (
        "".join(f"{number}\n" for number in range(20_000)),
        b"\xff\x00",
        b"\xff" * (MAX_IMAGE_BYTES + 1),
    )
    written = await http_client.call_tool("write_file", {"workspace": "new", "path": "long.txt", "content": text})
    workspace = written.structured_content["workspace"]
    for path, data in (("program.bin", binary), ("large.png", image)):
        content = base64.b64encode(data).decode()
        arguments = {"workspace": workspace, "path": path, "content": content, "encoding": "base64"}
        assert not (await http_client.call_tool("write_file", arguments)).is_error
    # When a long text is read, then its middle is missing, with a notice and the size of the file
    read = await http_client.call_tool("read_file", {"workspace": workspace, "path": "long.txt"})
    removed = len(text) - MAX_TEXT_CHARACTERS
    assert f"[... {removed} characters were removed here; the limit is {MAX_TEXT_CHARACTERS} char" in texts(read)
    assert (texts(read)[:4], texts(read)[-6:]) == ("0\n1\n", "19999\n")
    assert read.structured_content == {"path": "long.txt", "size_bytes": len(text)}
    # And a file that cannot be shown is described
    for path, data in (("program.bin", binary), ("large.png", image)):
        read = await http_client.call_tool("read_file", {"workspace": workspace, "path": path})
        assert not read.is_error
        assert texts(read) == f"{path} is a binary file of {len(data)} bytes. Read it with a program."


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


async def test_unavailable_service_is_a_tool_error(connect_without_retries: Connect, gateway: Gateway) -> None:
    client = await connect_without_retries()
    gateway.redis.config_set("maxmemory", "1")
    try:
        for name, arguments in (("run_code", RUN), ("write_file", {"workspace": "new", "path": "a", "content": ""})):
            result = await asyncio.wait_for(client.call_tool(name, arguments), 10)
            assert result.is_error
            assert "The job store is unavailable" in texts(result)
    finally:
        gateway.redis.config_set("maxmemory", "0")
    assert gateway.job_ids() == []


async def test_unreachable_service_is_a_tool_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with connecting(f"http://127.0.0.1:{port}", "stdio") as connect:
        client = await connect()
        file = {"workspace": "w", "path": "a"}
        for name, arguments in (
            ("run_code", RUN),
            ("list_languages", {}),
            ("read_file", file),
            ("write_file", {**file, "content": ""}),
            ("list_files", {"workspace": "w"}),
        ):
            result = await asyncio.wait_for(client.call_tool(name, arguments), 10)
            assert result.is_error, name
            assert f"no response from http://127.0.0.1:{port}" in texts(result)


def test_retries_end_before_a_client_gives_up() -> None:
    # The time-out of a request in the TypeScript SDK of MCP, with which desktop clients are built: 60 s
    assert max(stdio.RETRY_SECONDS, app_mcp._RETRY_SECONDS) <= 30


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


async def test_invalid_key_over_stdio_is_a_tool_error(gateway: Gateway) -> None:
    async with connecting(f"http://127.0.0.1:{gateway.port}", "stdio") as connect:
        client = await connect("wrong")
        for name, arguments in (("run_code", RUN), ("list_files", {"workspace": "w"})):
            result = await client.call_tool(name, arguments)
            assert result.is_error
            assert texts(result) == "the API key is invalid, expired or revoked"
    assert gateway.job_ids() == []


@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_quotas_of_the_caller_are_tool_errors(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    # Given a caller who may have one unfinished job and 1 MiB of files
    monkeypatch.setattr("app.http.mcp._RETRY_SECONDS", 0.0)
    quotas = {"PYXEC_ANONYMOUS_JOBS": "1", "PYXEC_ANONYMOUS_FILE_BYTES": str(2**20)}
    gateway = await start_gateway(languages=[PYTHON], **quotas)
    job_id = await gateway.submit()
    async with connecting(f"http://127.0.0.1:{gateway.port}", transport, retry_seconds=0) as connect:
        client = await connect()
        # When both are reached, then the tools report it
        rejected = await client.call_tool("run_code", RUN)
        assert rejected.is_error
        assert texts(rejected).startswith("too many unfinished jobs; try again in ")
        large = {"workspace": "new", "path": "a.txt", "content": "x" * 2**20}
        rejected = await client.call_tool("write_file", large)
        assert rejected.is_error
        assert texts(rejected).startswith("file quota reached: the files take ")
        assert f"of {2**20} bytes; delete files or wait until they expire" in texts(rejected)
        assert gateway.job_ids() == [job_id]
        assert not gateway.redis.zcard(gateway.keys.owned_workspaces("anonymous"))
        # And below the quotas, the same calls succeed
        gateway.worker.run(job_id)
        gateway.worker.handle_jobs(gateway.worker.run)
        assert not (await client.call_tool("run_code", RUN)).is_error
        assert not (await client.call_tool("write_file", {**large, "content": "x"})).is_error


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
