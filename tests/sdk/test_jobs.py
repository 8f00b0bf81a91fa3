"""Everything a job can do, with each kind of client, on the real stack."""

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
from tests.sdk.conftest import OpenClient, done, events
from tests.stack import Stack

pytestmark = pytest.mark.docker

READER = "import sys\nfor line in sys.stdin: print('got', line.strip(), flush=True)\nprint('end')"


async def test_run_gives_the_result(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    result = await done(
        client.run, "python", "import sys; print(input(), sys.argv[1]); sys.exit(3)", stdin="in", args=["x"]
    )
    assert (result.outcome, result.ok, result.exit_code, result.stdout) == ("nonzero_exit", False, 3, "in x\n")
    assert result.usage.wall_seconds > 0
    assert [phase.name for phase in result.phases] == ["run"]


async def test_bytes_that_are_no_text_stay_what_they_are(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    source = "import sys; sys.stdout.buffer.write(open('in.bin', 'rb').read())"
    result = await done(client.run, "python", files={"main.py": source, "in.bin": b"\xff\x00\xfe"})
    assert (result.stdout_bytes, result.stdout) == (b"\xff\x00\xfe", "\ufffd\0\ufffd")


async def test_stream_gives_every_event_in_order(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    seen = [event async for event in events(client.stream("python", "print('out')"))]
    begun, phase, *output, end = seen
    assert (type(begun), type(phase), type(end)) == (Started, Phase, Finished)
    assert "".join(event.text for event in output) == "out\n"
    assert {(type(event), event.stream) for event in output} == {(Output, "stdout")}
    assert end.result.outcome == "ok"


async def test_a_job_is_fed_while_it_is_watched(stack: Stack, open_client: OpenClient) -> None:
    job = await done(open_client(stack.url).submit, "python", READER, interactive=True)
    # When each line is sent once the one before has come back, in text and in bytes
    printed = b""
    async for event in events(job.stream(timeout_seconds=20)):
        match event:
            case Phase():
                await done(job.send_stdin, "one\n")
            case Output() if (printed := printed + event.data) == b"got one\n":
                await done(job.send_stdin, b"two\n")
                await done(job.send_eof)
    assert printed == b"got one\ngot two\nend\n"


async def test_a_job_is_fed_without_being_watched(stack: Stack, open_client: OpenClient) -> None:
    job = await done(open_client(stack.url).submit, "python", READER, interactive=True)
    # When more is sent than one message takes, cut in the middle of characters
    long = "ä" * 50_000
    assert await done(job.send_stdin, f"a\n{long}\n")
    assert await done(job.send_eof)
    # Then all of it has arrived, in its order
    assert (await done(job.wait, 20)).stdout == f"got a\ngot {long}\nend\n"
    assert b"".join(event.data for event in await done(job.output) if isinstance(event, Output)).startswith(b"got a\n")
    # And once it is over, that is said
    while await done(job.send_stdin, "more"):
        await asyncio.sleep(0.02)


async def test_a_job_that_takes_too_long_can_be_cancelled_and_deleted(stack: Stack, open_client: OpenClient) -> None:
    job = await done(open_client(stack.url).submit, "python", "import time; print('on', flush=True); time.sleep(60)")
    # When it has not ended in time
    with pytest.raises(JobTimeout) as caught:
        await done(job.wait, 0.3)
    assert caught.value.job_id == job.id
    # Then it goes on, and cannot be deleted
    assert (await done(job.status)).status in ("queued", "running")
    with pytest.raises(Conflict):
        await done(job.delete)
    # Until it is cancelled
    await done(job.cancel)
    assert (await done(job.wait, 20)).outcome == "cancelled"
    await done(job.delete)
    with pytest.raises(NotFound):
        await done(job.status)
    with pytest.raises(NotFound):
        _ = [event async for event in events(job.stream())]


async def test_run_has_a_time_out_of_its_own(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    with pytest.raises(JobTimeout) as caught:
        await done(client.run, "python", "import time; time.sleep(60)", timeout_seconds=0.2)
    await done(client.job(caught.value.job_id).cancel)


async def test_artifacts_are_fetched(stack: Stack, open_client: OpenClient) -> None:
    source = "open('a b.bin', 'wb').write(bytes(range(256)))"
    job = await done(open_client(stack.url).submit, "python", source, artifacts=["*.bin"])
    await done(job.wait, 20)
    assert await done(job.artifacts) == {"a b.bin": bytes(range(256))}
    with pytest.raises(NotFound):
        await done(job.artifact, "other")


async def test_a_batch_is_taken_on_one_by_one(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    good, bad = await done(client.submit_batch, [job_request("python", "print(1)"), job_request("cobol", "STOP RUN.")])
    assert (await done(good.wait, 20)).stdout == "1\n"
    assert isinstance(bad, InvalidRequest)
    assert (bad.status, bad.field, bad.type) == (422, "language", "/problems/unknown-language")


async def test_tests_have_their_reports(stack: Stack, open_client: OpenClient) -> None:
    cases = [{"stdin": "2", "expected_output": "4"}, {"name": "odd", "stdin": "3", "expected_output": "x"}]
    result = await done(open_client(stack.url).run, "python", "print(int(input()) * 2)", tests=cases)
    assert [(test.name, test.passed, test.stdout) for test in result.tests] == [
        ("1", True, "4\n"),
        ("odd", False, "6\n"),
    ]


async def test_languages_come_with_their_limits(stack: Stack, open_client: OpenClient) -> None:
    (python,) = [one for one in await done(open_client(stack.url).languages) if one.id == "python"]
    assert python.version
    assert python.limits["wall_seconds"]["maximum"] > 0


async def test_a_refusal_names_the_field_and_the_request(stack: Stack, open_client: OpenClient) -> None:
    with pytest.raises(InvalidRequest, match=r"^limits.wall_seconds: must be") as caught:
        await done(open_client(stack.url).run, "python", "1", limits={"wall_seconds": 9999})
    assert caught.value.field == "limits.wall_seconds"
    assert caught.value.request_id


async def test_what_cannot_be_written_down_is_not_sent(open_client: OpenClient) -> None:
    client = open_client("http://127.0.0.1:9")
    with pytest.raises(InvalidJob, match="no such option of a job: limit"):
        await done(client.submit, "python", "1", limit={})
    with pytest.raises(InvalidJob, match="stdin"):
        await done(client.submit, "python", "1", stdin=b"1")
    with pytest.raises(InvalidJob, match=r"files: a.py must be"):
        await done(client.submit, "python", files={"a.py": 1})
    with pytest.raises(InvalidJob, match="cannot be written as JSON"):
        await done(client.submit, "python", "1", env={"A": object()})


async def test_many_at_once_share_a_client(stack: Stack, open_client: OpenClient) -> None:
    client = open_client(stack.url)
    results = await asyncio.gather(*(done(client.run, "bash", f"echo {number}") for number in range(6)))
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(6)]
