"""Errors of /api/v2, with the statuses and messages of Piston."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.core.languages import LanguageInfo
from app.core.outcomes import Outcome
from app.store.jobs.records import decode_spec
from tests.http.gateway import PYTHON, Gateway, StartGateway, bearer
from tests.proxy import FaultProxy


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    """A gateway with one runtime."""
    return await start_gateway(languages=[PYTHON])


JAVA = LanguageInfo(id="java", name="Java", file_name="Main.java", version="17.0.21.1", piston=("java",), compiled=True)
FILE = {"content": "print(1)"}
BODY = {"language": "python", "version": "*", "files": [FILE]}


@pytest.fixture
async def small_gateway(start_gateway: StartGateway) -> Gateway:
    return await start_gateway(PYXEC_MAX_BACKLOG="1", PYXEC_MAX_WAIT_SECONDS="0.3")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"language": None}, "language is required as a string"),
        ({"language": 7}, "language is required as a string"),
        ({"version": ""}, "version is required as a string"),
        ({"files": None}, "files is required as an array"),
        ({"files": "print(1)"}, "files is required as an array"),
        ({"files": [FILE, {"name": "a"}]}, "files[1].content is required as a string"),
        ({"files": ["print(1)"]}, "files[0].content is required as a string"),
        ({"files": [{**FILE, "name": 3}]}, "files[0].name must be a string"),
        ({"files": []}, "files must include at least one utf8 encoded file"),
        ({"files": [{**FILE, "encoding": "hex"}]}, "files must include at least one utf8 encoded file"),
        ({"files": [FILE, {"content": "xyz", "encoding": "hex"}]}, "files[1].content is not valid hex"),
        ({"files": [FILE, {"content": "a", "encoding": "base64"}]}, "files[1].content is not valid base64"),
        ({"language": "klingon"}, "klingon-* runtime is unknown"),
        ({"version": "newest"}, "python-newest runtime is unknown"),
        ({"run_timeout": "3000"}, "If specified, run_timeout must be a number"),
        ({"compile_timeout": True}, "If specified, compile_timeout must be a number"),
        ({"run_timeout": 300_001}, "run_timeout cannot exceed the configured limit of 300000"),
        ({"compile_cpu_time": 30_001}, "compile_cpu_time cannot exceed the configured limit of 30000"),
        ({"run_cpu_time": -1}, "run_cpu_time must be non-negative"),
        ({"run_memory_limit": 2**31 + 1}, "run_memory_limit cannot exceed the configured limit of 2147483648"),
        ({"stdin": 5}, "stdin must be a string"),
        ({"args": "-v"}, "args must be an array of strings"),
        ({"args": ["-v", 1]}, "args must be an array of strings"),
        ({"args": ["\0"]}, "args[0] must have no NUL character"),
    ],
)
async def test_invalid_body_is_rejected_with_its_field(gateway: Gateway, changes: Any, message: str) -> None:
    response = await gateway.client.post("/api/v2/execute", json={**BODY, **changes})
    assert (response.status_code, response.json()) == (400, {"message": message})
    assert response.headers["Content-Type"] == "application/json"
    assert gateway.job_ids() == []


@pytest.mark.parametrize("version", ["2.x", "3.10.0", "latest"])
async def test_version_that_is_not_installed_is_rejected_if_the_setting_is_off(
    start_gateway: StartGateway, version: str
) -> None:
    gateway = await start_gateway(languages=[PYTHON], PYXEC_PISTON_ANY_VERSION="off")
    response = await gateway.client.post("/api/v2/execute", json={**BODY, "version": version})
    assert (response.status_code, response.json()) == (400, {"message": f"python-{version} runtime is unknown"})


async def test_file_outside_the_folder_is_rejected(gateway: Gateway) -> None:
    response = await gateway.client.post("/api/v2/execute", json={**BODY, "files": [{**FILE, "name": "../a"}]})
    assert response.status_code == 400
    assert response.json()["message"].startswith("files[0].name must be a plain relative path")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 5000, b"[]", b"null", b"5"])
async def test_body_that_is_not_an_object_is_rejected(gateway: Gateway, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = await gateway.client.post("/api/v2/piston/execute", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json().keys() == {"message"}


@pytest.mark.parametrize(("method", "path"), [("POST", "execute"), ("POST", "packages"), ("DELETE", "packages")])
async def test_other_content_type_is_rejected_with_415(gateway: Gateway, method: str, path: str) -> None:
    response = await gateway.client.request(method, f"/api/v2/{path}", content="{}")
    assert (response.status_code, response.json()) == (415, {"message": "requests must be of type application/json"})


async def test_other_errors_have_a_message(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BODY_BYTES="1024")
    responses = {
        404: await gateway.client.get("/api/v2/nothing"),
        405: await gateway.client.get("/api/v2/execute"),
        413: await gateway.client.post("/api/v2/execute", json={**BODY, "stdin": "x" * 1024}),
        401: await gateway.client.post("/api/v2/execute", json=BODY, headers={"Authorization": "unknown-key"}),
    }
    for status, response in responses.items():
        assert (response.status_code, list(response.json())) == (status, ["message"])


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_packages_cannot_be_changed(gateway: Gateway, method: str) -> None:
    body = {"language": "python", "version": "*"}
    response = await gateway.client.request(method, "/api/v2/packages", json=body)
    assert response.status_code == 403
    assert "pyxec images" in response.json()["message"]


async def test_rate_limit_returns_429_with_retry_after(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="20")
    await gateway.submit()
    response = await gateway.client.post("/api/v2/execute", json=BODY)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "3")
    assert "rate limit" in response.json()["message"]


async def test_full_queue_returns_429(small_gateway: Gateway) -> None:
    # Given a backlog of one job, which is full
    key = await small_gateway.create_caller(tier="trusted")
    await small_gateway.submit(key)
    # When a program is executed
    response = await small_gateway.client.post("/api/v2/execute", json=BODY, headers=key)
    # Then the response is 429 with Retry-After
    assert (response.status_code, response.json()) == (429, {"message": "the queue is full"})
    assert int(response.headers["Retry-After"]) > 0


async def test_execution_returns_504_and_the_job_continues(small_gateway: Gateway) -> None:
    # Given no worker
    key = await small_gateway.create_key(tier="trusted")
    # When a client executes a program, with its key in the format of Piston
    response = await small_gateway.client.post("/api/v2/execute", json=BODY, headers={"Authorization": key["key"]})
    # Then the response has the address of the job, which its owner can read
    assert response.status_code == 504
    assert response.headers["Location"] in response.json()["message"]
    job = await small_gateway.client.get(response.headers["Location"], headers=bearer(key["key"]))
    assert job.json()["status"] == "queued"
    assert (await small_gateway.client.get(response.headers["Location"])).status_code == 404


async def test_infrastructure_error_has_status_xx(gateway: Gateway) -> None:
    # Given a job that cannot be run
    def fail(job_id: str) -> None:
        gateway.worker.finish(
            job_id, outcome=Outcome.INFRASTRUCTURE_ERROR, exit_code=None, message="it could not be run", phases=()
        )

    # When it is executed
    gateway.worker.handle_jobs(fail)
    stage = (await gateway.client.post("/api/v2/execute", json=BODY)).json()["run"]
    # Then its stage has the status XX
    assert (stage["status"], stage["code"], stage["signal"]) == ("XX", None, None)
    assert stage["message"] == "it could not be run"


async def test_unavailable_store_returns_503(proxied_gateway: Gateway, redis_proxy: FaultProxy) -> None:
    redis_proxy.cut()
    response = await proxied_gateway.client.post("/api/v2/execute", json=BODY)
    assert (response.status_code, list(response.json())) == (503, ["message"])


@pytest.mark.parametrize(
    ("name", "file_name"), [(None, "Main.java"), ("Greeter.java", "Greeter.java"), ("prog", "prog.java")]
)
async def test_java_class_may_have_any_name(start_gateway: StartGateway, name: str | None, file_name: str) -> None:
    # Given an installed Java whose version has four numbers
    gateway = await start_gateway(languages=[JAVA])
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, b"hello\n", version=JAVA.version))
    (runtime,) = (await gateway.client.get("/api/v2/piston/runtimes")).json()
    assert runtime == {"language": "java", "version": "17.0.21", "aliases": []}
    # When a class that is not Main is executed with the listed version
    source = "public class Greeter { public static void main(String[] args) { } }"
    file = {"content": source} if name is None else {"name": name, "content": source}
    body = {"language": "java", "version": runtime["version"], "files": [file]}
    response = await gateway.client.post("/api/v2/piston/execute", json=body)
    # Then the worker receives its source, whose file the compile command renames after the class
    assert response.status_code == 200, response.text
    assert (response.json()["version"], response.json()["run"]["stdout"]) == ("17.0.21", "hello\n")
    (claim,) = gateway.worker.claims.values()
    assert claim.spec is not None
    spec = decode_spec(claim.spec)
    assert (spec.language, spec.entrypoint) == ("java", file_name)
    assert [(file.name, file.content) for file in spec.files] == [(file_name, source.encode())]


async def test_job_continues_when_the_client_disconnects(gateway: Gateway) -> None:
    # Given a client that waits for a program
    request = asyncio.create_task(gateway.client.post("/api/v2/execute", json=BODY))
    job_id = await gateway.wait_for_viewer()
    # When it disconnects
    request.cancel()
    # Then the job stays queued
    await gateway.wait_for_departure(job_id)
    assert gateway.record(job_id).state == "queued"
