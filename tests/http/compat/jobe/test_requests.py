"""Requests, errors and files of Jobe's API. The worker is the test."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.job.spec import JobSpec
from app.core.languages import LanguageInfo
from app.core.limits import MIB
from app.core.outcomes import Outcome
from app.core.states import JobState
from tests.http.gateway import Gateway, StartGateway, wait_until
from tests.http.strategies import anything, text

API = "/jobe/index.php/restapi"
RUN = {"language_id": "python3", "sourcecode": "print(1)"}
FILE = f"{API}/files/0123456789abcdef"
#: Jobe's ids, and the languages of Pyxec.
LANGUAGES = {
    "c": "c", "cpp": "cpp", "java": "java", "nodejs": "javascript", "octave": "octave", "pascal": "pascal",
    "php": "php", "python3": "python",
}  # fmt: skip


def contents(data: bytes) -> dict[str, str]:
    return {"file_contents": base64.b64encode(data).decode()}


async def post(gateway: Gateway, **run_spec: Any) -> httpx.Response:
    return await gateway.client.post(f"{API}/runs", json={"run_spec": {**RUN, **run_spec}})


async def resolve(gateway: Gateway, **run_spec: Any) -> JobSpec:
    """Send a run, and return the specification of its job."""
    request = asyncio.create_task(post(gateway, **run_spec))
    job_id = await gateway.wait_for_job()
    spec = gateway.record(job_id).spec
    assert spec is not None
    gateway.worker.run(job_id)
    assert (await request).status_code == 200
    gateway.redis.delete(gateway.keys.record(job_id))
    return spec


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "No run_spec attribute found in post data"),
        ({"run_spec": 1}, "No run_spec attribute found in post data"),
        ({"run_spec": {"language_id": "c"}}, "run_spec is missing the required attribute 'sourcecode'"),
        ({"run_spec": {"sourcecode": ""}}, "run_spec is missing the required attribute 'language_id'"),
        ({"run_spec": {**RUN, "language_id": "klingon"}}, "Language 'klingon' is not known"),
        ({"run_spec": {**RUN, "sourcefilename": "../x"}}, "The sourcefilename for the run_spec is illegal"),
        ({"run_spec": {**RUN, "sourcefilename": ".x"}}, "The sourcefilename for the run_spec is illegal"),
        ({"run_spec": {**RUN, "file_list": [["short", "x"]]}}, "Invalid file specifier"),
        ({"run_spec": {**RUN, "file_list": [["0123456789abcdef", "a/b"]]}}, "Invalid file specifier"),
        ({"run_spec": {**RUN, "file_list": [["0123456789abcdef"]]}}, "Invalid file specifier"),
        ({"run_spec": {**RUN, "parameters": {"cputime": 301}}}, "cputime exceeds maximum allowed on this Jobe server"),
        ({"run_spec": {**RUN, "parameters": {"runargs": "x"}}}, "'runargs' must be an array of strings"),
        ({"run_spec": {**RUN, "parameters": {"runargs": ["'"]}}}, "'runargs' has a quote that is not closed"),
        ({"run_spec": {**RUN, "input": 5}}, "'input' must be a string"),
    ],
)
async def test_invalid_run_is_rejected_with_the_message_of_jobe(gateway: Gateway, body: Any, message: str) -> None:
    response = await gateway.client.post(f"{API}/runs", json=body)
    assert response.status_code == 400
    assert message in response.json()
    assert gateway.job_ids() == []


async def test_each_language_id_runs_its_language(start_gateway: StartGateway) -> None:
    infos = [
        LanguageInfo(
            id=language, name=language, file_name="main", version=f"1.{number}",
            compile=("compile", "{options}"), run=("run", "{entrypoint}"),
        )
        for number, language in enumerate(LANGUAGES.values())
    ]  # fmt: skip
    gateway = await start_gateway(languages=infos)
    listed = (await gateway.client.get(f"{API}/languages")).json()
    assert listed == [[name, f"1.{number}"] for number, name in enumerate(LANGUAGES)]
    for name, language in LANGUAGES.items():
        # CodeRunner sends the ids in any case
        for language_id in (name, name.upper()):
            assert (await resolve(gateway, language_id=language_id)).language == language


async def test_parameters_become_limits(gateway: Gateway) -> None:
    default = await resolve(gateway)
    assert (default.limits.cpu_seconds, default.limits.wall_seconds) == (5, 10)
    assert (default.limits.memory_bytes, default.limits.processes) == (1000 * MIB, 31)
    assert (default.limits.output_bytes, default.invocation.file_bytes) == (4 * MIB, 20 * MIB)

    parameters = {
        "cputime": "2", "memorylimit": 100, "numprocs": 7, "streamsize": 0.5, "disklimit": 3, "unknown": 1,
    }  # fmt: skip
    spec = await resolve(gateway, parameters=parameters)
    assert (spec.limits.cpu_seconds, spec.limits.wall_seconds) == (2, 4)
    assert (spec.limits.memory_bytes, spec.limits.processes) == (100 * MIB, 8)
    assert (spec.limits.output_bytes, spec.invocation.file_bytes) == (MIB, 3 * MIB)

    # A value that is not a number is ignored, and 0 means no limit
    spec = await resolve(gateway, parameters={"cputime": "$(x)", "memorylimit": 0, "disklimit": 0, "numprocs": True})
    assert (spec.limits.cpu_seconds, spec.limits.memory_bytes) == (5, 2048 * MIB)
    assert (spec.limits.processes, spec.invocation.file_bytes) == (31, None)


async def test_source_files_of_c_are_compiled_if_they_are_marked(gateway: Gateway) -> None:
    await gateway.client.put(FILE, json=contents(b"int f(void) { return 1; }"))
    c = {"language_id": "C", "sourcefilename": "__tester__.c"}
    plain = await resolve(gateway, **c, file_list=[["0123456789abcdef", "f.c"]])
    marked = await resolve(gateway, **c, file_list=[["0123456789abcdef", "f.c", True]])
    assert (plain.invocation.entrypoint_only, marked.invocation.entrypoint_only) == (True, False)
    assert [file.name for file in marked.files] == ["__tester__.c", "f.c"]


async def test_file_is_stored_replaced_and_found(gateway: Gateway) -> None:
    assert (await gateway.client.head(FILE)).status_code == 404
    run = {"file_list": [["0123456789abcdef", "data.txt"]]}
    missing = await post(gateway, **run)
    assert (missing.status_code, missing.json()) == (404, "One or more of the specified files is missing/unavailable")

    for data in (b"first", b"first", b"second"):
        assert (await gateway.client.put(FILE, json=contents(data))).status_code == 204
    assert (await gateway.client.head(FILE)).status_code == 204
    spec = await resolve(gateway, **run)
    assert (spec.files[1].name, len(spec.files[1].content)) == ("data.txt", len(b"second"))
    # The replaced content no longer counts for the quota
    assert gateway.redis.zcard(gateway.keys.owned_files("anonymous")) == 1


async def test_files_belong_to_their_caller(gateway: Gateway) -> None:
    first, second = [{"X-API-KEY": (await gateway.create_key())["key"]} for _ in range(2)]
    assert (await gateway.client.put(FILE, json=contents(b"x"), headers=first)).status_code == 204
    statuses = [(await gateway.client.head(FILE, headers=headers)).status_code for headers in (first, second, {})]
    assert statuses == [204, 404, 404]


async def test_expired_file_is_missing(gateway: Gateway) -> None:
    await gateway.client.put(FILE, json=contents(b"x"))
    for key in gateway.redis.keys(f"{gateway.keys.file('')}*"):
        gateway.redis.delete(key)
    assert (await gateway.client.head(FILE)).status_code == 404
    assert (await post(gateway, file_list=[["0123456789abcdef", "x"]])).status_code == 404
    assert (await gateway.client.put(FILE, json=contents(b"x"))).status_code == 204
    assert (await gateway.client.head(FILE)).status_code == 204


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (FILE, {}, 400),
        (FILE, [], 400),
        (FILE, {"file_contents": "é"}, 400),
        (f"{API}/files/short", {"file_contents": ""}, 400),
        (f"{API}/files/../../x", {"file_contents": ""}, 404),
    ],
)
async def test_invalid_file_is_rejected(gateway: Gateway, path: str, body: Any, status: int) -> None:
    assert (await gateway.client.put(path, json=body)).status_code == status


async def test_overload_is_an_outcome(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BACKLOG="1")
    await gateway.submit()
    response = await post(gateway)
    assert (response.status_code, response.json()["outcome"]) == (200, 21)


async def test_error_of_the_service_is_an_outcome(gateway: Gateway) -> None:
    failure = {"outcome": Outcome.INFRASTRUCTURE_ERROR, "message": "the engine failed", "phases": (), "exit_code": None}
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, **failure))
    response = (await post(gateway)).json()
    assert (response["outcome"], response["stderr"]) == (20, "the engine failed")


async def test_invalid_key_returns_403(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS="off")
    key = (await gateway.create_key())["key"]
    for path in ("languages", "runs", "files/0123456789abcdef"):
        method = {"languages": "GET", "runs": "POST"}.get(path, "PUT")
        for headers, expected in (({}, True), ({"X-API-KEY": "unknown"}, True), ({"X-API-KEY": key}, False)):
            response = await gateway.client.request(method, f"{API}/{path}", headers=headers, json={})
            assert (response.status_code == 403) is expected


async def test_job_is_cancelled_if_its_client_disconnects(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.jobs.submissions.POLL_SECONDS", 0.05)
    request = asyncio.create_task(post(gateway))
    job_id = await gateway.wait_for_viewer()
    request.cancel()
    await wait_until(lambda: gateway.record(job_id).state is JobState.FINISHED)


parameters = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("cputime", "memorylimit", "disklimit", "streamsize", "numprocs"), st.floats() | anything),
        **dict.fromkeys(("compileargs", "interpreterargs", "runargs"), st.lists(text, max_size=2) | anything),
    },
)
run_specs = st.fixed_dictionaries(
    {},
    optional={
        "language_id": st.sampled_from(["python3", "c", "java"]) | anything,
        "sourcecode": text | anything,
        "sourcefilename": text | anything,
        "input": text | anything,
        "file_list": st.lists(st.lists(text, max_size=3) | anything, max_size=2) | anything,
        "parameters": parameters | anything,
    },
)


@pytest.fixture(scope="module")
def running_worker(runner: asyncio.Runner, module_gateway: Gateway) -> None:
    """A worker that runs every job of ``module_gateway``."""

    async def start() -> None:
        module_gateway.worker.handle_jobs(module_gateway.worker.run)

    runner.run(start())


@settings(max_examples=40, deadline=None)
@given(body=st.fixed_dictionaries({"run_spec": run_specs | anything}) | anything)
@pytest.mark.usefixtures("running_worker")
def test_any_body_is_accepted_or_rejected(runner: asyncio.Runner, module_gateway: Gateway, body: Any) -> None:
    content, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    for method, path in (("POST", "runs"), ("PUT", "files/0123456789abcdef")):
        response = runner.run(module_gateway.client.request(method, f"{API}/{path}", content=content, headers=headers))
        assert response.status_code in (200, 204, 400, 404), response.text
