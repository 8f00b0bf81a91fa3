"""Judge0's routes, on a gateway whose worker is the test."""

from __future__ import annotations

import asyncio
import uuid
from base64 import b64encode
from typing import Any

import httpx
import pytest

from app.core.outcomes import Outcome
from app.http.compat.judge0 import submission_reader
from app.store.jobs.records import decode_spec
from tests.http.compat.judge0.conftest import PRINT, PYTHON, C, zip_files
from tests.http.gateway import OPERATOR_KEY, Gateway, StartGateway, bearer

SUBMISSIONS = "/judge0/submissions"


async def submit(gateway: Gateway, headers: dict[str, str] | None = None, **more: Any) -> str:
    response = await gateway.client.post(SUBMISSIONS, json={**PRINT, **more}, headers=headers)
    assert response.status_code == 201, response.text
    assert response.json().keys() == {"token"}
    return str(response.json()["token"])


async def test_submission_is_queued_processed_and_accepted(gateway: Gateway) -> None:
    # Given a submission, whose token is a random UUID
    token = await submit(gateway)
    assert uuid.UUID(token).version == 4
    # When it is read while it is queued, running and finished
    found = [(await gateway.client.get(f"{SUBMISSIONS}/{token}")).json()]
    job_id = gateway.worker.start()
    found.append((await gateway.client.get(f"{SUBMISSIONS}/{token}/")).json())
    gateway.worker.finish(job_id)
    found.append((await gateway.client.get(f"{SUBMISSIONS}/{token}")).json())
    # Then it has the default fields and the present status
    assert [submission["status"]["id"] for submission in found] == [1, 2, 3]
    assert found[0] == {
        "token": token, "time": None, "memory": None, "stdout": None, "stderr": None, "compile_output": None,
        "message": None, "status": {"id": 1, "description": "In Queue"},
    }  # fmt: skip
    assert (found[2]["time"], found[2]["memory"]) == ("0.01", 7812)
    # And the native API returns the same job
    assert (await gateway.client.get(f"/v1/jobs/{token}")).json()["outcome"] == "ok"


@pytest.mark.parametrize(
    "blank",
    [
        {"additional_files": ""},
        {"additional_files": " \n"},
        {"compiler_options": ""},
        {"compiler_options": " \t"},
        {"command_line_arguments": " "},
        {"callback_url": " "},
        {"stdin": "", "expected_output": "", "number_of_runs": "", "enable_network": ""},
    ],
)
async def test_blank_field_is_absent(gateway: Gateway, blank: dict[str, Any]) -> None:
    token = await submit(gateway, **blank)
    gateway.worker.run()
    query = {"fields": "status_id,additional_files"}
    submission = (await gateway.client.get(f"{SUBMISSIONS}/{token}", params=query)).json()
    assert submission == {"status_id": 3, "additional_files": None}


@pytest.mark.parametrize("language_id", ["71", " 71", "71.9", 71.9, "71abc"])
async def test_language_id_is_cast_as_in_judge0(gateway: Gateway, language_id: Any) -> None:
    token = await submit(gateway, language_id=language_id)
    found = await gateway.client.get(f"{SUBMISSIONS}/{token}", params={"fields": "language_id"})
    assert found.json() == {"language_id": 71}


async def test_tokens_header_replaces_the_query_parameter(gateway: Gateway) -> None:
    first, second = [await submit(gateway) for _ in range(2)]

    async def get(tokens: str, query: str) -> httpx.Response:
        params = {"fields": "token", "tokens": query}
        return await gateway.client.get(f"{SUBMISSIONS}/batch", params=params, headers={"Tokens": tokens})

    assert (await get(f"{second},{first}", first)).json() == {"submissions": [{"token": second}, {"token": first}]}
    assert (await get(first, "")).json() == {"submissions": [{"token": first}]}
    for tokens, error in (("", "at least one submission"), (",".join(["x"] * 21), "less than or equal to 20")):
        response = await get(tokens, first)
        assert response.status_code == 400
        assert error in response.json()["error"]


