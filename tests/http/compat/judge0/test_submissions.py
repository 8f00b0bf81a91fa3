"""The API itself, on a real server, with a worker whose every step the test takes."""

from __future__ import annotations

import asyncio
import uuid
from base64 import b64encode
from typing import Any

import httpx
import pytest

from app.core.outcomes import Outcome
from app.store.records import decode_spec
from tests.http.compat.judge0.conftest import PRINT, PYTHON, C, zipped
from tests.http.gateway import OPERATOR_KEY, Gateway, StartGateway, bearer

SUBMISSIONS = "/judge0/submissions"


async def submit(gateway: Gateway, headers: dict[str, str] | None = None, **more: Any) -> str:
    answer = await gateway.client.post(SUBMISSIONS, json={**PRINT, **more}, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json().keys() == {"token"}
    return str(answer.json()["token"])


async def test_a_submission_from_its_token_to_its_end(gateway: Gateway) -> None:
    # Given a submission, whose token is a random UUID as clients expect
    token = await submit(gateway)
    assert uuid.UUID(token).version == 4
    # When it is queued, runs, and has ended
    seen = [(await gateway.client.get(f"{SUBMISSIONS}/{token}")).json()]
    job_id = gateway.worker.start()
    seen.append((await gateway.client.get(f"{SUBMISSIONS}/{token}/")).json())
    gateway.worker.finish(job_id)
    seen.append((await gateway.client.get(f"{SUBMISSIONS}/{token}")).json())
    # Then each time it is shown as it is, in the usual fields
    assert [one["status"]["id"] for one in seen] == [1, 2, 3]
    assert seen[0] == {
        "token": token, "time": None, "memory": None, "stdout": None, "stderr": None, "compile_output": None,
        "message": None, "status": {"id": 1, "description": "In Queue"},
    }  # fmt: skip
    assert (seen[2]["time"], seen[2]["memory"]) == ("0.01", 7812)
    # And our own API shows the same job
    assert (await gateway.client.get(f"/v1/jobs/{token}")).json()["outcome"] == "ok"


async def test_a_fault_of_ours_is_told_as_one(gateway: Gateway) -> None:
    token = await submit(gateway)
    gateway.worker.run(outcome=Outcome.INFRASTRUCTURE_ERROR, exit_code=None, message="it could not be run", phases=())
    shown = (await gateway.client.get(f"{SUBMISSIONS}/{token}")).json()
    assert (shown["status"]["description"], shown["message"]) == ("Internal Error", "it could not be run")


async def test_all_that_was_sent_is_shown(gateway: Gateway) -> None:
    # Given a submission with every field
    files = zipped({"more.py": "x"})
    sent = {
        "language_id": C, "source_code": "int main(void) { return 0; }", "stdin": "\xe9\n", "expected_output": "e",
        "compiler_options": "-O1 -DA=b", "command_line_arguments": "a b", "cpu_time_limit": 1.5, "cpu_extra_time": 0.5,
        "wall_time_limit": 3, "memory_limit": 65536, "stack_limit": 2048, "max_processes_and_or_threads": 7,
        "max_file_size": 100, "number_of_runs": 2, "redirect_stderr_to_stdout": True, "additional_files": files,
        "enable_network": False, "enable_per_process_and_thread_time_limit": "false",
    }  # fmt: skip
    token = await submit(gateway, **sent)
    # Then it is shown as it was; decimal numbers are text
    plain = (await gateway.client.get(f"{SUBMISSIONS}/{token}", params={"fields": "*"})).json()
    told = {**sent, "cpu_time_limit": "1.5", "cpu_extra_time": "0.5", "wall_time_limit": "3.0",
            "enable_per_process_and_thread_time_limit": False}  # fmt: skip
    assert {name: plain[name] for name in sent} == told
    # And in Base64 where that is wanted
    query = {"base64_encoded": "true", "fields": "stdin,language_id"}
    encoded = (await gateway.client.get(f"{SUBMISSIONS}/{token}", params=query)).json()
    assert encoded == {"stdin": b64encode("\xe9\n".encode()).decode(), "language_id": C}
    # And the job has its limits: the extra time is on top
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
        ({"source_code": " \n"}, {"source_code": ["can't be blank"]}),
        ({"language_id": 89}, {"source_code": ["must be blank"], "additional_files": ["can't be blank"]}),
        ({"language_id": 89, "source_code": None, "additional_files": zipped({"main.py": ""})},
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
async def test_what_is_wrong_is_told_by_field(
    gateway: Gateway, change: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    answer = await gateway.client.post(SUBMISSIONS, json={**PRINT, **change})
    assert (answer.status_code, answer.json()) == (422, errors)
    assert gateway.redis.zcard(gateway.keys.waiting()) == 0


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "said"),
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
async def test_every_other_error_is_one_sentence(
    gateway: Gateway, method: str, path: str, options: dict[str, Any], status: int, said: str
) -> None:
    answer = await gateway.client.request(method, SUBMISSIONS + path, **options)
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}
    # of JSON and address the words are the gateway's
    assert said.lower() in answer.json()["error"].lower()


async def test_a_batch_is_taken_or_refused_one_by_one(gateway: Gateway) -> None:
    # Given a batch with two mistakes
    batch = [PRINT, {"language_id": PYTHON}, PRINT, "nonsense"]
    answer = await gateway.client.post(f"{SUBMISSIONS}/batch", json={"submissions": batch})
    # Then the others are taken
    assert answer.status_code == 201
    first, mistake, second, nonsense = answer.json()
    assert mistake == {"source_code": ["can't be blank"]}
    assert nonsense.keys() == {"source_code", "language_id"}
    # And found again in the order in which they are asked for
    query = {"tokens": f"{second['token']},unknown,{first['token']}", "fields": "token"}
    found = await gateway.client.get(f"{SUBMISSIONS}/batch", params=query)
    assert found.json() == {"submissions": [second, None, first]}
    # And a batch of mistakes is one
    answer = await gateway.client.post(f"{SUBMISSIONS}/batch", json={"submissions": batch[1:2]})
    assert (answer.status_code, answer.json()) == (422, [{"source_code": ["can't be blank"]}])


async def test_whoever_waits_has_the_end(gateway: Gateway) -> None:
    # Given somebody who waits
    query = {"wait": "true", "fields": "status,exit_code"}
    waiting = asyncio.create_task(gateway.client.post(SUBMISSIONS, params=query, json=PRINT))
    while not gateway.redis.zcard(gateway.keys.waiting()):
        await asyncio.sleep(0.01)
    # When it ends
    gateway.worker.run()
    # Then the answer is what came of it
    answer = await asyncio.wait_for(waiting, 10)
    assert (answer.status_code, answer.json()) == (
        201,
        {"status": {"id": 3, "description": "Accepted"}, "exit_code": 0},
    )


async def test_what_is_no_text_needs_base64(gateway: Gateway) -> None:
    # Given a submission whose standard input is not UTF-8
    sent = {**PRINT, "source_code": b64encode(b"print(1)").decode(), "stdin": b64encode(b"\xff").decode() + "\n"}
    answer = await gateway.client.post(SUBMISSIONS, params={"base64_encoded": "true"}, json=sent)
    address = f"{SUBMISSIONS}/{answer.json()['token']}?fields=stdin"
    # Then it is shown in Base64 only
    refused = await gateway.client.get(address)
    assert refused.status_code == 400
    assert "use base64_encoded=true" in refused.json()["error"]
    assert (await gateway.client.get(address + "&base64_encoded=true")).json() == {"stdin": "/w=="}


async def test_a_submission_is_deleted_once_it_has_ended(gateway: Gateway) -> None:
    token = await submit(gateway)
    # While it waits it is not
    answer = await gateway.client.delete(f"{SUBMISSIONS}/{token}")
    assert answer.status_code == 400
    assert answer.json() == {"error": "submission cannot be deleted because its status is 1 (In Queue)"}
    # Afterwards it is shown a last time, in Base64
    gateway.worker.run()
    answer = await gateway.client.delete(f"{SUBMISSIONS}/{token}", params={"fields": "source_code"})
    assert (answer.status_code, answer.json()) == (200, {"source_code": b64encode(b"print(1)").decode()})
    assert (await gateway.client.get(f"{SUBMISSIONS}/{token}")).status_code == 404


def token_header(key: str) -> dict[str, str]:
    return {"X-Auth-Token": key, "X-Auth-User": "whoever"}


async def test_a_submission_belongs_to_whom_it_was_submitted_by(gateway: Gateway) -> None:
    # Given two callers, and a submission of the first
    mine, theirs = [token_header((await gateway.create_key())["key"]) for _ in range(2)]
    token = await submit(gateway, mine)
    gateway.worker.run()
    # Then to the other, and to nobody, it is as one that never was
    for other in (theirs, {}):
        for method, path in (("GET", token), ("HEAD", token), ("DELETE", token), ("GET", f"batch?tokens={token}")):
            real = await gateway.client.request(method, f"{SUBMISSIONS}/{path}", headers=other)
            never = await gateway.client.request(
                method, f"{SUBMISSIONS}/{path.replace(token, str(uuid.uuid4()))}", headers=other
            )
            assert (real.status_code, real.content) == (never.status_code, never.content)
    # And it is listed for its own caller only, a page at a time
    second = await submit(gateway, mine)
    native = await gateway.submit(mine | bearer(mine["X-Auth-Token"]))
    pages = [await page(gateway, mine, number) for number in (1, 2)]
    assert [[one["token"] for one in each["submissions"]] for each in pages] == [[second], [token]]
    assert (pages[0]["meta"]["next_page"], pages[1]["meta"]["next_page"], pages[1]["meta"]["total_count"]) == (
        2,
        None,
        2,
    )
    assert (await page(gateway, theirs, 1))["submissions"] == []
    # And a job of our own API is no submission
    assert (await gateway.client.get(f"{SUBMISSIONS}/{native}", headers=mine)).status_code == 404


async def page(gateway: Gateway, headers: dict[str, str], number: int) -> Any:
    query = {"page": number, "per_page": 1, "fields": "token"}
    answer = await gateway.client.get(SUBMISSIONS, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_token_is_told_to_be_one(gateway: Gateway) -> None:
    for path in ("authenticate", "authorize"):
        for headers, status in (
            (token_header(OPERATOR_KEY), 200),
            ({"X-Auth-Token": ""}, 200),
            (token_header("x"), 401),
        ):
            answer = await gateway.client.post(f"/judge0/{path}", headers=headers)
            assert answer.status_code == status
        # A key in an address ends up in logs: it is not even looked at
        answer = await gateway.client.post(f"/judge0/{path}", params={"X-Auth-Token": "x"})
        assert answer.status_code == 200


async def test_what_a_service_tells_of_itself(gateway: Gateway) -> None:
    async def told(path: str) -> httpx.Response:
        answer = await gateway.client.get(f"/judge0/{path}")
        assert answer.status_code == 200
        return answer

    assert (await told("about")).json()["version"] == (await told("version")).text == "1.13.1"
    assert [one["id"] for one in (await told("statuses")).json()] == list(range(1, 15))
    config = (await told("config_info")).json()
    assert (config["max_cpu_time_limit"], config["max_stack_limit"], config["memory_limit"]) == (
        300.0,
        128_000,
        262_144,
    )
    assert (config["enable_network"], config["max_submission_batch_size"]) == (False, 20)
    await submit(gateway)
    assert (await told("workers")).json()[0]["size"] == 1
    gateway.worker.run()
    assert (await told("statistics")).json()["submissions"]["total"] == 0  # this worker counts nothing
    assert {"Architecture", "CPU(s)", "Mem"} <= (await told("system_info")).json().keys()


async def test_a_cancelled_submission_ends_in_other(gateway: Gateway) -> None:
    token = await submit(gateway)
    await gateway.client.post(f"/v1/jobs/{token}/cancel")
    shown = (await gateway.client.get(f"{SUBMISSIONS}/{token}")).json()
    assert (shown["status"]["id"], shown["message"]) == (12, "cancelled before it began")


async def test_a_page_of_a_listed_origin_is_let_in(start_gateway: StartGateway) -> None:
    origin = {"Origin": "https://ide.example"}
    gateway = await start_gateway(PYXEC_ALLOWED_ORIGINS=origin["Origin"])
    asked = await gateway.client.options(f"{SUBMISSIONS}/some-token", headers=origin)
    sent = await gateway.client.post(SUBMISSIONS, json=PRINT, headers=origin)
    stranger = await gateway.client.post(SUBMISSIONS, json=PRINT, headers={"Origin": "https://other.example"})
    assert [answer.headers.get("Access-Control-Allow-Origin") for answer in (asked, sent, stranger)] == [
        origin["Origin"], origin["Origin"], None,
    ]  # fmt: skip
    assert {"GET", "DELETE"} <= set(asked.headers["Access-Control-Allow-Methods"].split(", "))
    assert "X-Auth-Token" in asked.headers["Access-Control-Allow-Headers"]
