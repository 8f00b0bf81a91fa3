"""GET /v1/jobs/{id}, POST /v1/jobs/{id}/cancel, GET /v1/languages and the health routes."""

from __future__ import annotations

import base64

import pytest

from app.core.job.events import Stream
from app.core.job.job_input import Input, InputKind
from app.core.languages import LanguageInfo
from app.core.outcomes import Outcome
from app.store.languages import publish_languages
from app.store.worker_registry import WorkerRegistry
from tests.http.gateway import PYTHON, Gateway, running_gateway
from tests.http.worker import WORKER_NAME, phase_report
from tests.proxy import FaultProxy

CREATED_AT_MS = 1_700_000_000_000


async def submit_at(gateway: Gateway, created_at_ms: int) -> str:
    """The id of a new job that was created at this time; the worker starts it 250 ms later."""
    job_id = await gateway.submit()
    gateway.redis.hset(gateway.keys.record(job_id), "created_at_ms", created_at_ms)
    gateway.worker.now_ms = lambda: created_at_ms + 250
    return job_id


async def test_queued_job_has_a_queue_position(gateway: Gateway) -> None:
    await gateway.submit()
    second = await submit_at(gateway, CREATED_AT_MS)
    job = (await gateway.client.get(f"/v1/jobs/{second}")).json()
    assert (job["status"], job["queue_position"], job["language"]) == ("queued", 1, "python")
    assert job["created_at"] == "2023-11-14T22:13:20.000Z"
    assert job["started_at"] is None


async def test_guarantee_3_queued_job_states_why_no_worker_can_run_it(gateway: Gateway) -> None:
    job_id, registry = await gateway.submit(), WorkerRegistry(gateway.redis, gateway.keys)

    async def waiting_reason() -> str | None:
        reason: str | None = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()["waiting_reason"]
        return reason

    assert await waiting_reason() == "no-worker"
    registry.beat("one", "engine-not-answering")
    assert await waiting_reason() == "engine-not-answering"
    registry.beat("two")
    assert await waiting_reason() is None
    gateway.redis.delete(gateway.keys.heartbeat("two"))
    registry.beat("one")
    assert await waiting_reason() is None
    gateway.redis.delete(gateway.keys.heartbeat("one"))
    assert await waiting_reason() == "no-worker"
    gateway.worker.start(job_id)
    assert await waiting_reason() is None


async def test_guarantee_3_queued_job_states_that_the_image_of_its_language_is_missing(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.languages._CACHE_SECONDS", 0)
    python, bash = (LanguageInfo(id=name, name=name, file_name="main") for name in ("python", "bash"))
    async with running_gateway(redis_url, namespace) as gateway:
        registry = WorkerRegistry(gateway.redis, gateway.keys)

        async def waiting_reason(host_1: list[LanguageInfo], host_2: list[LanguageInfo]) -> str | None:
            publish_languages(gateway.redis, gateway.keys, "host-1", host_1)
            publish_languages(gateway.redis, gateway.keys, "host-2", host_2)
            reason: str | None = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()["waiting_reason"]
            return reason

        # Given a queued job, and a worker
        job_id = await gateway.submit()
        registry.beat("one")
        # Then the reason is the missing image if no host has it, and if the worker is not paused
        assert await waiting_reason([python, bash], [python]) is None
        assert await waiting_reason([bash], [python]) is None
        assert await waiting_reason([bash], []) == "image-missing"
        registry.beat("one", "launches-fail")
        assert await waiting_reason([bash], []) == "launches-fail"
        registry.beat("one")
        assert await waiting_reason([bash], [python]) is None


async def test_running_job_has_a_worker_and_start_time(gateway: Gateway) -> None:
    job_id = await submit_at(gateway, CREATED_AT_MS)
    gateway.worker.start(job_id, attempt=2)
    job = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (job["status"], job["attempt"], job["worker"]) == ("running", 2, WORKER_NAME)
    assert job["queue_position"] is None
    assert job["queue_seconds"] == 0.25
    assert job["started_at"] == "2023-11-14T22:13:20.250Z"


async def test_finished_job_has_its_result_and_output(gateway: Gateway) -> None:
    # Given a job that was compiled, wrote on both streams and exceeded the output limit on one
    job_id = await submit_at(gateway, CREATED_AT_MS)
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id, "compile")
    gateway.worker.write(job_id, b"warning\n", Stream.STDERR)
    gateway.worker.start_phase(job_id, "run")
    gateway.worker.write(job_id, "caf\u00e9".encode()[:-1])
    gateway.worker.write(job_id, "\u00e9".encode()[-1:] + b"\n")
    gateway.worker.write(job_id, b"oops", Stream.STDERR)
    gateway.worker.now_ms = lambda: CREATED_AT_MS + 300
    phases = (phase_report("compile"), phase_report("run", stderr_truncated=True))
    gateway.worker.finish(job_id, phases=phases)
    # When it is read
    job = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    # Then the chunks of each stream are joined, also in the middle of a character
    assert (job["stdout"], job["stderr"], job["compile_output"]) == ("caf\u00e9\n", "oops", "warning\n")
    assert job["stdout_encoding"] == job["stderr_encoding"] == job["compile_output_encoding"] == "utf8"
    assert job["truncated"] == {"stdout": False, "stderr": True, "compile_output": False}
    # And the result is complete
    assert (job["status"], job["outcome"], job["exit_code"], job["signal"]) == ("finished", "ok", 0, None)
    assert job["message"] == "exited normally"
    assert job["usage"]["memory_peak_bytes"] == 8_000_000
    assert [phase["name"] for phase in job["phases"]] == ["compile", "run"]
    assert (job["language"], job["version"], job["attempt"]) == ("python", "3.11.2", 1)
    assert job["finished_at"] == "2023-11-14T22:13:20.300Z"