async def test_repeated_token_is_returned_once_and_counts_for_the_limit(gateway: Gateway) -> None:
    token = await submit(gateway)
    batch, query = f"{SUBMISSIONS}/batch", {"fields": "token"}
    repeated = await gateway.client.get(batch, params={**query, "tokens": ",".join([token] * 20)})
    assert repeated.json() == {"submissions": [{"token": token}]}
    # 20,000 tokens do not fit into the URL; the header is limited as well
    for count in (21, 400):
        for options in (
            {"params": {"tokens": ",".join([token] * count)}},
            {"headers": {"tokens": ",".join([token] * count)}},
        ):
            response = await gateway.client.get(batch, **options)
            assert response.status_code == 400
            assert "less than or equal to 20" in response.json()["error"]


async def test_batch_with_more_text_than_the_budget_is_rejected(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission_reader, "MAX_RESPONSE_BYTES", 100_000)
    tokens = [await submit(gateway) for _ in range(3)]
    for token in tokens:
        gateway.worker.run(token, stdout=b"x" * 40_000)

    async def get(*selected: str, fields: str = "stdout") -> httpx.Response:
        params = {"fields": fields, "tokens": ",".join(selected)}
        return await gateway.client.get(f"{SUBMISSIONS}/batch", params=params)

    within = await get(*tokens[:2])
    assert [len(submission["stdout"]) for submission in within.json()["submissions"]] == [40_000, 40_000]
    above = await get(*tokens)
    assert (above.status_code, "100000 bytes" in above.json()["error"]) == (400, True)
    assert (await get(*tokens, fields="token")).status_code == 200


async def test_infrastructure_error_is_an_internal_error(gateway: Gateway) -> None:
    token = await submit(gateway)
    gateway.worker.run(outcome=Outcome.INFRASTRUCTURE_ERROR, exit_code=None, message="it could not be run", phases=())
    submission = (await gateway.client.get(f"{SUBMISSIONS}/{token}")).json()
    assert (submission["status"]["description"], submission["message"]) == ("Internal Error", "it could not be run")


