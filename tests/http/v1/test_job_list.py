"""GET /v1/jobs, DELETE /v1/jobs/{id}, labels, priorities and queue positions."""

from __future__ import annotations

from typing import Any

import pytest

from app.store.worker_registry import WorkerRegistry
from tests.http.gateway import JOB, Gateway

Headers = dict[str, str]


@pytest.fixture
async def caller(gateway: Gateway) -> Headers:
    return await gateway.create_caller()


async def page(gateway: Gateway, caller: Headers, **query: Any) -> dict[str, Any]:
    response = await gateway.client.get("/v1/jobs", params=query, headers=caller)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


async def all_ids(gateway: Gateway, caller: Headers, **query: Any) -> list[str]:
    """The ids on all pages."""
    ids: list[str] = []
    after: str | None = ""
    while after is not None:
        found = await page(gateway, caller, after=after, **query)
        ids += [job["id"] for job in found["jobs"]]
        after = found["next"]
    return ids


async def test_list_contains_only_jobs_of_the_caller(gateway: Gateway, caller: Headers) -> None:
    mine = [await gateway.submit(caller) for _ in range(3)]
    await gateway.submit(await gateway.create_caller())
    await gateway.submit()
    # Within one millisecond the order is by id.
    assert sorted(await all_ids(gateway, caller)) == sorted(mine)


async def test_pages_contain_every_job_once(gateway: Gateway, caller: Headers) -> None:
    # Given more jobs than fit on a page, many with the same creation time
    items = (await gateway.client.post("/v1/jobs/batch", json={"jobs": [JOB] * 100}, headers=caller)).json()["jobs"]
    items += (await gateway.client.post("/v1/jobs/batch", json={"jobs": [JOB] * 53}, headers=caller)).json()["jobs"]
    # When the list is read in pages of different sizes
    for limit in (7, 50, 100):
        ids = await all_ids(gateway, caller, limit=limit)
        # Then each job is listed once
        assert len(ids) == 153
        assert set(ids) == {item["id"] for item in items}


async def test_pages_are_consistent_when_jobs_are_added_and_deleted(gateway: Gateway, caller: Headers) -> None:
    ids = [await gateway.submit(caller) for _ in range(6)]
    first = await page(gateway, caller, limit=3)
    # When the job at the cursor is deleted and another is submitted
    gone = first["jobs"][-1]["id"]
    await gateway.client.post(f"/v1/jobs/{gone}/cancel", headers=caller)
    assert (await gateway.client.delete(f"/v1/jobs/{gone}", headers=caller)).status_code == 204
    await gateway.submit(caller)
    # Then the next page has the other jobs
    second = await page(gateway, caller, limit=10, after=first["next"])
    seen = [job["id"] for job in first["jobs"] + second["jobs"]]
    assert sorted(seen) == sorted(ids)
    assert second["next"] is None


async def test_list_can_be_filtered(gateway: Gateway, caller: Headers) -> None:
    finished = await gateway.submit(caller, labels={"course": "101", "week": "1"})
    running = await gateway.submit(caller, labels={"course": "101"})
    queued = await gateway.submit(caller, labels={"course": "7", "note": "a:b,c"})
    gateway.worker.run()
    gateway.worker.start()
    assert await all_ids(gateway, caller, status="finished") == [finished]
    assert await all_ids(gateway, caller, status="running") == [running]
    assert await all_ids(gateway, caller, status="queued") == [queued]
    assert sorted(await all_ids(gateway, caller, label="course:101")) == sorted([finished, running])
    assert await all_ids(gateway, caller, label=["course:101", "week:1"]) == [finished]
    assert await all_ids(gateway, caller, label="note:a:b,c") == [queued]
    assert await all_ids(gateway, caller, label="course:10") == []


async def test_list_contains_outcomes(gateway: Gateway, caller: Headers) -> None:
    await gateway.submit(caller, labels={"a": "b"}, priority="batch")
    gateway.worker.run()
    (job,) = (await page(gateway, caller))["jobs"]
    assert (job["status"], job["outcome"], job["language"]) == ("finished", "ok", "python")
    assert (job["priority"], job["labels"]) == ("batch", {"a": "b"})
    assert job["finished_at"] is not None
    assert job["links"]["self"] == f"/v1/jobs/{job['id']}"


async def test_expired_jobs_are_not_listed(gateway: Gateway, caller: Headers) -> None:
    job_id = await gateway.submit(caller)
    gateway.worker.run()
    gateway.redis.delete(gateway.keys.record(job_id))
    assert await all_ids(gateway, caller) == []
    # And are removed from the index
    assert gateway.redis.keys(f"*{gateway.namespace}*owned*") == []


