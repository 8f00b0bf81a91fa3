"""GET /v1/jobs, DELETE /v1/jobs/{id}, labels, priorities and the place in the line: on the real store."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.gateway import JOB, Gateway

Headers = dict[str, str]


@pytest.fixture
async def me(gateway: Gateway) -> Headers:
    return await gateway.create_caller()


async def page(gateway: Gateway, me: Headers, **query: Any) -> dict[str, Any]:
    answer = await gateway.client.get("/v1/jobs", params=query, headers=me)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def all_ids(gateway: Gateway, me: Headers, **query: Any) -> list[str]:
    """Page by page to the end."""
    ids: list[str] = []
    after: str | None = ""
    while after is not None:
        found = await page(gateway, me, after=after, **query)
        ids += [job["id"] for job in found["jobs"]]
        after = found["next"]
    return ids


async def test_a_list_has_the_callers_jobs_newest_first(gateway: Gateway, me: Headers) -> None:
    mine = [await gateway.submit(me) for _ in range(3)]
    await gateway.submit(await gateway.create_caller())
    await gateway.submit()
    # Within one millisecond the order is by id.
    assert sorted(await all_ids(gateway, me)) == sorted(mine)


async def test_pages_have_every_job_once(gateway: Gateway, me: Headers) -> None:
    # Given more jobs than a page has, many of them of the same millisecond
    items = (await gateway.client.post("/v1/jobs/batch", json={"jobs": [JOB] * 100}, headers=me)).json()["jobs"]
    items += (await gateway.client.post("/v1/jobs/batch", json={"jobs": [JOB] * 53}, headers=me)).json()["jobs"]
    # When the list is read in pages of every size
    for limit in (7, 50, 100):
        ids = await all_ids(gateway, me, limit=limit)
        # Then each job is there once
        assert len(ids) == 153
        assert set(ids) == {item["id"] for item in items}


async def test_jobs_that_come_or_go_in_between_double_and_drop_nothing(gateway: Gateway, me: Headers) -> None:
    ids = [await gateway.submit(me) for _ in range(6)]
    first = await page(gateway, me, limit=3)
    # When the job at the cursor is deleted, and another comes
    gone = first["jobs"][-1]["id"]
    await gateway.client.post(f"/v1/jobs/{gone}/cancel", headers=me)
    assert (await gateway.client.delete(f"/v1/jobs/{gone}", headers=me)).status_code == 204
    await gateway.submit(me)
    # Then the next page has just the rest
    second = await page(gateway, me, limit=10, after=first["next"])
    seen = [job["id"] for job in first["jobs"] + second["jobs"]]
    assert sorted(seen) == sorted(ids)
    assert second["next"] is None


async def test_a_list_can_be_narrowed(gateway: Gateway, me: Headers) -> None:
    finished = await gateway.submit(me, labels={"course": "101", "week": "1"})
    running = await gateway.submit(me, labels={"course": "101"})
    queued = await gateway.submit(me, labels={"course": "7", "note": "a:b,c"})
    gateway.worker.run()
    gateway.worker.start()
    assert await all_ids(gateway, me, status="finished") == [finished]
    assert await all_ids(gateway, me, status="running") == [running]
    assert await all_ids(gateway, me, status="queued") == [queued]
    assert sorted(await all_ids(gateway, me, label="course:101")) == sorted([finished, running])
    assert await all_ids(gateway, me, label=["course:101", "week:1"]) == [finished]
    assert await all_ids(gateway, me, label="note:a:b,c") == [queued]
    assert await all_ids(gateway, me, label="course:10") == []


async def test_a_list_tells_how_jobs_ended(gateway: Gateway, me: Headers) -> None:
    await gateway.submit(me, labels={"a": "b"}, priority="batch")
    gateway.worker.run()
    (job,) = (await page(gateway, me))["jobs"]
    assert (job["status"], job["outcome"], job["language"]) == ("finished", "ok", "python")
    assert (job["priority"], job["labels"]) == ("batch", {"a": "b"})
    assert job["finished_at"] is not None
    assert job["links"]["self"] == f"/v1/jobs/{job['id']}"


async def test_jobs_that_have_expired_are_not_listed(gateway: Gateway, me: Headers) -> None:
    job_id = await gateway.submit(me)
    gateway.worker.run()
    gateway.redis.delete(gateway.keys.record(job_id))
    assert await all_ids(gateway, me) == []
    # And are no longer looked for.
    assert gateway.redis.keys(f"*{gateway.namespace}*owned*") == []


async def test_who_has_no_key_has_no_list(gateway: Gateway) -> None:
    await gateway.submit()
    answer = await gateway.client.get("/v1/jobs")
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/not-authenticated")
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
async def test_what_cannot_be_listed_is_told(gateway: Gateway, me: Headers, query: dict[str, str], field: str) -> None:
    answer = await gateway.client.get("/v1/jobs", params=query, headers=me)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


# --- deletion


async def test_a_deleted_job_leaves_nothing(gateway: Gateway, me: Headers) -> None:
    # Given a finished job that was sent something
    job_id = await gateway.submit(me, interactive=True)
    gateway.worker.run()
    # When it is deleted
    assert (await gateway.client.delete(f"/v1/jobs/{job_id}", headers=me)).status_code == 204
    # Then it is not there any more, nor anything of it
    assert (await gateway.client.get(f"/v1/jobs/{job_id}", headers=me)).status_code == 404
    assert (await gateway.client.delete(f"/v1/jobs/{job_id}", headers=me)).status_code == 404
    assert [name for name in gateway.redis.keys("*") if job_id.encode() in name] == []
    assert await all_ids(gateway, me) == []


async def test_only_a_finished_job_can_be_deleted(gateway: Gateway, me: Headers) -> None:
    job_id = await gateway.submit(me)

    async def refused() -> bool:
        answer = await gateway.client.delete(f"/v1/jobs/{job_id}", headers=me)
        return (answer.status_code, answer.json()["type"]) == (409, "/problems/job-not-finished")

    assert await refused()
    gateway.worker.start()
    assert await refused()
    gateway.worker.finish(job_id)
    assert (await gateway.client.delete(f"/v1/jobs/{job_id}", headers=me)).status_code == 204


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
async def test_labels_have_bounds(gateway: Gateway, labels: dict[str, Any], field: str) -> None:
    answer = await gateway.client.post("/v1/jobs", json={**JOB, "labels": labels})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_tier_has_its_priorities(gateway: Gateway) -> None:
    limited = await gateway.create_caller(tier="limited")
    refused = await gateway.client.post("/v1/jobs", json={**JOB, "priority": "interactive"}, headers=limited)
    assert (refused.status_code, refused.json()["field"]) == (422, "priority")
    job_id = await gateway.submit(limited)
    assert (await gateway.client.get(f"/v1/jobs/{job_id}", headers=limited)).json()["priority"] == "batch"


async def test_what_somebody_waits_for_overtakes_what_may_take_its_time(gateway: Gateway) -> None:
    batch = [await gateway.submit(priority="batch") for _ in range(3)]
    urgent = await gateway.submit()
    assert gateway.worker.start() == urgent
    assert gateway.worker.start() == batch[0]


async def test_the_place_in_the_line_is_told_with_an_estimate(gateway: Gateway) -> None:
    # Given a line of each priority, and nothing that was ever run
    batch = [await gateway.submit(priority="batch") for _ in range(2)]
    urgent = [await gateway.submit() for _ in range(2)]
    shown = (await gateway.client.get(f"/v1/jobs/{urgent[1]}")).json()
    assert (shown["queue_position"], shown["estimated_wait_seconds"]) == (1, None)
    # When 60 jobs were begun in the last minute
    for minute in (0, 1):
        seconds, _ = gateway.redis.time()
        gateway.redis.set(gateway.keys.begun(seconds // 60 - minute), 60)
    # Then each priority has its own line, and batch work waits for the other one as well
    shown = (await gateway.client.get(f"/v1/jobs/{batch[1]}")).json()
    assert shown["queue_position"] == 1
    assert 2 <= shown["estimated_wait_seconds"] <= 4.1
    # And who has left the line is not counted
    await gateway.client.post(f"/v1/jobs/{batch[0]}/cancel")
    assert (await gateway.client.get(f"/v1/jobs/{batch[1]}")).json()["queue_position"] == 0


async def test_jobs_that_are_begun_are_counted_and_the_count_forgotten(gateway: Gateway) -> None:
    await gateway.submit()
    gateway.worker.run()
    (name,) = gateway.redis.keys(f"*{gateway.namespace}*:begun:*")
    assert gateway.redis.get(name) == b"1"
    assert 0 < gateway.redis.ttl(name) <= 180