async def test_submission_returns_all_fields(gateway: Gateway) -> None:
    # Given a submission with every field
    files = zip_files({"more.py": "x"})
    sent = {
        "language_id": C, "source_code": "int main(void) { return 0; }", "stdin": "\xe9\n", "expected_output": "e",
        "compiler_options": "-O1 -DA=b", "command_line_arguments": "a b", "cpu_time_limit": 1.5, "cpu_extra_time": 0.5,
        "wall_time_limit": 3, "memory_limit": 65536, "stack_limit": 2048, "max_processes_and_or_threads": 7,
        "max_file_size": 100, "number_of_runs": 2, "redirect_stderr_to_stdout": True, "additional_files": files,
        "enable_network": False, "enable_per_process_and_thread_time_limit": "false",
    }  # fmt: skip
    token = await submit(gateway, **sent)
    # Then all fields are returned; decimal numbers are strings
    plain = (await gateway.client.get(f"{SUBMISSIONS}/{token}", params={"fields": "*"})).json()
    expected = {**sent, "cpu_time_limit": "1.5", "cpu_extra_time": "0.5", "wall_time_limit": "3.0",
            "enable_per_process_and_thread_time_limit": False}  # fmt: skip
    assert {name: plain[name] for name in sent} == expected
    # And texts are in Base64 if requested
    query = {"base64_encoded": "true", "fields": "stdin,language_id"}
    encoded = (await gateway.client.get(f"{SUBMISSIONS}/{token}", params=query)).json()
    assert encoded == {"stdin": b64encode("\xe9\n".encode()).decode(), "language_id": C}
    # And the job has the limits, with the extra time added
    job_id = gateway.worker.start()
    assert job_id == token
    claim = gateway.worker.claims[job_id]
    assert claim.spec is not None
    spec = decode_spec(claim.spec)
    assert (spec.limits.cpu_seconds, spec.limits.wall_seconds, spec.limits.memory_bytes) == (2.0, 3.0, 64 * 2**20)
    assert (spec.limits.processes, spec.limits.output_bytes, len(spec.tests)) == (7, 102_400, 2)
    assert {test.stdin for test in spec.tests} == {"\xe9\n".encode()}


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"language_id": None}, {"language_id": ["can't be blank", "language with id  doesn't exist"]}),
        ({"language_id": 70}, {"language_id": ["language with id 70 doesn't exist"]}),
        ({"language_id": "abc"}, {"language_id": ["language with id 0 doesn't exist"]}),
        ({"language_id": False}, {"language_id": ["language with id 0 doesn't exist"]}),
        ({"language_id": "70.9x"}, {"language_id": ["language with id 70 doesn't exist"]}),
        ({"language_id": 10**400}, {"language_id": ["is out of range"]}),
        ({"source_code": ""}, {"source_code": ["can't be blank"]}),
        ({"language_id": 89, "source_code": " ", "additional_files": ""}, {"additional_files": ["can't be blank"]}),
        ({"source_code": " \n"}, {"source_code": ["can't be blank"]}),
        ({"language_id": 89}, {"source_code": ["must be blank"], "additional_files": ["can't be blank"]}),
        ({"language_id": 89, "source_code": None, "additional_files": zip_files({"main.py": ""})},
         {"additional_files": ["must have a script named run in the root of the archive"]}),
        ({"cpu_time_limit": 301}, {"cpu_time_limit": ["must be less than or equal to 300.0"]}),
        ({"wall_time_limit": 0.5}, {"wall_time_limit": ["must be greater than or equal to 1"]}),
        ({"memory_limit": "much"}, {"memory_limit": ["is not a number"]}),
        ({"number_of_runs": 0}, {"number_of_runs": ["must be greater than 0"]}),
        ({"number_of_runs": 21, "stack_limit": -1},
         {"number_of_runs": ["must be less than or equal to 20"],
          "stack_limit": ["must be greater than or equal to 0"]}),
        ({"enable_network": True}, {"enable_network": ["enabling network is not allowed"]}),
        ({"enable_per_process_and_thread_memory_limit": "1"},
         {"enable_per_process_and_thread_memory_limit": ["this option cannot be enabled"]}),
        ({"compiler_options": "-O2"},
         {"compiler_options": ["setting compiler options is only allowed for compiled languages"]}),
        ({"command_line_arguments": "x" * 513},
         {"command_line_arguments": ["is too long (maximum is 512 characters)"]}),
        ({"command_line_arguments": "'x"}, {"command_line_arguments": ["has a quote that is not closed"]}),
        ({"additional_files": "no!"}, {"additional_files": ["is not valid Base64"]}),
        ({"additional_files": "AAAA"}, {"additional_files": ["is not a zip archive that can be read"]}),
        ({"callback_url": "http://example.com"},
         {"callback_url": ["requires an API key: its secret signs the webhooks"]}),
        ({"number_of_runs": 20, "wall_time_limit": 100},
         {"number_of_runs": ["must have at most 1000 wall_seconds together"]}),
    ],
)  # fmt: skip
async def test_invalid_submission_has_errors_by_field(
    gateway: Gateway, change: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    response = await gateway.client.post(SUBMISSIONS, json={**PRINT, **change})
    assert (response.status_code, response.json()) == (422, errors)
    assert gateway.redis.zcard(gateway.keys.waiting()) == 0


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "error"),
    [
        ("POST", "", {"json": []}, 400, "must be a JSON object"),
        ("POST", "", {"content": "{", "headers": {"Content-Type": "application/json"}}, 400, "not valid JSON"),
        ("POST", "", {"content": "x=1"}, 415, "application/json"),
        ("POST", "?fields=nothing,stdout,more", {"json": PRINT}, 400, "invalid fields: [nothing, more]"),
        ("GET", "/not-a-token", {}, 404, "job not found or expired"),
        ("GET", "/batch", {}, 400, "at least one submission"),
        ("GET", "/batch?tokens=" + ",".join(["x"] * 21), {}, 400, "less than or equal to 20"),
        ("POST", "/batch", {"json": {}}, 400, "at least one submission"),
        ("POST", "/batch", {"json": {"submissions": [PRINT] * 21}}, 400, "less than or equal to 20"),
        ("PATCH", "", {}, 405, ""),
        ("GET", "", {}, 401, "requires an API key"),
        ("GET", "/x", {"headers": {"X-Auth-Token": "not-a-key"}}, 401, "API key is invalid"),
    ],
)
async def test_other_errors_have_a_message(
    gateway: Gateway, method: str, path: str, options: dict[str, Any], status: int, error: str
) -> None:
    response = await gateway.client.request(method, SUBMISSIONS + path, **options)
    assert response.status_code == status
    assert response.json().keys() == {"error"}
    # Some messages are those of the gateway.
    assert error.lower() in response.json()["error"].lower()