async def test_list_requires_a_key(gateway: Gateway) -> None:
    await gateway.submit()
    response = await gateway.client.get("/v1/jobs")
    assert (response.status_code, response.json()["type"]) == (401, "/problems/not-authenticated")
    assert gateway.redis.keys(f"*{gateway.namespace}*owned*") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": "\u0662"}, "limit"),
        ({"status": "done"}, "status"),
        ({"label": "course"}, "label"),
        ({"after": "soon"}, "after"),
        ({"after": "1-a:b"}, "after"),
        ({"after": "-1-a"}, "after"),
    ],
)
async def test_list_rejects_invalid_parameters(
    gateway: Gateway, caller: Headers, query: dict[str, str], field: str
) -> None:
    response = await gateway.client.get("/v1/jobs", params=query, headers=caller)
    assert (response.status_code, response.json()["field"]) == (422, field)


# --- deletion


async def test_deletion_removes_all_keys_of_a_job(gateway: Gateway, caller: Headers) -> None:
    # Given a finished interactive job
    job_id = await gateway.submit(caller, interactive=True)
    gateway.worker.run()
    # When it is deleted
    assert (await gateway.client.delete(f"/v1/jobs/{job_id}", headers=caller)).status_code == 204
    # Then neither the job nor any of its keys exists
    assert (await gateway.client.get(f"/v1/jobs/{job_id}", headers=caller)).status_code == 404
    assert (await gateway.client.delete(f"/v1/jobs/{job_id}", headers=caller)).status_code == 404
    assert [name for name in gateway.redis.keys("*") if job_id.encode() in name] == []
    assert await all_ids(gateway, caller) == []


async def test_deletion_requires_a_finished_job(gateway: Gateway, caller: Headers) -> None:
    job_id = await gateway.submit(caller)

    async def is_rejected() -> bool:
        response = await gateway.client.delete(f"/v1/jobs/{job_id}", headers=caller)
        return (response.status_code, response.json()["type"]) == (409, "/problems/job-not-finished")

    assert await is_rejected()
    gateway.worker.start()
    assert await is_rejected()
    gateway.worker.finish(job_id)
    assert (await gateway.client.delete(f"/v1/jobs/{job_id}", headers=caller)).status_code == 204


# --- labels and priorities


@pytest.mark.parametrize(
    ("labels", "field"),
    [
        ({str(number): "" for number in range(17)}, "labels"),
        ({"": "x"}, "labels"),
        ({"a b": "x"}, "labels"),
        ({"x" * 64: "x"}, "labels"),
        ({"a": "x" * 257}, "labels.a"),
        ({"a": "x\ny"}, "labels.a"),
        ({"a": 1}, "labels[...]"),
    ],
)
async def test_invalid_labels_are_rejected(gateway: Gateway, labels: dict[str, Any], field: str) -> None:
    response = await gateway.client.post("/v1/jobs", json={**JOB, "labels": labels})
    assert (response.status_code, response.json()["field"]) == (422, field)


async def test_tier_restricts_priorities(gateway: Gateway) -> None:
    limited = await gateway.create_caller(tier="limited")
    rejected = await gateway.client.post("/v1/jobs", json={**JOB, "priority": "interactive"}, headers=limited)
    assert (rejected.status_code, rejected.json()["field"]) == (422, "priority")
    job_id = await gateway.submit(limited)
    assert (await gateway.client.get(f"/v1/jobs/{job_id}", headers=limited)).json()["priority"] == "batch"


async def test_interactive_jobs_overtake_batch_jobs(gateway: Gateway) -> None:
    batch = [await gateway.submit(priority="batch") for _ in range(3)]
    interactive = await gateway.submit()
    assert gateway.worker.start() == interactive
    assert gateway.worker.start() == batch[0]


async def test_queue_position_has_an_estimated_wait(gateway: Gateway) -> None:
    # Given queued jobs of both priorities, and no started job
    batch = [await gateway.submit(priority="batch") for _ in range(2)]
    interactive = [await gateway.submit() for _ in range(2)]
    job = (await gateway.client.get(f"/v1/jobs/{interactive[1]}")).json()
    assert (job["queue_position"], job["estimated_wait_seconds"]) == (1, None)
    # When a worker is alive, and 60 jobs a minute were started
    WorkerRegistry(gateway.redis, gateway.keys).beat("worker")
    for minute in (0, 1):
        seconds, _ = gateway.redis.time()
        gateway.redis.set(gateway.keys.starts(seconds // 60 - minute), 60)
    # Then each priority has its own positions, and the estimate of batch jobs includes interactive ones
    job = (await gateway.client.get(f"/v1/jobs/{batch[1]}")).json()
    assert job["queue_position"] == 1
    assert 2 <= job["estimated_wait_seconds"] <= 4.1
    # And a cancelled job is not counted
    await gateway.client.post(f"/v1/jobs/{batch[0]}/cancel")
    assert (await gateway.client.get(f"/v1/jobs/{batch[1]}")).json()["queue_position"] == 0


async def test_started_jobs_are_counted_for_three_minutes(gateway: Gateway) -> None:
    await gateway.submit()
    gateway.worker.run()
    (name,) = gateway.redis.keys(f"*{gateway.namespace}*:starts:*")
    assert gateway.redis.get(name) == b"1"
    assert 0 < gateway.redis.ttl(name) <= 180
