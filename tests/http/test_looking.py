"""GET /v1/jobs/{id}, cancelling, languages: what is told of what is there."""

from __future__ import annotations

import base64

import pytest

from app.core.events import Stream
from app.core.job_input import Input, InputKind
from app.core.outcomes import Outcome
from tests.http.conftest import Gateway
from tests.http.fakes import phase_report


async def test_a_queued_job_tells_how_many_are_before_it(gateway: Gateway) -> None:
    await gateway.submit()
    second = await gateway.submit()
    shown = (await gateway.client.get(f"/v1/jobs/{second}")).json()
    assert (shown["status"], shown["queue_position"], shown["language"]) == ("queued", 1, "python")
    assert shown["created_at"] == "2023-11-14T22:13:20.000Z"
    assert shown["started_at"] is None


async def test_a_running_job_tells_who_runs_it(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.start(job_id, attempt=2)
    shown = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (shown["status"], shown["attempt"], shown["worker"]) == ("running", 2, "w1")
    assert shown["queue_position"] is None
    assert shown["queue_seconds"] == 0.25
    assert shown["started_at"] == "2023-11-14T22:13:20.250Z"


async def test_a_finished_job_is_shown_whole(gateway: Gateway) -> None:
    # Given a job that was compiled, wrote on both streams and was cut off on one
    job_id = await gateway.submit()
    gateway.jobs.start(job_id)
    gateway.jobs.phase(job_id, "compile")
    gateway.jobs.write(job_id, b"warning\n", Stream.STDERR)
    gateway.jobs.phase(job_id, "run")
    gateway.jobs.write(job_id, "caf\u00e9".encode()[:-1])
    gateway.jobs.write(job_id, "\u00e9".encode()[-1:] + b"\n")
    gateway.jobs.write(job_id, b"oops", Stream.STDERR)
    phases = (phase_report("compile"), phase_report("run", stderr_truncated=True))
    gateway.jobs.finish(job_id, phases=phases)
    # When it is looked at
    shown = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    # Then each text is in its place, a character that came in two parts in one piece
    assert (shown["stdout"], shown["stderr"], shown["compile_output"]) == ("caf\u00e9\n", "oops", "warning\n")
    assert shown["stdout_encoding"] == shown["stderr_encoding"] == shown["compile_output_encoding"] == "utf8"
    assert shown["truncated"] == {"stdout": False, "stderr": True, "compile_output": False}
    # And so is the rest
    assert (shown["status"], shown["outcome"], shown["exit_code"], shown["signal"]) == ("finished", "ok", 0, None)
    assert shown["message"] == "exited normally"
    assert shown["usage"]["memory_peak_bytes"] == 8_000_000
    assert [phase["name"] for phase in shown["phases"]] == ["compile", "run"]
    assert (shown["language"], shown["version"], shown["attempt"]) == ("python", "3.11.2", 1)
    assert shown["finished_at"] == "2023-11-14T22:13:20.300Z"


async def test_bytes_that_are_no_text_come_as_base64(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.run(job_id, b"\xff\x00\xfe")
    shown = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert shown["stdout_encoding"] == "base64"
    assert base64.b64decode(shown["stdout"]) == b"\xff\x00\xfe"
    assert (shown["stderr"], shown["stderr_encoding"]) == ("", "utf8")
    assert (shown["compile_output"], shown["compile_output_encoding"]) == (None, None)


async def test_what_a_lost_worker_had_sent_does_not_count(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.start(job_id)
    gateway.jobs.phase(job_id)
    gateway.jobs.write(job_id, b"half a li")
    gateway.jobs.start(job_id, attempt=2)
    gateway.jobs.phase(job_id)
    gateway.jobs.write(job_id, b"a whole line\n")
    gateway.jobs.finish(job_id)
    shown = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (shown["stdout"], shown["attempt"]) == ("a whole line\n", 2)


@pytest.mark.parametrize("job_id", ["nobody", "a:b", "%2e%2e", "x" * 65, "%00", "%ff", "a%20b", "{x}"])
@pytest.mark.parametrize("suffix", ["", "/output"])
async def test_an_unknown_job_is_not_found(gateway: Gateway, job_id: str, suffix: str) -> None:
    answer = await gateway.client.get(f"/v1/jobs/{job_id}{suffix}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/job-not-found"


async def test_head_is_get_without_its_body(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    for path in (f"/v1/jobs/{job_id}", f"/v1/jobs/{job_id}/output", "/v1/languages", "/livez", "/readyz"):
        answer = await gateway.client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")


async def test_a_route_tells_its_methods(gateway: Gateway) -> None:
    refused = await gateway.client.delete("/v1/languages")
    assert (refused.status_code, refused.headers["Content-Type"]) == (405, "application/problem+json")
    assert "GET" in refused.headers["Allow"]
    asked = await gateway.client.options("/v1/jobs")
    assert (asked.status_code, asked.headers["Allow"]) == (200, "GET, HEAD, POST")


async def test_what_is_nowhere_is_a_problem_too(gateway: Gateway) -> None:
    answer = await gateway.client.get("/v2/jobs")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/no-such-route")


async def test_a_queued_job_is_cancelled_at_once(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    answer = await gateway.client.post(f"/v1/jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "finished")
    shown = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (shown["outcome"], shown["usage"], shown["phases"]) == (Outcome.CANCELLED, None, [])
    assert (shown["queue_seconds"], shown["started_at"]) == (None, None)


async def test_a_running_job_is_asked_to_end(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.start(job_id)
    answer = await gateway.client.post(f"/v1/jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "running")
    assert gateway.jobs.inputs[job_id] == [Input(InputKind.CANCEL)]


async def test_a_finished_job_stays_as_it_is(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.run(job_id)
    answer = await gateway.client.post(f"/v1/jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "finished")
    assert (await gateway.client.get(f"/v1/jobs/{job_id}")).json()["outcome"] == "ok"


async def test_an_unknown_job_cannot_be_cancelled(gateway: Gateway) -> None:
    assert (await gateway.client.post("/v1/jobs/nobody/cancel")).status_code == 404


async def test_the_languages_come_with_their_limits(gateway: Gateway) -> None:
    (python,) = (await gateway.client.get("/v1/languages")).json()["languages"]
    assert (python["id"], python["version"], python["aliases"]) == ("python", "3.11.2", ["py", "python3"])
    assert python["template"] == "print('hello')\n"
    wall = python["limits"]["wall_seconds"]
    assert (wall["default"], wall["minimum"], wall["maximum"], wall["unit"]) == (20, 0.1, 300, "s")
    assert python["limits"]["processes"]["default"] == 64


async def test_ready_is_who_can_take_a_job(gateway: Gateway) -> None:
    assert (await gateway.client.get("/readyz")).json() == {"status": "ok"}
    gateway.jobs.down = True
    assert (await gateway.client.get("/readyz")).status_code == 503
    assert (await gateway.client.get("/livez")).status_code == 200


async def test_a_fault_of_ours_is_a_500_that_tells_nothing(gateway: Gateway) -> None:
    # Given a record that cannot be: finished, without a result
    job_id = await gateway.submit()
    gateway.jobs.run(job_id)
    gateway.jobs.change(job_id, result=None)
    # When it is looked at
    answer = await gateway.client.get(f"/v1/jobs/{job_id}")
    # Then the client learns that it is our fault, and the id to ask about
    assert answer.status_code == 500
    assert answer.json() == {
        "type": "/problems/internal-error",
        "title": "Internal server error",
        "status": 500,
        "detail": "Internal server error",
        "request_id": answer.headers["X-Request-Id"],
    }