async def test_batch_accepts_and_rejects_each_submission(gateway: Gateway) -> None:
    # Given a batch with two invalid submissions
    batch = [PRINT, {"language_id": PYTHON}, PRINT, "nonsense"]
    response = await gateway.client.post(f"{SUBMISSIONS}/batch", json={"submissions": batch})
    # Then the others are accepted
    assert response.status_code == 201
    first, invalid, second, nonsense = response.json()
    assert invalid == {"source_code": ["can't be blank"]}
    assert nonsense.keys() == {"source_code", "language_id"}
    # And are returned in the order of the tokens
    query = {"tokens": f"{second['token']},unknown,{first['token']}", "fields": "token"}
    found = await gateway.client.get(f"{SUBMISSIONS}/batch", params=query)
    assert found.json() == {"submissions": [second, None, first]}
    # And a batch of invalid submissions is rejected
    response = await gateway.client.post(f"{SUBMISSIONS}/batch", json={"submissions": batch[1:2]})
    assert (response.status_code, response.json()) == (422, [{"source_code": ["can't be blank"]}])


async def test_wait_returns_the_result(gateway: Gateway) -> None:
    # Given a request with wait
    query = {"wait": "true", "fields": "status,exit_code"}
    waiting = asyncio.create_task(gateway.client.post(SUBMISSIONS, params=query, json=PRINT))
    while not gateway.redis.zcard(gateway.keys.waiting()):
        await asyncio.sleep(0.01)
    # When the submission finishes
    gateway.worker.run()
    # Then the response is the result
    response = await asyncio.wait_for(waiting, 10)
    assert (response.status_code, response.json()) == (
        201,
        {"status": {"id": 3, "description": "Accepted"}, "exit_code": 0},
    )


async def test_binary_text_requires_base64(gateway: Gateway) -> None:
    # Given a submission whose standard input is not UTF-8
    sent = {**PRINT, "source_code": b64encode(b"print(1)").decode(), "stdin": b64encode(b"\xff").decode() + "\n"}
    response = await gateway.client.post(SUBMISSIONS, params={"base64_encoded": "true"}, json=sent)
    address = f"{SUBMISSIONS}/{response.json()['token']}?fields=stdin"
    # Then it is returned in Base64 only
    rejected = await gateway.client.get(address)
    assert rejected.status_code == 400
    assert "use base64_encoded=true" in rejected.json()["error"]
    assert (await gateway.client.get(address + "&base64_encoded=true")).json() == {"stdin": "/w=="}


async def test_deletion_requires_a_finished_submission(gateway: Gateway) -> None:
    token = await submit(gateway)
    # While it is queued, it cannot be deleted
    response = await gateway.client.delete(f"{SUBMISSIONS}/{token}")
    assert response.status_code == 400
    assert response.json() == {"error": "submission cannot be deleted because its status is 1 (In Queue)"}
    # When it has finished, it is returned a last time, in Base64
    gateway.worker.run()
    response = await gateway.client.delete(f"{SUBMISSIONS}/{token}", params={"fields": "source_code"})
    assert (response.status_code, response.json()) == (200, {"source_code": b64encode(b"print(1)").decode()})
    assert (await gateway.client.get(f"{SUBMISSIONS}/{token}")).status_code == 404


def token_header(key: str) -> dict[str, str]:
    return {"X-Auth-Token": key, "X-Auth-User": "ignored"}


