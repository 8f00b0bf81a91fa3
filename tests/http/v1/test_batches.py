"""POST /v1/jobs/batch: several jobs, each accepted or rejected on its own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.gateway import JOB, Gateway, StartGateway


async def batch(gateway: Gateway, jobs: Any, **options: Any) -> list[dict[str, Any]]:
    response = await gateway.client.post("/v1/jobs/batch", json={"jobs": jobs}, **options)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["jobs"]
    return items


async def test_batch_queues_jobs_in_order(gateway: Gateway) -> None:
    # When three jobs are submitted together
    items = await batch(gateway, [{**JOB, "stdin": str(number)} for number in range(3)])
    # Then each is accepted, and they run in that order
    assert [item["status"] for item in items] == ["queued"] * 3
    assert [gateway.worker.run() for _ in range(3)] == [item["id"] for item in items]


async def test_batch_rejects_only_invalid_jobs(gateway: Gateway) -> None:
    wrong = [
        {**JOB, "language": "klingon"},
        {**JOB, "limits": {"wall_seconds": 0}},
        7,
        {"source": "x"},
        {**JOB, "x": 1},
    ]
    items = await batch(gateway, [JOB, *wrong, JOB])
    assert [item["problem"]["field"] for item in items[1:-1]] == [
        "language", "limits.wall_seconds", "body", "language", "x",
    ]  # fmt: skip
    assert {items[0]["status"], items[-1]["status"]} == {"queued"}
    assert gateway.worker.broker.qsize("jobs") == 2


@pytest.mark.parametrize("jobs", [[], [JOB] * 101, {}, None])
async def test_batch_of_invalid_size_is_rejected(gateway: Gateway, jobs: Any) -> None:
    response = await gateway.client.post("/v1/jobs/batch", json={"jobs": jobs})
    assert (response.status_code, response.json()["field"]) == (422, "jobs")
    assert gateway.worker.broker.qsize("jobs") == 0


async def test_batch_consumes_a_token_for_each_job(start_gateway: StartGateway) -> None:
    # Given a bucket with five tokens that is refilled slowly
    slow = {"PYXEC_RATE_BURST": "5", "PYXEC_RATE_PER_MINUTE": "1"}
    gateway = await start_gateway(**slow)
    # When a batch has eight jobs
    items = await batch(gateway, [JOB] * 8)
    # Then the first five are accepted, and the others are rate limited
    assert ["id" in item for item in items] == [True] * 5 + [False] * 3
    assert {item["problem"]["type"] for item in items[5:]} == {"/problems/rate-limited"}
    # And the next batch is rejected as a whole
    response = await gateway.client.post("/v1/jobs/batch", json={"jobs": [JOB]})
    assert response.status_code == 429


async def test_batch_is_accepted_up_to_the_free_slots(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS_JOBS="3")
    # An invalid job takes no slot.
    items = await batch(gateway, [{**JOB, "language": "klingon"}, JOB, JOB, JOB, JOB])
    assert [item.get("problem", {}).get("type") for item in items] == [
        "/problems/unknown-language", None, None, None, "/problems/too-many-jobs",
    ]  # fmt: skip
    assert (await gateway.client.post("/v1/jobs", json=JOB)).json()["type"] == "/problems/too-many-jobs"


async def test_batch_is_idempotent_with_an_idempotency_key(gateway: Gateway) -> None:
    named = {"headers": {"Idempotency-Key": "b"}}
    first = await batch(gateway, [JOB, {**JOB, "stdin": "2"}], **named)
    second = await batch(gateway, [JOB, {**JOB, "stdin": "2"}, {**JOB, "stdin": "3"}], **named)
    third = await batch(gateway, [{**JOB, "stdin": "changed"}], **named)
    assert [item["id"] for item in second[:2]] == [item["id"] for item in first]
    assert third[0]["problem"]["type"] == "/problems/idempotency-mismatch"
    assert gateway.worker.broker.qsize("jobs") == 3


async def test_batch_reports_a_full_queue_for_each_job(start_gateway: StartGateway) -> None:
    # Given a backlog of four jobs, of which anonymous callers may use half
    gateway = await start_gateway(PYXEC_MAX_BACKLOG="4")
    items = await batch(gateway, [JOB] * 3)
    assert [item.get("problem", {}).get("type") for item in items] == [None, None, "/problems/queue-full"]
    # Then a tier that may use all of it is accepted
    trusted = await gateway.create_caller(tier="trusted")
    items = await batch(gateway, [JOB] * 3, headers=trusted)
    assert ["id" in item for item in items] == [True, True, False]


async def test_batch_returns_503_when_redis_is_out_of_memory(gateway: Gateway) -> None:
    gateway.redis.config_set("maxmemory", "1")
    try:
        response = await gateway.client.post("/v1/jobs/batch", json={"jobs": [JOB] * 3})
    finally:
        gateway.redis.config_set("maxmemory", "0")
    assert (response.status_code, response.json()["type"]) == (503, "/problems/store-unavailable")