async def test_output_is_base64_when_it_is_not_utf8(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id, b"\xff\x00\xfe")
    job = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert job["stdout_encoding"] == "base64"
    assert base64.b64decode(job["stdout"]) == b"\xff\x00\xfe"
    assert (job["stderr"], job["stderr_encoding"]) == ("", "utf8")
    assert (job["compile_output"], job["compile_output_encoding"]) == (None, None)


async def test_output_of_a_lost_attempt_is_not_shown(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id)
    gateway.worker.write(job_id, b"half a li")
    gateway.worker.start(job_id, attempt=2)
    gateway.worker.start_phase(job_id)
    gateway.worker.write(job_id, b"a whole line\n")
    gateway.worker.finish(job_id)
    job = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (job["stdout"], job["attempt"]) == ("a whole line\n", 2)


@pytest.mark.parametrize("job_id", ["unknown", "a:b", "%2e%2e", "x" * 65, "%00", "%ff", "a%20b", "{x}"])
@pytest.mark.parametrize("suffix", ["", "/output"])
async def test_unknown_job_is_not_found(gateway: Gateway, job_id: str, suffix: str) -> None:
    response = await gateway.client.get(f"/v1/jobs/{job_id}{suffix}")
    assert response.status_code == 404
    assert response.json()["type"] == "/problems/job-not-found"


