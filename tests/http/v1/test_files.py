"""Files by reference over HTTP: upload, download, list, deletion, quotas, and references in jobs."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.core.files import StoredFile
from app.files.redis_storage import RedisStorage
from app.store.files.file_collection import FileCollection
from tests.http.gateway import JOB, Gateway, StartGateway

DATA = bytes(range(256)) * 9000  # 2.3 MB: several pieces
MISSING_ID = "0" * 32


async def upload(gateway: Gateway, data: bytes = DATA, headers: dict[str, str] | None = None, **params: str) -> Any:
    response = await gateway.client.put("/v1/files", content=data, headers=headers, params=params)
    assert response.status_code == 201, response.text
    return response.json()


def collect(gateway: Gateway, ttl_seconds: int = 600) -> int:
    storage = RedisStorage(gateway.redis, gateway.namespace)
    return FileCollection(gateway.redis, gateway.keys, storage, ttl_seconds).run()


def blob_keys(gateway: Gateway) -> list[bytes]:
    return list(gateway.redis.scan_iter(f"{{{gateway.namespace}:files}}:*"))


async def test_file_is_uploaded_and_downloaded(gateway: Gateway) -> None:
    created = await upload(gateway, name="größe.bin")
    response = await gateway.client.get(f"/v1/files/{created['file_id']}")
    assert response.content == DATA
    assert response.headers["Content-Length"] == str(len(DATA))
    assert response.headers["ETag"] == f'"{created["sha256"]}"'
    assert created["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert (created["size_bytes"], created["name"]) == (len(DATA), "größe.bin")


@pytest.mark.parametrize("data", [b"", b"x", bytes(1024 * 1024)])
async def test_file_of_any_size_is_kept(gateway: Gateway, data: bytes) -> None:
    created = await upload(gateway, data)
    assert (await gateway.client.get(f"/v1/files/{created['file_id']}")).content == data


async def test_file_without_content_length_is_kept(gateway: Gateway) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield bytes(500_000)

    response = await gateway.client.put("/v1/files", content=pieces())
    assert response.status_code == 201
    assert response.json()["size_bytes"] == 40 * 500_000


async def test_head_returns_the_size_without_content(gateway: Gateway) -> None:
    created = await upload(gateway)
    response = await gateway.client.head(f"/v1/files/{created['file_id']}")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == str(len(DATA))


async def test_lost_content_is_restored_by_another_upload(gateway: Gateway) -> None:
    first, second = await upload(gateway), await upload(gateway)
    for key in blob_keys(gateway):
        gateway.redis.delete(key)

    response = await gateway.client.get(f"/v1/files/{first['file_id']}")

    assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")
    assert response.json()["detail"] == "the file storage has lost the content of this file; upload it again"
    third = await upload(gateway)
    collect(gateway)
    for file in (first, second, third):
        assert (await gateway.client.get(f"/v1/files/{file['file_id']}")).content == DATA
        assert (await gateway.client.delete(f"/v1/files/{file['file_id']}")).status_code == 204
    collect(gateway)
    assert not blob_keys(gateway)
    assert not list(gateway.redis.scan_iter(f"{gateway.keys.tag}:blob*"))


async def test_equal_contents_are_stored_once_and_deleted_with_the_last_file(gateway: Gateway) -> None:
    first, second = await upload(gateway), await upload(gateway)
    assert first["file_id"] != second["file_id"]
    collect(gateway)
    assert len(blob_keys(gateway)) == 1
    assert (await gateway.client.delete(f"/v1/files/{first['file_id']}")).status_code == 204
    collect(gateway)
    assert (await gateway.client.get(f"/v1/files/{second['file_id']}")).content == DATA
    assert (await gateway.client.delete(f"/v1/files/{second['file_id']}")).status_code == 204
    collect(gateway)
    assert not blob_keys(gateway)
    assert not list(gateway.redis.scan_iter(f"{gateway.keys.tag}:blob*"))
    assert not list(gateway.redis.scan_iter(f"{gateway.keys.tag}:file:*"))


async def test_deleted_file_is_not_found(gateway: Gateway) -> None:
    path = f"/v1/files/{(await upload(gateway))['file_id']}"
    await gateway.client.delete(path)
    responses = [await gateway.client.request(method, path) for method in ("GET", "HEAD", "DELETE")]
    assert [response.status_code for response in responses] == [404, 404, 404]


async def test_file_of_another_owner_is_not_found(gateway: Gateway) -> None:
    owner, other = await gateway.create_caller(), await gateway.create_caller()
    file_id = (await upload(gateway, headers=owner))["file_id"]
    for method in ("GET", "HEAD", "DELETE"):
        response = await gateway.client.request(method, f"/v1/files/{file_id}", headers=other)
        assert response.status_code == 404
    assert (await gateway.client.get(f"/v1/files/{file_id}", headers=owner)).status_code == 200


async def test_list_contains_own_files_newest_first(gateway: Gateway) -> None:
    owner = await gateway.create_caller()
    ids = []
    for number in range(3):
        ids.append((await upload(gateway, b"%d" % number, owner))["file_id"])
        await asyncio.sleep(0.002)  # the order is that of the milliseconds
    await upload(gateway, headers=await gateway.create_caller())
    first = (await gateway.client.get("/v1/files?limit=2", headers=owner)).json()
    second = (await gateway.client.get(f"/v1/files?limit=2&after={first['next']}", headers=owner)).json()
    assert [file["file_id"] for page in (first, second) for file in page["files"]] == ids[::-1]
    assert second["next"] is None
    assert (await gateway.client.get("/v1/files")).status_code == 401


async def test_list_continues_after_a_file_that_was_deleted(gateway: Gateway) -> None:
    owner = await gateway.create_caller()
    ids = []
    for number in range(3):
        ids.append((await upload(gateway, b"%d" % number, owner))["file_id"])
        await asyncio.sleep(0.002)  # the order is that of the milliseconds
    first = (await gateway.client.get("/v1/files?limit=2", headers=owner)).json()
    await gateway.client.delete(f"/v1/files/{ids[1]}", headers=owner)
    second = (await gateway.client.get(f"/v1/files?limit=2&after={first['next']}", headers=owner)).json()
    assert [file["file_id"] for file in second["files"]] == [ids[0]]


async def test_upload_above_the_maximum_returns_413(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_FILE_BYTES="100000")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield bytes(10_000)

    for content in (bytes(100_001), pieces()):
        response = await gateway.client.put("/v1/files", content=content)
        assert response.status_code == 413
        assert response.json()["detail"] == "a file must be at most 100000 bytes"
    collect(gateway)
    assert not blob_keys(gateway)


async def test_upload_above_the_quota_returns_429_and_stores_nothing(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS_FILE_BYTES=str(len(DATA) + 100_000))
    await upload(gateway, bytes(200_000))

    async def pieces() -> AsyncIterator[bytes]:
        yield DATA

    for content in (DATA, pieces()):
        response = await gateway.client.put("/v1/files", content=content)
        assert (response.status_code, response.json()["type"]) == (429, "/problems/files-full")
        assert "delete files or wait" in response.json()["detail"]
        assert int(response.headers["Retry-After"]) > 0
    collect(gateway)
    assert len(blob_keys(gateway)) == 1
    await upload(gateway, bytes(200_000))


async def test_quota_is_free_again_after_deletion(gateway: Gateway) -> None:
    file_id = (await upload(gateway))["file_id"]
    ledger = gateway.keys.file_storage("anonymous")
    assert int(gateway.redis.hget(ledger, ":total") or 0) > len(DATA)
    await gateway.client.delete(f"/v1/files/{file_id}")
    assert int(gateway.redis.hget(ledger, ":total") or 0) == 0
    assert int(gateway.redis.hget(gateway.keys.all_file_storage, ":total") or 0) == 0


async def test_interrupted_upload_leaves_nothing(gateway: Gateway) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"PUT /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n" + bytes(3_000_000))
    await writer.drain()
    async with asyncio.timeout(10):
        while not blob_keys(gateway):
            await asyncio.sleep(0.01)
        writer.close()
        while blob_keys(gateway) or _counted_bytes(gateway):
            await asyncio.sleep(0.01)
            collect(gateway)


def _counted_bytes(gateway: Gateway) -> int:
    return int(gateway.redis.hget(gateway.keys.file_storage("anonymous"), ":total") or 0)


FIELDS: dict[str, dict[str, Any]] = {
    "source.file_id": {"source": {"file_id": MISSING_ID}},
    "files[1].content.file_id": {
        "source": None,
        "files": [{"name": "main.py", "content": ""}, {"name": "b", "content": {"file_id": MISSING_ID}}],
    },
    "stdin.file_id": {"stdin": {"file_id": MISSING_ID}},
    "tests[0].stdin.file_id": {"tests": [{"stdin": {"file_id": MISSING_ID}}]},
    "tests[1].expected_output.file_id": {"tests": [{}, {"expected_output": {"file_id": MISSING_ID}}]},
    "checker.source.file_id": {"tests": [{}], "checker": {"language": "c", "source": {"file_id": MISSING_ID}}},
    "checker.files[0].content.file_id": {
        "tests": [{}],
        "checker": {"language": "c", "files": [{"name": "c.c", "content": {"file_id": MISSING_ID}}]},
    },
    "interactor.source.file_id": {"tests": [{}], "interactor": {"language": "c", "source": {"file_id": MISSING_ID}}},
}


@pytest.mark.parametrize("field", FIELDS)
async def test_missing_file_returns_422_that_names_the_field(gateway: Gateway, field: str) -> None:
    response = await gateway.client.post("/v1/jobs", json={**JOB, **FIELDS[field]})
    assert (response.status_code, response.json()["field"]) == (422, field)
    assert not gateway.job_ids()


async def test_file_of_another_owner_returns_422(gateway: Gateway) -> None:
    owner, other = await gateway.create_caller(), await gateway.create_caller()
    reference = {"file_id": (await upload(gateway, headers=owner))["file_id"]}
    response = await gateway.client.post("/v1/jobs", json={**JOB, "stdin": reference}, headers=other)
    assert (response.status_code, response.json()["field"]) == (422, "stdin.file_id")
    assert not gateway.job_ids()


async def test_expired_file_returns_422(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_FILE_TTL_SECONDS="1")
    reference = {"file_id": (await upload(gateway))["file_id"]}
    await asyncio.sleep(1.05)
    response = await gateway.client.post("/v1/jobs", json={**JOB, "stdin": reference})
    assert (response.status_code, response.json()["field"]) == (422, "stdin.file_id")
    assert (await gateway.client.get(f"/v1/files/{reference['file_id']}")).status_code == 404
    collect(gateway)
    assert not blob_keys(gateway)


async def test_malformed_id_returns_422(gateway: Gateway) -> None:
    response = await gateway.client.post("/v1/jobs", json={**JOB, "stdin": {"file_id": "../etc"}})
    assert (response.status_code, response.json()["field"]) == (422, "stdin.file_id")


async def test_file_of_a_queued_job_outlives_its_expiry_and_deletion(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_FILE_TTL_SECONDS="1")
    expiring, deleted = await upload(gateway, b"a"), await upload(gateway, b"b")
    references = [{"file_id": file["file_id"]} for file in (expiring, deleted)]
    job_id = await gateway.submit(tests=[{"stdin": reference} for reference in references])
    await gateway.client.delete(f"/v1/files/{deleted['file_id']}")
    await asyncio.sleep(1.05)
    collect(gateway, 1)
    assert len(blob_keys(gateway)) == 2
    assert (await gateway.client.get(f"/v1/files/{expiring['file_id']}")).content == b"a"
    assert (await gateway.client.get(f"/v1/files/{deleted['file_id']}")).status_code == 404
    await gateway.client.post(f"/v1/jobs/{job_id}/cancel")
    collect(gateway, 1)
    assert len(blob_keys(gateway)) == 1  # the end of the job renews the expiry of the file that was not deleted
    await asyncio.sleep(1.05)
    collect(gateway, 1)
    assert not blob_keys(gateway)


async def test_record_of_a_job_contains_references_only(gateway: Gateway) -> None:
    file = await upload(gateway)
    job_id = await gateway.submit(stdin={"file_id": file["file_id"]})
    spec = gateway.record(job_id).spec
    assert spec is not None
    assert spec.stdin == StoredFile(file["file_id"], file["file_id"], file["sha256"], len(DATA))
    assert int(gateway.redis.memory_usage(gateway.keys.record(job_id)) or 0) < 2000


async def test_rejected_job_releases_its_files(gateway: Gateway) -> None:
    reference = {"file_id": (await upload(gateway))["file_id"]}
    response = await gateway.client.post("/v1/jobs", json={**JOB, "stdin": reference, "args": ["\0"]})
    assert response.status_code == 422
    assert not gateway.redis.exists(gateway.keys.jobs_with_files)
    await gateway.client.delete(f"/v1/files/{reference['file_id']}")
    collect(gateway)
    assert not blob_keys(gateway)


async def test_keep_source_keeps_sources_and_inputs_by_reference(gateway: Gateway) -> None:
    tests = [{"stdin": "in", "expected_output": "out"}, {"stdin": "in"}]
    job_id = await gateway.submit(keep_source=True, tests=tests)
    assert int(gateway.redis.memory_usage(gateway.keys.record(job_id)) or 0) < 3000
    gateway.worker.run(job_id)
    assert gateway.record(job_id).spec is None
    collect(gateway)
    kept = {file["field"]: file for file in (await gateway.client.get(f"/v1/jobs/{job_id}")).json()["kept_files"]}
    contents = {field: (await gateway.client.get(f"/v1/files/{file['file_id']}")).text for field, file in kept.items()}
    assert contents == {
        "files[0].content": JOB["source"],
        "tests[0].stdin": "in",
        "tests[0].expected_output": "out",
        "tests[1].stdin": "in",
    }
    assert kept["files[0].content"]["name"] == "main.py"
    assert kept["tests[0].stdin"]["file_id"] == kept["tests[1].stdin"]["file_id"]


async def test_job_without_keep_source_keeps_nothing(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id)
    assert (await gateway.client.get(f"/v1/jobs/{job_id}")).json()["kept_files"] == []
    assert not blob_keys(gateway)


async def test_repeated_submission_with_keep_source_is_the_same_job(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "key"}
    responses = [
        await gateway.client.post("/v1/jobs", json={**JOB, "keep_source": True}, headers=headers) for _ in range(2)
    ]
    assert responses[0].json()["id"] == responses[1].json()["id"]
    collect(gateway)
    assert len(list(gateway.redis.scan_iter(f"{gateway.keys.tag}:file:*"))) == 1


async def test_keep_source_above_the_quota_queues_nothing(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS_FILE_BYTES=str(2**20))
    response = await gateway.client.post("/v1/jobs", json={**JOB, "keep_source": True, "stdin": "x" * 2**20})
    assert (response.status_code, response.json()["type"]) == (429, "/problems/files-full")
    assert not gateway.job_ids()
    collect(gateway)
    assert not blob_keys(gateway)


async def test_source_files_larger_than_the_disk_return_422(gateway: Gateway) -> None:
    files = [
        {"name": "main.py", "content": ""},
        {"name": "x", "content": {"file_id": (await upload(gateway))["file_id"]}},
    ]
    body = {"language": "python", "files": files, "limits": {"disk_bytes": 2**20}}
    response = await gateway.client.post("/v1/jobs", json=body)
    assert (response.status_code, response.json()["field"]) == (422, "files")
    assert not gateway.job_ids()
