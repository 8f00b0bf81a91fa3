"""What /api/v2 says when it cannot do as it is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.core.outcomes import Outcome
from tests.http.gateway import PYTHON, Gateway, StartGateway, bearer
from tests.proxy import FaultProxy


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    """A gateway with one runtime."""
    return await start_gateway(languages=[PYTHON])


FILE = {"content": "print(1)"}
BODY = {"language": "python", "version": "*", "files": [FILE]}


@pytest.fixture
async def live(start_gateway: StartGateway) -> Gateway:
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
        ({"language": "cobol"}, "cobol-* runtime is unknown"),
        ({"version": "2.x"}, "python-2.x runtime is unknown"),
        ({"version": "latest"}, "python-latest runtime is unknown"),
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
async def test_a_body_that_is_wrong_is_a_400_with_its_field(gateway: Gateway, changes: Any, message: str) -> None:
    answer = await gateway.client.post("/api/v2/execute", json={**BODY, **changes})
    assert (answer.status_code, answer.json()) == (400, {"message": message})
    assert answer.headers["Content-Type"] == "application/json"
    assert gateway.job_ids() == []


async def test_a_file_that_would_leave_the_folder_is_refused(gateway: Gateway) -> None:
    answer = await gateway.client.post("/api/v2/execute", json={**BODY, "files": [{**FILE, "name": "../a"}]})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("files[0].name must be a plain relative path")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 5000, b"[]", b"null", b"5"])
async def test_a_body_that_is_no_object_is_a_400(gateway: Gateway, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await gateway.client.post("/api/v2/piston/execute", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json().keys() == {"message"}


@pytest.mark.parametrize(("method", "path"), [("POST", "execute"), ("POST", "packages"), ("DELETE", "packages")])
async def test_what_is_not_declared_as_json_is_a_415(gateway: Gateway, method: str, path: str) -> None:
    answer = await gateway.client.request(method, f"/api/v2/{path}", content="{}")
    assert (answer.status_code, answer.json()) == (415, {"message": "requests must be of type application/json"})


async def test_other_errors_are_messages_too(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BODY_BYTES="1024")
    answers = {
        404: await gateway.client.get("/api/v2/nothing"),
        405: await gateway.client.get("/api/v2/execute"),
        413: await gateway.client.post("/api/v2/execute", json={**BODY, "stdin": "x" * 1024}),
        401: await gateway.client.post("/api/v2/execute", json=BODY, headers={"Authorization": "nobodys-key"}),
    }
    for status, answer in answers.items():
        assert (answer.status_code, list(answer.json())) == (status, ["message"])


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_packages_are_not_changed_from_here(gateway: Gateway, method: str) -> None:
    body = {"language": "python", "version": "*"}
    answer = await gateway.client.request(method, "/api/v2/packages", json=body)
    assert answer.status_code == 403
    assert "pyxec images" in answer.json()["message"]


async def test_who_has_used_up_his_tokens_is_told_when_to_come_back(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="20")
    await gateway.submit()
    answer = await gateway.client.post("/api/v2/execute", json=BODY)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert "rate limit" in answer.json()["message"]


async def test_a_full_queue_is_a_429(live: Gateway) -> None:
    # Given a queue with room for one job, and one in it
    key = await live.create_caller(tier="trusted")
    await live.submit(key)
    # When a program is to be executed
    answer = await live.client.post("/api/v2/execute", json=BODY, headers=key)
    # Then the client is told to come again, and no place is held for what was not taken on
    assert (answer.status_code, answer.json()) == (429, {"message": "the queue is full"})
    assert int(answer.headers["Retry-After"]) > 0


async def test_what_does_not_end_in_time_runs_on(live: Gateway) -> None:
    # Given no worker
    key = await live.create_key(tier="trusted")
    # When a program is executed by a client that sends its key as Piston's clients do, alone
    answer = await live.client.post("/api/v2/execute", json=BODY, headers={"Authorization": key["key"]})
    # Then it is told where its job is, and there it is, for its owner
    assert answer.status_code == 504
    assert answer.headers["Location"] in answer.json()["message"]
    job = await live.client.get(answer.headers["Location"], headers=bearer(key["key"]))
    assert job.json()["status"] == "queued"
    assert (await live.client.get(answer.headers["Location"])).status_code == 404


async def test_a_fault_of_ours_is_not_the_programs(gateway: Gateway) -> None:
    # Given a job that cannot be run
    def fail(job_id: str) -> None:
        gateway.worker.finish(
            job_id, outcome=Outcome.INFRASTRUCTURE_ERROR, exit_code=None, message="it could not be run", phases=()
        )

    # When it is executed
    gateway.worker.handle_jobs(fail)
    stage = (await gateway.client.post("/api/v2/execute", json=BODY)).json()["run"]
    # Then its stage says so
    assert (stage["status"], stage["code"], stage["signal"]) == ("XX", None, None)
    assert stage["message"] == "it could not be run"


async def test_a_store_that_does_not_answer_is_a_503(proxied_gateway: Gateway, redis_proxy: FaultProxy) -> None:
    redis_proxy.cut()
    answer = await proxied_gateway.client.post("/api/v2/execute", json=BODY)
    assert (answer.status_code, list(answer.json())) == (503, ["message"])


async def test_who_goes_away_is_not_waited_for(gateway: Gateway) -> None:
    # Given a client that waits for its program
    request = asyncio.create_task(gateway.client.post("/api/v2/execute", json=BODY))
    job_id = await gateway.wait_for_viewer()
    # When it hangs up
    request.cancel()
    # Then the job is left alone
    await gateway.wait_for_departure(job_id)
    assert gateway.record(job_id).state == "queued"
