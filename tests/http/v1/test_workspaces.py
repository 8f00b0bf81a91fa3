"""The routes of workspaces. tests/actors/test_workspaces.py tests the jobs that use them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.store.callers import admission
from tests.http.gateway import JOB, Gateway, StartGateway
from tests.http.openapi.conformance import assert_conforms

ITEM = "/v1/workspaces/{workspace_id}"
FILE = f"{ITEM}/files/{{path}}"


async def create(gateway: Gateway, headers: dict[str, str] | None = None) -> str:
    response = await gateway.client.post("/v1/workspaces", headers=headers)
    assert_conforms(response, "post", "/v1/workspaces")
    assert response.headers["Location"] == f"/v1/workspaces/{response.json()['id']}"
    return str(response.json()["id"])


async def test_files_are_written_listed_read_and_deleted(gateway: Gateway) -> None:
    path = f"/v1/workspaces/{await create(gateway)}"
    files = {"a.txt": b"a", "folder/ä b.bin": bytes(100_000), "Makefile": b""}
    for name, content in files.items():
        response = await gateway.client.put(f"{path}/files/{name}", content=content)
        assert_conforms(response, "put", FILE)
    view = (await gateway.client.get(path)).json()
    assert [(file["path"], file["size_bytes"]) for file in view["files"]] == [
        ("Makefile", 0), ("a.txt", 1), ("folder/ä b.bin", 100_000),
    ]  # fmt: skip
    assert (view["version"], view["size_bytes"]) == (3, 100_001)
    for file in view["files"]:
        response = await gateway.client.get(file["link"])
        assert_conforms(response, "get", FILE)
        assert response.content == files[file["path"]]
    assert (await gateway.client.delete(f"{path}/files/a.txt")).status_code == 204
    missing = await gateway.client.get(f"{path}/files/a.txt")
    assert_conforms(missing, "get", FILE)
    assert missing.json()["detail"] == "the workspace has no file with this path"
    assert (await gateway.client.delete(path)).status_code == 204
    gone = await gateway.client.get(path)
    assert_conforms(gone, "get", ITEM)
    assert gone.status_code == 404


async def test_file_whose_content_is_lost_is_not_found(gateway: Gateway) -> None:
    path = f"/v1/workspaces/{await create(gateway)}/files/a"
    await gateway.client.put(path, content=b"content")
    for key in gateway.redis.scan_iter(f"{{{gateway.namespace}:files}}:blob:*"):
        gateway.redis.delete(key)

    response = await gateway.client.get(path)

    assert_conforms(response, "get", FILE)
    assert response.status_code == 404
    assert response.json()["detail"] == "the file storage has lost the content of this file; write it again"


async def test_workspaces_of_tenants_are_separate(gateway: Gateway) -> None:
    owner, other = await gateway.create_caller(), await gateway.create_caller()
    workspace_id = await create(gateway, owner)
    path = f"/v1/workspaces/{workspace_id}"
    await gateway.client.put(f"{path}/files/a", content=b"secret", headers=owner)
    for headers in (other, {}):
        requests = [
            await gateway.client.get(path, headers=headers),
            await gateway.client.delete(path, headers=headers),
            await gateway.client.get(f"{path}/files/a", headers=headers),
            await gateway.client.put(f"{path}/files/a", content=b"x", headers=headers),
            await gateway.client.delete(f"{path}/files/a", headers=headers),
        ]
        assert {response.status_code for response in requests} == {404}
        response = await gateway.client.post("/v1/jobs", json={**JOB, "workspace": workspace_id}, headers=headers)
        assert (response.status_code, response.json()["field"]) == (422, "workspace")
    assert (await gateway.client.get(f"{path}/files/a", headers=owner)).content == b"secret"


async def test_second_job_gets_409_or_waits(gateway: Gateway) -> None:
    workspace_id = await create(gateway)
    job = {**JOB, "workspace": workspace_id}
    first = await gateway.submit(workspace=workspace_id)
    busy = await gateway.client.post("/v1/jobs", json=job)
    assert_conforms(busy, "post", "/v1/jobs")
    assert (busy.status_code, busy.json()["type"]) == (409, "/problems/workspace-busy")
    for response in (
        await gateway.client.put(f"/v1/workspaces/{workspace_id}/files/a", content=b""),
        await gateway.client.delete(f"/v1/workspaces/{workspace_id}"),
    ):
        assert response.status_code == 409
    waiting = await gateway.submit(workspace=workspace_id, workspace_mode="wait")
    await gateway.client.post(f"/v1/jobs/{first}/cancel")
    await gateway.client.post(f"/v1/jobs/{waiting}/cancel")
    assert (await gateway.client.post("/v1/jobs", json=job)).status_code == 202


async def test_repeated_submission_is_not_a_conflict_with_itself(gateway: Gateway) -> None:
    workspace_id = await create(gateway)
    headers = {"Idempotency-Key": "k"}
    jobs = [await gateway.submit(headers, workspace=workspace_id) for _ in range(2)]
    assert jobs[0] == jobs[1]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"workspace": "nothing"}, "workspace"),
        ({"workspace": "a:b"}, "workspace"),
        ({"workspace_mode": "wait"}, "workspace_mode"),
        ({"workspace": "w", "artifacts": ["*"]}, "workspace"),
        ({"workspace": "w", "tests": [{"stdin": ""}]}, "workspace"),
        ({"workspace": "w", "workspace_mode": "later"}, "workspace_mode"),
    ],
)
async def test_invalid_use_of_a_workspace_names_the_field(gateway: Gateway, fields: dict[str, Any], field: str) -> None:
    response = await gateway.client.post("/v1/jobs", json={**JOB, **fields})
    assert (response.status_code, response.json()["field"]) == (422, field)


async def test_limits_of_uploads_are_reported(gateway: Gateway) -> None:
    path = f"/v1/workspaces/{await create(gateway)}/files"
    for name in ("../a", "a/%2e%2e/b", "-a", "a\\b", "/".join("abcdefghi"), "x" * 256):
        response = await gateway.client.put(f"{path}/{name.replace('../', '%2e%2e/')}", content=b"")
        assert response.status_code in (404, 422), name
    await gateway.client.put(f"{path}/a", content=b"")
    conflict = await gateway.client.put(f"{path}/a/b", content=b"")
    assert (conflict.status_code, conflict.json()["field"]) == (422, "path")
    large = await gateway.client.put(f"{path}/large", content=bytes(33 * 1024 * 1024))
    assert_conforms(large, "put", FILE)
    assert large.status_code == 413
    assert "33554432 bytes" in large.json()["detail"]


async def test_workspaces_are_listed_in_pages_by_their_last_use(gateway: Gateway) -> None:
    owner = await gateway.create_caller()
    ids = []
    for _ in range(3):
        ids.append(await create(gateway, owner))
        await asyncio.sleep(0.002)  # the order is that of the milliseconds
    await gateway.client.put(f"/v1/workspaces/{ids[0]}/files/a", content=b"1", headers=owner)
    await create(gateway, await gateway.create_caller())
    first = await gateway.client.get("/v1/workspaces?limit=2", headers=owner)
    assert_conforms(first, "get", "/v1/workspaces")
    assert [(item["id"], item["file_count"]) for item in first.json()["workspaces"]] == [(ids[0], 1), (ids[2], 0)]
    # A workspace of the first page that is used or deleted in the meantime does not change the second one.
    await gateway.client.delete(f"/v1/workspaces/{ids[2]}", headers=owner)
    after = first.json()["next"]
    second = (await gateway.client.get(f"/v1/workspaces?limit=2&after={after}", headers=owner)).json()
    assert ([item["id"] for item in second["workspaces"]], second["next"]) == ([ids[1]], None)
    assert (await gateway.client.get("/v1/workspaces?after=x", headers=owner)).json()["field"] == "after"
    assert (await gateway.client.get("/v1/workspaces")).status_code == 401


async def test_creation_and_uploads_take_tokens_of_the_uploads(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "_UPLOADS_PER_JOB", 1)
    gateway = await start_gateway(PYXEC_RATE_BURST="2", PYXEC_RATE_PER_MINUTE="1")
    path = f"/v1/workspaces/{await create(gateway)}"
    assert (await gateway.client.put(f"{path}/files/a", content=b"1")).status_code == 200
    rejected = await gateway.client.put(f"{path}/files/a", content=b"2")
    assert_conforms(rejected, "put", FILE)
    for response in (rejected, await gateway.client.post("/v1/workspaces")):
        assert (response.status_code, response.json()["type"]) == (429, "/problems/rate-limited")
