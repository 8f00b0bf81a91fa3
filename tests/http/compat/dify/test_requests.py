"""Requests, errors and packages of Dify's API. The worker is the test."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.outcomes import Outcome, StopReason
from app.core.states import JobState
from tests.http.gateway import Gateway, StartGateway, wait_until
from tests.http.strategies import anything, text
from tests.http.worker import phase_report

RUN = "/dify/v1/sandbox/run"
CODE = {"language": "python3", "code": "print(1)"}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"language": "ruby", "code": "x"}, 400, "unsupported language"),
        ({"code": "x"}, 200, "language: is required"),
        ({"language": "python3"}, 200, "code: is required"),
        ({"language": "python3", "code": 1}, 200, "code: must be `str`, got `int`"),
        ({"language": "python3", "code": "\ud800"}, 200, "not valid JSON"),
        ({"language": "python3", "code": "x" * 5_000_000}, 200, "code: must be at most 4194304 bytes"),
        ([], 200, "body: must be `object`, got `array`"),
    ],
)
async def test_invalid_request_has_the_code_of_difys_sandbox(
    gateway: Gateway, body: Any, status: int, message: str
) -> None:
    content, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    response = await gateway.client.post(RUN, content=content, headers=headers)

    assert response.status_code == status
    assert (response.json()["code"], response.json()["data"]) == (-400, None)
    assert message in response.json()["message"]
    assert gateway.job_ids() == []


async def test_unknown_fields_are_ignored(gateway: Gateway) -> None:
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, b"1\n"))
    response = await gateway.client.post(RUN, json={**CODE, "dependencies": [{"name": "jinja2", "version": ""}]})
    assert response.json() == {"code": 0, "message": "success", "data": {"error": "", "stdout": "1\n"}}


async def test_timeout_is_reported_in_the_error(gateway: Gateway) -> None:
    report = phase_report(exit_code=None, stopped_by=StopReason.WALL_TIME)
    gateway.worker.handle_jobs(
        lambda job_id: gateway.worker.run(job_id, outcome=Outcome.WALL_TIME_LIMIT, exit_code=None, phases=(report,))
    )
    response = await gateway.client.post(RUN, json=CODE)
    assert (response.status_code, response.json()["data"]) == (200, {"error": "error: timeout\n", "stdout": ""})


async def test_error_of_the_service_has_a_code(gateway: Gateway) -> None:
    failure = {"outcome": Outcome.INFRASTRUCTURE_ERROR, "message": "the engine failed", "phases": (), "exit_code": None}
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, **failure))
    response = await gateway.client.post(RUN, json=CODE)
    assert response.json() == {"code": -500, "message": "the engine failed", "data": None}


@pytest.mark.parametrize(
    "settings",
    [{"PYXEC_MAX_BACKLOG": "1"}, {"PYXEC_RATE_BURST": "1", "PYXEC_RATE_PER_MINUTE": "1"}],
    ids=["full-queue", "rate-limit"],
)
async def test_full_queue_and_rate_limit_have_the_code_429(
    start_gateway: StartGateway, settings: dict[str, str]
) -> None:
    gateway = await start_gateway(**settings)
    await gateway.submit()
    response = await gateway.client.post(RUN, json=CODE)
    assert (response.status_code, response.json()["code"]) == (429, -429)
    assert response.headers["Retry-After"]


@pytest.mark.parametrize("path", ["run", "dependencies"])
async def test_key_is_the_header_x_api_key(start_gateway: StartGateway, path: str) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS="off")
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, b"1\n"))
    method, key = ("POST" if path == "run" else "GET"), (await gateway.create_key())["key"]

    async def send(headers: dict[str, str]) -> httpx.Response:
        query = {"language": "python3"}
        body = {"json": CODE} if path == "run" else {}
        return await gateway.client.request(method, f"/dify/v1/sandbox/{path}", params=query, headers=headers, **body)

    assert (await send({"X-Api-Key": key})).status_code == 200
    for headers in ({}, {"X-Api-Key": "dify-sandbox"}):
        response = await send(headers)
        assert (response.status_code, response.json()["code"]) == (401, -401)


async def test_dependencies_lists_the_python_packages_of_the_image(gateway: Gateway) -> None:
    response = await gateway.client.get("/dify/v1/sandbox/dependencies", params={"language": "python3"})
    versions = {package["name"]: package["version"] for package in response.json()["data"]["dependencies"]}
    assert versions.keys() >= {"numpy", "pandas", "jinja2"}
    assert all(versions.values())
    other = await gateway.client.get("/dify/v1/sandbox/dependencies", params={"language": "nodejs"})
    assert (other.status_code, other.json()["code"]) == (400, -400)


async def test_health_needs_no_key(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS="off")
    response = await gateway.client.get("/dify/health")
    assert (response.status_code, response.json()) == (200, "ok")


async def test_job_is_cancelled_if_its_client_disconnects(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.jobs.submissions.POLL_SECONDS", 0.05)
    request = asyncio.create_task(gateway.client.post(RUN, json=CODE))
    job_id = await gateway.wait_for_viewer()
    request.cancel()
    await wait_until(lambda: gateway.record(job_id).state is JobState.FINISHED)


bodies = st.fixed_dictionaries(
    {},
    optional={
        "language": st.sampled_from(["python3", "nodejs"]) | anything,
        "code": text | anything,
        "preload": text | anything,
        "enable_network": st.booleans() | anything,
    },
)


@pytest.fixture(scope="module")
def running_worker(runner: asyncio.Runner, module_gateway: Gateway) -> None:
    """A worker that runs every job of ``module_gateway``."""

    async def start() -> None:
        module_gateway.worker.handle_jobs(module_gateway.worker.run)

    runner.run(start())


@settings(max_examples=30, deadline=None)
@given(body=bodies | anything)
@pytest.mark.usefixtures("running_worker")
def test_any_body_has_a_code(runner: asyncio.Runner, module_gateway: Gateway, body: Any) -> None:
    content, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    response = runner.run(module_gateway.client.post(RUN, content=content, headers=headers))
    assert response.status_code in (200, 400), response.text
    assert response.json()["code"] in (0, -400)
