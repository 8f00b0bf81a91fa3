"""Requests and errors of LibreChat's code API that need no program."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.languages import LanguageInfo
from app.core.outcomes import Outcome
from app.core.states import JobState
from tests.http.gateway import Gateway, StartGateway, bearer, wait_until
from tests.http.strategies import anything, text
from tests.proxy import FaultProxy

API = "/librechat/v1"
CODE = {"lang": "py", "code": "print(1)"}
#: The names that `@librechat/agents` sends, and the languages of Pyxec.
LANGUAGES = {
    "py": "python", "js": "javascript", "ts": "typescript", "c": "c", "cpp": "cpp", "java": "java", "php": "php",
    "rs": "rust", "go": "go", "d": "d", "f90": "fortran", "r": "r", "bash": "bash",
}  # fmt: skip


async def upload(gateway: Gateway, *files: tuple[str, bytes], headers: dict[str, str] | None = None) -> Any:
    parts = [("files", (name, content)) for name, content in files]
    return await gateway.client.post(f"{API}/upload", files=parts, headers=headers)


async def test_each_lang_runs_its_language(start_gateway: StartGateway) -> None:
    infos = [LanguageInfo(id=name, name=name, file_name=f"main.{name}", version="1") for name in LANGUAGES.values()]
    gateway = await start_gateway(languages=infos)
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, gateway.record(job_id).language.encode()))
    for lang, language in LANGUAGES.items():
        response = await gateway.client.post(f"{API}/exec", json={"lang": lang, "code": "x"})
        assert (response.status_code, response.json()["stdout"]) == (200, language), lang
    # And a language that is not among them is rejected with all names
    response = await gateway.client.post(f"{API}/exec", json={"lang": "rb", "code": "x"})
    details = f"lang: must be one of: {', '.join(LANGUAGES)}"
    assert (response.status_code, response.json()["details"]) == (400, details)


@pytest.mark.parametrize("route", ["exec", "upload"])
async def test_unavailable_store_returns_503(proxied_gateway: Gateway, redis_proxy: FaultProxy, route: str) -> None:
    redis_proxy.cut()
    request = {"json": CODE} if route == "exec" else {"files": [("files", ("a.txt", b"1"))]}
    response = await proxied_gateway.client.post(f"{API}/{route}", **request)
    assert response.status_code == 503
    assert response.json() == {
        "error": "The job store is unavailable", "details": "The job store is unavailable",
    }  # fmt: skip
    assert int(response.headers["Retry-After"]) > 0


async def test_program_that_the_service_could_not_run_returns_503_and_leaves_no_session(gateway: Gateway) -> None:
    failure = {"outcome": Outcome.INFRASTRUCTURE_ERROR, "message": "the engine failed", "phases": (), "exit_code": None}
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, **failure))
    response = await gateway.client.post(f"{API}/exec", json=CODE)
    assert response.status_code == 503
    assert response.json() == {"error": "The program was not run", "details": "the service could not run the program"}
    assert response.headers["Retry-After"] == "5"
    assert not gateway.redis.zcard(gateway.keys.owned_sessions("anonymous"))


async def test_key_is_a_header_or_a_bearer_token(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS="off")
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, b"1\n"))
    key = (await gateway.create_key())["key"]
    sessions = set()
    for headers in ({"X-API-Key": key}, bearer(key)):
        response = await gateway.client.post(f"{API}/exec", json=CODE, headers=headers)
        assert (response.status_code, response.json()["stdout"]) == (200, "1\n")
        response = await upload(gateway, ("a.txt", b"1"), headers=headers)
        assert response.status_code == 200
        sessions.add(response.json()["storage_session_id"])
    # And both belong to the caller of the key
    for session in sessions:
        assert (await gateway.client.get(f"{API}/files/{session}", headers=bearer(key))).status_code == 200
    for headers in ({}, {"X-API-Key": "unknown"}, bearer("unknown"), {"Authorization": f"Basic {key}"}):
        response = await gateway.client.post(f"{API}/exec", json=CODE, headers=headers)
        assert (response.status_code, list(response.json())) == (401, ["error", "details"])


async def test_rate_limit_names_the_seconds_to_wait(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="20")
    await gateway.submit()
    response = await gateway.client.post(f"{API}/exec", json=CODE)
    assert (response.status_code, response.json()["error"]) == (429, "rate_limited")
    assert response.json()["retry_after_seconds"] == int(response.headers["Retry-After"]) == 3


async def test_full_queue_is_rate_limited_and_leaves_no_session(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BACKLOG="1")
    await gateway.submit()
    response = await gateway.client.post(f"{API}/exec", json=CODE)
    assert (response.status_code, response.json()["error"]) == (429, "rate_limited")
    assert response.json()["retry_after_seconds"] > 0
    assert not gateway.redis.zcard(gateway.keys.owned_sessions("anonymous"))


async def test_files_belong_to_their_caller(gateway: Gateway) -> None:
    first, second = [{"X-API-Key": (await gateway.create_key())["key"]} for _ in range(2)]
    body = (await upload(gateway, ("a.txt", b"x"), headers=first)).json()
    session, file = body["storage_session_id"], body["files"][0]["fileId"]
    reference = {"id": file, "name": "a.txt", "storage_session_id": session}
    for headers, status in ((first, 200), (second, 404), ({}, 404)):
        for path in (f"download/{session}/{file}", f"files/{session}"):
            assert (await gateway.client.get(f"{API}/{path}", headers=headers)).status_code == status
        if status == 404:
            execution = {**CODE, "files": [reference]}
            assert (await gateway.client.post(f"{API}/exec", json=execution, headers=headers)).status_code == 404
            assert (await gateway.client.delete(f"{API}/files/{session}/{file}", headers=headers)).status_code == 404


@pytest.mark.parametrize("name", ["../x", "/etc/passwd/../x", "-x", "a/", "trailing.", "x" * 300])
async def test_upload_with_an_invalid_name_is_rejected_with_the_name(gateway: Gateway, name: str) -> None:
    response = await upload(gateway, ("valid.txt", b"1"), (name, b"2"))
    assert response.status_code == 400
    assert name[:100] in response.json()["details"]
    assert not gateway.redis.zcard(gateway.keys.owned_sessions("anonymous"))


async def test_upload_that_is_too_large_is_rejected(gateway: Gateway) -> None:
    response = await upload(gateway, ("large.bin", bytes(33 << 20)))
    assert (response.status_code, list(response.json())) == (413, ["error", "details"])


async def test_download_cannot_be_executed_by_a_browser(gateway: Gateway) -> None:
    body = (await upload(gateway, ("page.html", b"<script>alert(1)</script>"))).json()
    path = f"{API}/download/{body['storage_session_id']}/{body['files'][0]['fileId']}"
    headers = (await gateway.client.get(path)).headers
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["Content-Disposition"].startswith("attachment")


async def test_job_is_cancelled_and_its_session_deleted_if_its_client_disconnects(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.jobs.submissions.POLL_SECONDS", 0.05)
    request = asyncio.create_task(gateway.client.post(f"{API}/exec", json=CODE))
    job_id = await gateway.wait_for_viewer()
    request.cancel()
    await wait_until(lambda: gateway.record(job_id).state is JobState.FINISHED)


bodies = st.fixed_dictionaries(
    {},
    optional={
        "lang": st.sampled_from(["rb", "perl"]) | anything,  # nothing is accepted, so that no request waits
        "code": text | anything,
        "args": st.lists(text, max_size=2) | anything,
        "files": st.lists(st.dictionaries(st.sampled_from(["id", "name", "session_id"]), text), max_size=2) | anything,
    },
)


@settings(max_examples=40, deadline=None)
@given(body=bodies | anything, path=text)
def test_any_request_is_rejected_with_an_error(
    runner: asyncio.Runner, module_gateway: Gateway, body: Any, path: str
) -> None:
    content, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    client = module_gateway.client
    response = runner.run(client.post(f"{API}/exec", content=content, headers=headers))
    assert response.status_code in (400, 404), response.text
    assert response.json()["error"]
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert runner.run(client.post(f"{API}/upload", content=content, headers=form)).status_code == 400