async def test_head_returns_no_body(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    for path in (f"/v1/jobs/{job_id}", f"/v1/jobs/{job_id}/output", "/v1/languages", "/livez", "/readyz"):
        response = await gateway.client.head(path)
        assert (response.status_code, response.content) == (200, b"")


async def test_allow_header_lists_the_methods_of_a_route(gateway: Gateway) -> None:
    rejected = await gateway.client.delete("/v1/languages")
    assert (rejected.status_code, rejected.headers["Content-Type"]) == (405, "application/problem+json")
    assert "GET" in rejected.headers["Allow"]
    options = await gateway.client.options("/v1/jobs")
    assert (options.status_code, options.headers["Allow"]) == (200, "GET, HEAD, POST")


async def test_unknown_route_is_a_problem(gateway: Gateway) -> None:
    response = await gateway.client.get("/v2/jobs")
    assert (response.status_code, response.json()["type"]) == (404, "/problems/no-such-route")


async def test_cancel_finishes_a_queued_job(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    response = await gateway.client.post(f"/v1/jobs/{job_id}/cancel")
    assert (response.status_code, response.json()["status"]) == (202, "finished")
    job = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (job["outcome"], job["usage"], job["phases"]) == (Outcome.CANCELLED, None, [])
    assert (job["queue_seconds"], job["started_at"]) == (None, None)


async def test_cancel_reaches_the_worker_of_a_running_job(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.start(job_id)
    response = await gateway.client.post(f"/v1/jobs/{job_id}/cancel")
    assert (response.status_code, response.json()["status"]) == (202, "running")
    assert gateway.worker.inputs(job_id) == [Input(InputKind.CANCEL)]


async def test_cancel_does_not_change_a_finished_job(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id)
    response = await gateway.client.post(f"/v1/jobs/{job_id}/cancel")
    assert (response.status_code, response.json()["status"]) == (202, "finished")
    assert (await gateway.client.get(f"/v1/jobs/{job_id}")).json()["outcome"] == "ok"


async def test_cancel_of_an_unknown_job_is_not_found(gateway: Gateway) -> None:
    assert (await gateway.client.post("/v1/jobs/unknown/cancel")).status_code == 404


async def test_languages_have_versions_and_limits(gateway: Gateway) -> None:
    gateway.publish_languages(PYTHON)
    (python,) = (await gateway.client.get("/v1/languages")).json()["languages"]
    assert (python["id"], python["version"], python["aliases"]) == ("python", "3.11.2", ["py", "python3"])
    assert python["template"] == "print('hello')\n"
    wall = python["limits"]["wall_seconds"]
    assert (wall["default"], wall["minimum"], wall["maximum"], wall["unit"]) == (20, 0.1, 300, "s")
    assert python["limits"]["processes"]["default"] == 64


async def test_every_version_of_a_language_is_listed_and_can_be_selected(gateway: Gateway) -> None:
    java = LanguageInfo(
        id="java",
        name="Java",
        file_name="Main.java",
        version="21.0.8",
        piston=("java",),
        judge0=(62,),
        aliases=("jdk",),
    )
    newer = LanguageInfo(
        id="java-25", name="Java", file_name="Main.java", version="25.0.1", piston=("java",), judge0=(1025,),
        version_of="java",
    )  # fmt: skip
    gateway.publish_languages(java, newer)

    listed = (await gateway.client.get("/v1/languages")).json()["languages"]
    judge0 = (await gateway.client.get("/judge0/languages")).json()
    runtimes = (await gateway.client.get("/api/v2/runtimes")).json()

    assert [(language["id"], language["version"], language["version_of"]) for language in listed] == [
        ("java", "21.0.8", None),
        ("java-25", "25.0.1", "java"),
    ]
    assert {62: "Java (21.0.8)", 1025: "Java (25.0.1)"}.items() <= {item["id"]: item["name"] for item in judge0}.items()
    assert {(runtime["language"], runtime["version"]) for runtime in runtimes} == {
        ("java", "21.0.8"),
        ("java", "25.0.1"),
    }
    # A range selects the version that runs the job
    response = await gateway.client.post("/v1/jobs", json={"language": "jdk", "version": ">21.0.8", "source": ""})
    assert (await gateway.client.get(f"/v1/jobs/{response.json()['id']}")).json()["language"] == "java-25"
    response = await gateway.client.post("/v1/jobs", json={"language": "java", "version": "17", "source": ""})
    assert response.status_code == 422
    assert response.json()["field"] == "version"


async def test_readyz_fails_when_redis_does_not_answer(proxied_gateway: Gateway, redis_proxy: FaultProxy) -> None:
    client = proxied_gateway.client
    assert (await client.get("/readyz")).json() == {"status": "ok"}
    redis_proxy.cut()
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/livez")).status_code == 200


async def test_server_error_reveals_only_the_request_id(gateway: Gateway) -> None:
    # Given a record that cannot be decoded
    job_id = await gateway.submit()
    gateway.redis.hset(gateway.keys.record(job_id), "spec", b"damaged")
    # When it is read
    response = await gateway.client.get(f"/v1/jobs/{job_id}")
    # Then the response reports an error of the service with its request id
    assert response.status_code == 500
    assert response.json() == {
        "type": "/problems/internal-error",
        "title": "Internal server error",
        "status": 500,
        "detail": "Internal server error",
        "request_id": response.headers["X-Request-Id"],
    }
