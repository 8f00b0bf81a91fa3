"""All operations on a job, with both clients, on the real stack."""

from __future__ import annotations

import asyncio

import pytest

from pyxec import (
    Conflict,
    Finished,
    InvalidJob,
    InvalidRequest,
    JobTimeout,
    NotFound,
    Output,
    Phase,
    Started,
    job_request,
)
from tests.sdk.conftest import OpenClient, call, events
from tests.stack import Stack

pytestmark = pytest.mark.docker

READER = "import sys\nfor line in sys.stdin: print('got', line.strip(), flush=True)\nprint('end')"


async def test_run_returns_the_result(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    result = await call(
        client.run, "python", "import sys; print(input(), sys.argv[1]); sys.exit(3)", stdin="in", args=["x"]
    )
    assert (result.outcome, result.ok, result.exit_code, result.stdout) == ("nonzero_exit", False, 3, "in x\n")
    assert result.usage.wall_seconds > 0
    assert [phase.name for phase in result.phases] == ["run"]


async def test_result_keeps_binary_output(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    source = "import sys; sys.stdout.buffer.write(open('in.bin', 'rb').read())"
    result = await call(client.run, "python", files={"main.py": source, "in.bin": b"\xff\x00\xfe"})
    assert (result.stdout_bytes, result.stdout) == (b"\xff\x00\xfe", "\ufffd\0\ufffd")


async def test_stream_yields_events_in_order(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    seen = [event async for event in events(client.stream("python", "print('out')"))]
    started, phase, *output, end = seen
    assert (type(started), type(phase), type(end)) == (Started, Phase, Finished)
    assert "".join(event.text for event in output) == "out\n"
    assert {(type(event), event.stream) for event in output} == {(Output, "stdout")}
    assert end.result.outcome == "ok"


async def test_send_stdin_uses_the_stream_that_is_read(stack: Stack, open_client: OpenClient) -> None:
    job = await call(open_client(stack.url).submit, "python", READER, interactive=True)
    # When each line is sent after the output for the previous line, as text and as bytes
    printed = b""
    async for event in events(job.stream(timeout_seconds=20)):
        match event:
            case Phase():
                await call(job.send_stdin, "one\n")
            case Output() if (printed := printed + event.data) == b"got one\n":
                await call(job.send_stdin, b"two\n")
                await call(job.send_eof)
    assert printed == b"got one\ngot two\nend\n"


async def test_send_stdin_works_without_a_stream(stack: Stack, open_client: OpenClient) -> None:
    job = await call(open_client(stack.url).submit, "python", READER, interactive=True)
    # When the input is larger than a message, so that it is split within characters
    long = "ä" * 50_000
    assert await call(job.send_stdin, f"a\n{long}\n")
    assert await call(job.send_eof)
    # Then the program has received all of it in order
    assert (await call(job.wait, 20)).stdout == f"got a\ngot {long}\nend\n"
    assert b"".join(event.data for event in await call(job.output) if isinstance(event, Output)).startswith(b"got a\n")
    # And after the end of the job, send_stdin returns False
    while await call(job.send_stdin, "more"):
        await asyncio.sleep(0.02)


async def test_cancel_and_delete_end_a_long_job(stack: Stack, open_client: OpenClient) -> None:
    job = await call(open_client(stack.url).submit, "python", "import time; print('on', flush=True); time.sleep(60)")
    # When it does not finish in time
    with pytest.raises(JobTimeout) as caught:
        await call(job.wait, 0.3)
    assert caught.value.job_id == job.id
    # Then it continues, and cannot be deleted
    assert (await call(job.status)).status in ("queued", "running")
    with pytest.raises(Conflict):
        await call(job.delete)
    # And it can be deleted after it was cancelled
    await call(job.cancel)
    assert (await call(job.wait, 20)).outcome == "cancelled"
    await call(job.delete)
    with pytest.raises(NotFound):
        await call(job.status)
    with pytest.raises(NotFound):
        _ = [event async for event in events(job.stream())]


async def test_run_raises_job_timeout(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    with pytest.raises(JobTimeout) as caught:
        await call(client.run, "python", "import time; time.sleep(60)", timeout_seconds=0.2)
    await call(client.job(caught.value.job_id).cancel)


async def test_artifacts_returns_contents_by_name(stack: Stack, open_client: OpenClient) -> None:
    source = "open('a b.bin', 'wb').write(bytes(range(256)))"
    job = await call(open_client(stack.url).submit, "python", source, artifacts=["*.bin"])
    await call(job.wait, 20)
    assert await call(job.artifacts) == {"a b.bin": bytes(range(256))}
    with pytest.raises(NotFound):
        await call(job.artifact, "other")


async def test_submit_batch_accepts_each_job_on_its_own(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    good, bad = await call(
        client.submit_batch, [job_request("python", "print(1)"), job_request("klingon", "STOP RUN.")]
    )
    assert (await call(good.wait, 20)).stdout == "1\n"
    assert isinstance(bad, InvalidRequest)
    assert (bad.status, bad.field, bad.type) == (422, "language", "/problems/unknown-language")


async def test_result_has_test_reports(stack: Stack, open_client: OpenClient) -> None:
    cases = [{"stdin": "2", "expected_output": "4"}, {"name": "odd", "stdin": "3", "expected_output": "x"}]
    result = await call(open_client(stack.url).run, "python", "print(int(input()) * 2)", tests=cases)
    assert [(test.name, test.passed, test.stdout) for test in result.tests] == [
        ("1", True, "4\n"),
        ("odd", False, "6\n"),
    ]


async def test_languages_include_limits(stack: Stack, open_client: OpenClient) -> None:
    (python,) = [one for one in await call(open_client(stack.url).languages) if one.id == "python"]
    assert python.version
    assert python.limits["wall_seconds"]["maximum"] > 0


async def test_request_refused_names_the_field_and_the_request(stack: Stack, open_client: OpenClient) -> None:
    with pytest.raises(InvalidRequest, match=r"^limits.wall_seconds: must be") as caught:
        await call(open_client(stack.url).run, "python", "1", limits={"wall_seconds": 9999})
    assert caught.value.field == "limits.wall_seconds"
    assert caught.value.request_id


async def test_submit_refuses_a_job_that_cannot_be_encoded(open_client: OpenClient) -> None:
    client = open_client("http://127.0.0.1:9")
    with pytest.raises(InvalidJob, match="unknown option: limit"):
        await call(client.submit, "python", "1", limit={})
    with pytest.raises(InvalidJob, match="stdin"):
        await call(client.submit, "python", "1", stdin=b"1")
    with pytest.raises(InvalidJob, match=r"files: a.py must be"):
        await call(client.submit, "python", files={"a.py": 1})
    with pytest.raises(InvalidJob, match="cannot be encoded as JSON"):
        await call(client.submit, "python", "1", env={"A": object()})


async def test_client_is_shared_by_concurrent_calls(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    results = await asyncio.gather(*(call(client.run, "bash", f"echo {number}") for number in range(6)))
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(6)]
