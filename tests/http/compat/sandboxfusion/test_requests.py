"""Requests, errors and waiting of SandboxFusion's API. The worker is the test."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
import sandbox_fusion
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.job.spec import JobSpec
from app.core.judging.phase_outcomes import judge_phase
from app.core.languages import LanguageInfo
from app.core.limits import MIB
from app.core.outcomes import Outcome, StopReason
from app.core.states import JobState
from app.http.compat.sandboxfusion.languages import LANGUAGES
from tests.http.gateway import PYTHON, Gateway, StartGateway, wait_until
from tests.http.strategies import anything, text
from tests.http.worker import phase_report
from tests.proxy import FaultProxy

CPP = LanguageInfo(
    id="cpp", name="C++", file_name="main.cpp", version="12.2.0", compiled=True,
    compile=("g++", "{options}", "{sources}"), run=("./program",),
)  # fmt: skip
PHP = LanguageInfo(id="php", name="PHP", file_name="main.php", version="8.2", run=("php", "{entrypoint}"))
RUN_CODE, RUN_JUPYTER = "/sandboxfusion/run_code", "/sandboxfusion/run_jupyter"
CODE = {"language": "python", "code": "print(1)"}


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    return await start_gateway(languages=[PYTHON, CPP, PHP])


async def resolve(gateway: Gateway, **body: Any) -> JobSpec:
    """Send a request to /run_code, and return the specification of its job."""
    request = asyncio.create_task(gateway.client.post(RUN_CODE, json=body))
    job_id = await gateway.wait_for_job()
    spec = gateway.record(job_id).spec
    assert spec is not None
    gateway.worker.run(job_id)
    assert (await request).status_code == 200
    gateway.redis.delete(gateway.keys.record(job_id))
    return spec


@pytest.mark.parametrize(
    ("path", "body", "field", "message"),
    [
        (RUN_CODE, {"code": None}, ["code"], "must be `str`, got `null`"),
        (RUN_CODE, {"language": "klingon"}, ["language"], "should be one of python, pytest, cpp"),
        (RUN_CODE, {"run_timeout": "soon"}, ["run_timeout"], "must be `float`"),
        (RUN_CODE, {"run_timeout": 301}, ["run_timeout"], "should be less than or equal to 300"),
        (RUN_CODE, {"language": "cpp", "compile_timeout": 31}, ["compile_timeout"], "less than or equal to 30"),
        (RUN_CODE, {"memory_limit_MB": 2049}, ["memory_limit_MB"], "should be less than or equal to 2048"),
        (RUN_CODE, {"files": {"/etc/passwd": ""}}, ["files", "/etc/passwd"], "below the working directory"),
        (RUN_CODE, {"files": {"a": "b"}}, ["files", "a"], "should be base64"),
        (RUN_CODE, {"fetch_files": ["../x"]}, ["fetch_files"], "below the working directory"),
        (RUN_CODE, {"fetch_files": [str(n) for n in range(17)]}, ["fetch_files"], "at most 16"),
        (RUN_JUPYTER, {"cells": "print(1)"}, ["cells"], "must be `array`"),
        (RUN_JUPYTER, {"cells": [], "kernel": "ir"}, ["kernel"], "Invalid enum value"),
        (RUN_JUPYTER, {"cells": [], "total_timeout": 301}, ["total_timeout"], "less than or equal to 300"),
        (RUN_JUPYTER, {"cells": ["x" * 5_000_000]}, ["cells"], "at most 4194304 bytes"),
    ],
)
async def test_invalid_request_has_the_format_of_fastapi(
    gateway: Gateway, path: str, body: dict[str, Any], field: list[str], message: str
) -> None:
    response = await gateway.client.post(path, json={**(CODE if path == RUN_CODE else {}), **body})

    assert response.status_code == 422
    (detail,) = response.json()["detail"]
    assert detail["loc"] == ["body", *field]
    assert message in detail["msg"]
    assert gateway.job_ids() == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]"])
async def test_body_that_is_not_an_object_is_rejected(gateway: Gateway, body: bytes) -> None:
    response = await gateway.client.post(RUN_CODE, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body"] or response.json()["detail"][0]["loc"] == ["body", "body"]


async def test_other_errors_have_a_detail(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BODY_BYTES="1024", PYXEC_RATE_BURST="3", PYXEC_RATE_PER_MINUTE="1")
    client = gateway.client
    responses = {
        404: await client.get("/sandboxfusion/nothing"),
        405: await client.get(RUN_CODE),
        413: await client.post(RUN_CODE, json={**CODE, "stdin": "x" * 1024}),
        415: await client.post(RUN_CODE, content="{}"),
        401: await client.post(RUN_CODE, json=CODE, headers={"Authorization": "Bearer unknown-key"}),
    }
    await gateway.submit()
    responses[429] = await client.post(RUN_CODE, json=CODE)
    for status, response in responses.items():
        assert (response.status_code, list(response.json())) == (status, ["detail"])
    assert responses[429].headers["Retry-After"]


async def test_full_queue_returns_503(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BACKLOG="1")
    await gateway.submit()
    response = await gateway.client.post(RUN_CODE, json=CODE)
    assert (response.status_code, response.json()) == (503, {"detail": "the queue is full"})


async def test_ping_returns_pong(gateway: Gateway) -> None:
    assert (await gateway.client.get("/sandboxfusion/v1/ping")).json() == "pong"


async def test_request_becomes_a_job_with_its_limits(gateway: Gateway) -> None:
    files = {"b.cpp": base64.b64encode(b"x").decode(), "main.cpp": "", "gone": None, "IGNORE_THIS_FILE": "eA=="}
    limits = {"compile_timeout": "7", "run_timeout": 3, "memory_limit_MB": 64, "unknown": 1}
    code = {"language": "cpp", "code": "c", "stdin": "in", "args": ["-x"], "fetch_files": ["./o", "o"]}

    spec = await resolve(gateway, files=files, **code, **limits)

    assert {file.name: file.content for file in spec.files} == {"code_main.cpp": b"c", "b.cpp": b"x", "main.cpp": b""}
    assert (spec.entrypoint, spec.stdin, spec.args, spec.artifacts) == ("code_main.cpp", b"in", (), ("o",))
    assert (spec.limits.wall_seconds, spec.limits.cpu_seconds, spec.limits.memory_bytes) == (3, 300, 64 * MIB)
    assert spec.compile_limits.wall_seconds == 7
    assert (spec.invocation.compiler_options, spec.invocation.entrypoint_only) == (("-std=c++17",), True)


async def test_limits_have_the_defaults_of_sandboxfusion_and_are_raised_to_the_minimum(gateway: Gateway) -> None:
    default = await resolve(gateway, **CODE)
    lowest = await resolve(gateway, **CODE, run_timeout=0, memory_limit_MB=1)

    assert (default.limits.wall_seconds, default.limits.memory_bytes) == (10, 256 * MIB)
    assert (lowest.limits.wall_seconds, lowest.limits.memory_bytes) == (0.1, 16 * MIB)


async def test_php_code_gets_its_opening_tag(gateway: Gateway) -> None:
    assert (await resolve(gateway, language="php", code="echo 1;")).files[0].content == b"<?php\necho 1;"
    assert (await resolve(gateway, language="php", code="<?php echo 1;")).files[0].content == b"<?php echo 1;"


async def test_output_limit_and_memory_limit_are_failures_with_a_message(gateway: Gateway) -> None:
    for report in (phase_report(stopped_by=StopReason.OUTPUT), phase_report(signal=9, exit_code=None, oom_kills=1)):
        gateway.worker.handle_jobs(
            lambda job_id, report=report: gateway.worker.run(
                job_id, outcome=Outcome.SIGNALED, exit_code=None, phases=(report,)
            )
        )
        response = (await gateway.client.post(RUN_CODE, json=CODE)).json()
        assert (response["status"], response["run_result"]["return_code"]) == ("Failed", -9)
        assert response["message"] == judge_phase(report).message
        await gateway.worker.close()


async def test_error_of_the_service_is_a_sandbox_error(gateway: Gateway) -> None:
    failure = {"outcome": Outcome.INFRASTRUCTURE_ERROR, "message": "the engine failed", "phases": (), "exit_code": None}
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, **failure))
    run = (await gateway.client.post(RUN_CODE, json=CODE)).json()
    notebook = (await gateway.client.post(RUN_JUPYTER, json={"cells": ["1"]})).json()
    for response in (run, notebook):
        assert (response["status"], response["message"]) == ("SandboxError", "the engine failed")


async def test_request_waits_longer_than_the_maximum_of_the_native_api(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(languages=[PYTHON], PYXEC_MAX_WAIT_SECONDS="0.2")
    request = asyncio.create_task(gateway.client.post(RUN_CODE, json=CODE))
    job_id = await gateway.wait_for_viewer()
    await asyncio.sleep(0.5)
    gateway.worker.run(job_id, b"late\n")
    response = await request
    assert (response.status_code, response.json()["run_result"]["stdout"]) == (200, "late\n")


async def test_request_survives_an_outage_of_the_job_store(
    start_gateway: StartGateway, redis_proxy: FaultProxy
) -> None:
    url = f"redis://127.0.0.1:{redis_proxy.port}/0"
    gateway = await start_gateway(url, PYXEC_REDIS_TIMEOUT_SECONDS="0.2", languages=[PYTHON])
    request = asyncio.create_task(gateway.client.post(RUN_CODE, json=CODE))
    job_id = await gateway.wait_for_viewer()
    redis_proxy.cut()
    gateway.worker.run(job_id, b"1\n")
    await asyncio.sleep(1.5)  # longer than the interval of reads
    redis_proxy.restore()
    response = await request
    assert (response.status_code, response.json()["run_result"]["stdout"]) == (200, "1\n")
    assert gateway.job_ids() == [job_id]


@pytest.mark.parametrize("path", [RUN_CODE, RUN_JUPYTER])
async def test_job_is_cancelled_if_its_client_disconnects(
    gateway: Gateway, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.jobs.submissions.POLL_SECONDS", 0.05)
    request = asyncio.create_task(gateway.client.post(path, json={**CODE, "cells": ["1"]}))
    job_id = await gateway.wait_for_viewer()
    request.cancel()
    await wait_until(lambda: gateway.record(job_id).state is JobState.FINISHED)
    result = gateway.record(job_id).result
    assert result is not None
    assert result.outcome is Outcome.CANCELLED


async def test_key_is_accepted_as_bearer_and_as_the_password_of_the_url(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS="off", languages=[PYTHON])
    key = (await gateway.create_key())["key"]
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, b"1\n"))
    bearer = await gateway.client.post(RUN_CODE, json=CODE, headers={"Authorization": f"Bearer {key}"})
    assert bearer.status_code == 200
    # The published client has no setting for a key
    request = sandbox_fusion.RunCodeRequest(**CODE)
    for options in ({}, {"client_timeout": 10}):
        endpoint = f"http://any:{key}@127.0.0.1:{gateway.port}/sandboxfusion"
        response = await sandbox_fusion.run_code_async(request, endpoint, max_attempts=1, **options)
        assert response.run_result.stdout == "1\n"
    for header in (None, "Basic !", "Basic bm90aGluZw==", f"Basic {base64.b64encode(b'any:wrong').decode()}"):
        rejected = await gateway.client.post(RUN_CODE, json=CODE, headers={"Authorization": header} if header else {})
        assert (rejected.status_code, list(rejected.json())) == (401, ["detail"])


def body_strategy(**optional: Any) -> Any:
    return st.fixed_dictionaries({}, optional=optional) | anything


names = st.sampled_from(["a.txt", "b/c", "main.py"]) | text
run_bodies = body_strategy(
    language=st.sampled_from(sorted(LANGUAGES)) | anything,
    code=text | anything,
    stdin=text | anything,
    run_timeout=st.floats() | st.integers() | anything,
    compile_timeout=st.floats() | anything,
    memory_limit_MB=st.integers() | anything,
    files=st.dictionaries(names, st.sampled_from(["", "eA==", "é"]) | anything, max_size=3) | anything,
    fetch_files=st.lists(names, max_size=3) | anything,
    args=st.lists(text, max_size=2) | anything,
)
notebook_bodies = body_strategy(
    cells=st.lists(text, max_size=3) | anything,
    cell_timeout=st.floats() | anything,
    total_timeout=st.floats() | anything,
    kernel=st.just("python3") | anything,
    files=st.dictionaries(names, st.just("eA==") | anything, max_size=3) | anything,
)


@pytest.fixture(scope="module")
def running_worker(runner: asyncio.Runner, module_gateway: Gateway) -> None:
    """A worker that runs every job of ``module_gateway``."""

    async def start() -> None:
        module_gateway.worker.handle_jobs(module_gateway.worker.run)

    runner.run(start())


@settings(max_examples=40, deadline=None)
@given(request=st.tuples(st.just(RUN_CODE), run_bodies) | st.tuples(st.just(RUN_JUPYTER), notebook_bodies))
@pytest.mark.usefixtures("running_worker")
def test_any_body_is_accepted_or_rejected(
    runner: asyncio.Runner, module_gateway: Gateway, request: tuple[str, Any]
) -> None:
    path, body = request
    headers = {"Content-Type": "application/json"}
    response = runner.run(module_gateway.client.post(path, content=json.dumps(body).encode(), headers=headers))
    assert response.status_code in (200, 422), response.text