async def test_submission_belongs_to_its_caller(gateway: Gateway) -> None:
    # Given two callers, and a submission of the first
    first, second_caller = [token_header((await gateway.create_key())["key"]) for _ in range(2)]
    token = await submit(gateway, first)
    gateway.worker.run()
    # Then for the other, and for anonymous callers, it does not exist
    for other in (second_caller, {}):
        for method, path in (("GET", token), ("HEAD", token), ("DELETE", token), ("GET", f"batch?tokens={token}")):
            real = await gateway.client.request(method, f"{SUBMISSIONS}/{path}", headers=other)
            unknown = await gateway.client.request(
                method, f"{SUBMISSIONS}/{path.replace(token, str(uuid.uuid4()))}", headers=other
            )
            assert (real.status_code, real.content) == (unknown.status_code, unknown.content)
    # And only its caller can list it
    second = await submit(gateway, first)
    native = await gateway.submit(first | bearer(first["X-Auth-Token"]))
    pages = [await page(gateway, first, number) for number in (1, 2)]
    assert [[submission["token"] for submission in listed["submissions"]] for listed in pages] == [[second], [token]]
    assert (pages[0]["meta"]["next_page"], pages[1]["meta"]["next_page"], pages[1]["meta"]["total_count"]) == (
        2,
        None,
        2,
    )
    assert (await page(gateway, second_caller, 1))["submissions"] == []
    # And a job of the native API is not a submission
    assert (await gateway.client.get(f"{SUBMISSIONS}/{native}", headers=first)).status_code == 404


async def page(gateway: Gateway, headers: dict[str, str], number: int) -> Any:
    query = {"page": number, "per_page": 1, "fields": "token"}
    response = await gateway.client.get(SUBMISSIONS, params=query, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def test_token_is_checked(gateway: Gateway) -> None:
    for path in ("authenticate", "authorize"):
        for headers, status in (
            (token_header(OPERATOR_KEY), 200),
            ({"X-Auth-Token": ""}, 200),
            (token_header("x"), 401),
        ):
            response = await gateway.client.post(f"/judge0/{path}", headers=headers)
            assert response.status_code == status
        # A key in the URL is ignored: URLs are logged.
        response = await gateway.client.post(f"/judge0/{path}", params={"X-Auth-Token": "x"})
        assert response.status_code == 200


async def test_service_information(gateway: Gateway) -> None:
    async def get(path: str) -> httpx.Response:
        response = await gateway.client.get(f"/judge0/{path}")
        assert response.status_code == 200
        return response

    assert (await get("about")).json()["version"] == (await get("version")).text == "1.13.1"
    assert [status["id"] for status in (await get("statuses")).json()] == list(range(1, 15))
    config = (await get("config_info")).json()
    assert (config["max_cpu_time_limit"], config["max_stack_limit"], config["memory_limit"]) == (
        300.0,
        2_097_152,
        262_144,
    )
    assert (config["enable_network"], config["max_submission_batch_size"]) == (False, 20)
    await submit(gateway)
    assert (await get("workers")).json()[0]["size"] == 1
    gateway.worker.run()
    assert (await get("statistics")).json()["submissions"]["total"] == 0  # the worker of this test publishes no metrics
    assert {"Architecture", "CPU(s)", "Mem"} <= (await get("system_info")).json().keys()


async def test_cancelled_submission_has_status_other(gateway: Gateway) -> None:
    token = await submit(gateway)
    await gateway.client.post(f"/v1/jobs/{token}/cancel")
    submission = (await gateway.client.get(f"{SUBMISSIONS}/{token}")).json()
    assert (submission["status"]["id"], submission["message"]) == (12, "cancelled before it started")


async def test_pages_of_allowed_origins_may_use_the_api(start_gateway: StartGateway) -> None:
    origin = {"Origin": "https://ide.example"}
    gateway = await start_gateway(PYXEC_ALLOWED_ORIGINS=origin["Origin"])
    preflight = await gateway.client.options(f"{SUBMISSIONS}/some-token", headers=origin)
    sent = await gateway.client.post(SUBMISSIONS, json=PRINT, headers=origin)
    other = await gateway.client.post(SUBMISSIONS, json=PRINT, headers={"Origin": "https://other.example"})
    assert [response.headers.get("Access-Control-Allow-Origin") for response in (preflight, sent, other)] == [
        origin["Origin"], origin["Origin"], None,
    ]  # fmt: skip
    assert {"GET", "DELETE"} <= set(preflight.headers["Access-Control-Allow-Methods"].split(", "))
    assert "X-Auth-Token" in preflight.headers["Access-Control-Allow-Headers"]
