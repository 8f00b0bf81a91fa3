"""/v1/admin: pausing queues, the jobs of all callers, expiry and rotation of keys, and the audit log."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from app.store.admin.audit_log import MAX_AUDIT_ENTRIES
from app.wiring import gateway as wiring
from tests.http.gateway import OPERATOR, Gateway, StartGateway, bearer


async def send(gateway: Gateway, method: str, path: str, expected: int, body: Any = None, **query: Any) -> Any:
    """Send an admin request and return the JSON of the response."""
    response = await gateway.client.request(
        method, f"/v1/admin/{path}", json=body, params=query or None, headers=OPERATOR
    )
    assert response.status_code == expected, response.text
    return response.json() if response.content else None


# --- Queues


async def test_paused_queue_keeps_its_jobs_until_it_is_resumed(gateway: Gateway) -> None:
    # Given a paused queue
    await send(gateway, "POST", "queues/jobs/pause", 204)
    # When a job is submitted, then it is accepted and waits, with the reason
    job_id = await gateway.submit()
    job = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (job["status"], job["waiting_reason"]) == ("queued", "queue-paused")
    queues = {queue["name"]: queue for queue in (await send(gateway, "GET", "queues", 200))["queues"]}
    assert [queues[name]["is_paused"] for name in ("jobs", "webhooks")] == [True, False]
    assert (queues["jobs"]["waiting"], queues["jobs"]["oldest_seconds"] is not None) == (1, True)
    assert 'pyxec_queue_paused{queue="jobs"} 1.0' in (await gateway.client.get("/metrics")).text
    # And when the queue is resumed, a worker runs it
    await send(gateway, "POST", "queues/jobs/resume", 204)
    await send(gateway, "POST", "queues/jobs/resume", 204)
    assert gateway.worker.run() == job_id
    assert 'pyxec_queue_paused{queue="jobs"} 0.0' in (await gateway.client.get("/metrics")).text


async def test_maintenance_and_unknown_queues_cannot_be_paused(gateway: Gateway) -> None:
    rejected = await send(gateway, "POST", "queues/maintenance/pause", 422)
    assert (rejected["field"], rejected["detail"]) == ("queue", "must be one of jobs, webhooks")
    await send(gateway, "POST", "queues/nowhere/pause", 404)


# --- Jobs of all callers


async def test_jobs_of_all_callers_can_be_found(gateway: Gateway) -> None:
    # Given a running, a finished and a queued batch job of a key, and a queued job of an anonymous caller
    key = await gateway.create_key()
    finished = await gateway.submit(bearer(key["key"]))
    gateway.worker.run()
    running = await gateway.submit(bearer(key["key"]), labels={"course": "101"})
    gateway.worker.start()
    anonymous = await gateway.submit()
    batch = await gateway.submit(bearer(key["key"]), priority="batch")
    # When they are listed, then the unfinished ones are shown, newest first, with their owners
    listed = (await send(gateway, "GET", "jobs", 200))["jobs"]
    owner = f"key:{key['id']}"
    assert {(job["id"], job["owner"], job["status"]) for job in listed} == {
        (batch, owner, "queued"), (anonymous, "anonymous", "queued"), (running, owner, "running"),
    }  # fmt: skip
    assert [job["created_at"] for job in listed] == sorted((job["created_at"] for job in listed), reverse=True)
    # And the filters apply

    async def find(**query: Any) -> set[str]:
        return {job["id"] for job in (await send(gateway, "GET", "jobs", 200, **query))["jobs"]}

    assert await find(status="running") == {running}
    assert await find(label="course:101") == {running}
    assert await find(owner="anonymous") == {anonymous}
    assert await find(owner=owner) == {finished, running, batch}
    assert await find(owner=owner, status="finished") == {finished}
    assert (await send(gateway, "GET", "jobs", 422, owner="somebody"))["field"] == "owner"
    # And one job is shown without its source
    job = await send(gateway, "GET", f"jobs/{finished}", 200)
    assert (job["owner"], job["outcome"], job["attempt"]) == (owner, "ok", 1)
    assert "source" not in str(job)


async def test_pages_of_unfinished_jobs_have_each_job_once(gateway: Gateway) -> None:
    # Given more jobs than a page of the index, some of which were created in the same millisecond
    body = [{"language": "python", "source": "print(1)", "priority": lane} for lane in ("interactive", "batch")] * 70
    for jobs in (body[:70], body[70:]):
        response = await gateway.client.post("/v1/jobs/batch", json={"jobs": jobs})
        assert response.status_code == 200, response.text[:500]
    gateway.worker.start()
    # When all pages are read
    found: list[str] = []
    query: dict[str, Any] = {"limit": 30}
    while True:
        page = await send(gateway, "GET", "jobs", 200, **query)
        found += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    # Then each job is in one of them
    assert (len(found), set(found)) == (140, set(gateway.job_ids()))


async def test_any_job_can_be_cancelled(gateway: Gateway) -> None:
    # Given a queued and a running job of a key
    key = await gateway.create_key()
    running = await gateway.submit(bearer(key["key"]))
    gateway.worker.start()
    queued = await gateway.submit(bearer(key["key"]))
    # When an administrator cancels both
    assert (await send(gateway, "POST", f"jobs/{queued}/cancel", 202))["outcome"] == "cancelled"
    assert (await send(gateway, "POST", f"jobs/{running}/cancel", 202))["cancel_requested"] is True
    # Then the caller sees it
    job = (await gateway.client.get(f"/v1/jobs/{queued}", headers=bearer(key["key"]))).json()
    assert (job["status"], job["outcome"]) == ("finished", "cancelled")
    # And an unknown job is not found
    for job_id in ("unknown", "a*b"):
        await send(gateway, "GET", f"jobs/{job_id}", 404)
        await send(gateway, "POST", f"jobs/{job_id}/cancel", 404)


# --- Keys


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by which the clock of the gateway is ahead."""
    ahead = [0.0]
    monkeypatch.setattr(wiring, "current_unix_ms", lambda: int((time.time() + ahead[0]) * 1000))
    return ahead


async def test_key_expires(clock: list[float], gateway: Gateway) -> None:
    # Given a key that is valid for a minute, and its ticket
    key = await gateway.create_key(expires_in_seconds=60)
    assert key["expires_at"] > key["created_at"]
    assert (await gateway.client.get("/v1/jobs", headers=bearer(key["key"]))).status_code == 200
    # When the time is over
    clock[0] = 59
    assert (await gateway.client.get("/v1/jobs", headers=bearer(key["key"]))).status_code == 200
    clock[0] = 61
    # Then it is rejected
    rejected = await gateway.client.get("/v1/jobs", headers=bearer(key["key"]))
    assert (rejected.status_code, "expired" in rejected.json()["detail"]) == (401, True)
    # And listed until it is revoked
    assert [row["id"] for row in (await send(gateway, "GET", "keys", 200))["keys"]] == [key["id"]]


@pytest.mark.parametrize("seconds", [0, -1, 10**12])
async def test_expiry_out_of_range_is_rejected(gateway: Gateway, seconds: int) -> None:
    rejected = await send(gateway, "POST", "keys", 422, {"name": "x", "expires_in_seconds": seconds})
    assert rejected["field"] == "expires_in_seconds"


async def test_rotated_key_keeps_its_jobs(gateway: Gateway) -> None:
    # Given a key with a job
    key = await gateway.create_key()
    job_id = await gateway.submit(bearer(key["key"]))
    # When it is rotated
    rotated = await send(gateway, "POST", f"keys/{key['id']}/rotate", 200, {})
    # Then the new text has the jobs of the key
    assert (rotated["id"], rotated["key"] != key["key"], rotated["previous_expires_at"]) == (key["id"], True, None)
    assert (await gateway.client.get(f"/v1/jobs/{job_id}", headers=bearer(rotated["key"]))).status_code == 200
    # And the previous text is invalid at once in this process
    assert (await gateway.client.get(f"/v1/jobs/{job_id}", headers=bearer(key["key"]))).status_code == 401
    # And an unknown key cannot be rotated
    await send(gateway, "POST", "keys/0123456789abcdef/rotate", 404, {})
    rejected = await send(gateway, "POST", f"keys/{key['id']}/rotate", 422, {"grace_seconds": -1})
    assert rejected["field"] == "grace_seconds"


async def test_previous_key_is_valid_for_the_grace_period(clock: list[float], gateway: Gateway) -> None:
    # Given a key that was rotated with a grace period
    key = await gateway.create_key()
    rotated = await send(gateway, "POST", f"keys/{key['id']}/rotate", 200, {"grace_seconds": 60})
    assert rotated["previous_expires_at"] is not None

    async def status(text: str) -> int:
        return (await gateway.client.get("/v1/jobs", headers=bearer(text))).status_code

    assert [await status(text) for text in (key["key"], rotated["key"])] == [200, 200]
    # When the period is over
    clock[0] = 61
    assert [await status(text) for text in (key["key"], rotated["key"])] == [401, 200]
    # And a second rotation ends the first text
    clock[0] = 0
    again = await send(gateway, "POST", f"keys/{key['id']}/rotate", 200, {"grace_seconds": 60})
    assert [await status(text) for text in (key["key"], rotated["key"], again["key"])] == [401, 200, 200]


async def test_list_has_the_last_use_of_each_key(gateway: Gateway) -> None:
    used, unused = await gateway.create_key(), await gateway.create_key()
    await gateway.client.get("/v1/jobs", headers=bearer(used["key"]))
    listed = {key["id"]: key for key in (await send(gateway, "GET", "keys", 200))["keys"]}
    assert listed[unused["id"]]["last_used_at"] is None
    assert listed[used["id"]]["last_used_at"] >= listed[used["id"]]["created_at"]
    # And a wrong secret is no use
    await gateway.client.get("/v1/jobs", headers=bearer(unused["key"][:-1] + "!"))
    listed = {key["id"]: key for key in (await send(gateway, "GET", "keys", 200))["keys"]}
    assert listed[unused["id"]]["last_used_at"] is None
    # And a revoked key leaves nothing behind
    await send(gateway, "DELETE", f"keys/{used['id']}", 204)
    assert gateway.redis.hkeys(gateway.keys.api_key_uses) == []


async def test_key_of_an_earlier_version_is_accepted(gateway: Gateway) -> None:
    # Given a key as versions without expiry and rotation stored it
    key = await gateway.create_key()
    value: Any = gateway.redis.hget(gateway.keys.api_keys, key["id"])
    stored = msgspec.msgpack.decode(value)
    stored = {name: stored[name] for name in ("key", "digest", "webhook_secret")}
    new_fields = {"expires_at_ms", "last_used_at_ms"}
    stored["key"] = {name: field for name, field in stored["key"].items() if name not in new_fields}
    gateway.redis.hset(gateway.keys.api_keys, key["id"], msgspec.msgpack.encode(stored))
    # Then it is accepted
    assert (await gateway.client.get("/v1/jobs", headers=bearer(key["key"]))).status_code == 200


# --- Audit log


async def read_audit_log(gateway: Gateway, **query: Any) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await send(gateway, "GET", "audit", 200, **query))["entries"]
    return entries


async def test_audit_log_states_who_changed_what_and_when(gateway: Gateway) -> None:
    # Given an administrator with a key that the operator has created
    admin = await gateway.create_key(name="Ada", admin=True)
    # When it pauses a queue, fails to cancel a job, and reads
    headers = {**bearer(admin["key"]), "X-Request-Id": "request-1"}
    await gateway.client.post("/v1/admin/queues/jobs/pause", headers=headers)
    await gateway.client.post("/v1/admin/jobs/unknown/cancel", headers=bearer(admin["key"]))
    await gateway.client.get("/v1/admin/queues", headers=bearer(admin["key"]))
    # Then each change has an entry, newest first
    cancelled, paused, created = await read_audit_log(gateway)
    assert (cancelled["action"], cancelled["target"], cancelled["outcome"]) == (
        "cancelAnyJob", "/v1/admin/jobs/unknown/cancel", "failed",
    )  # fmt: skip
    assert (paused["actor"], paused["actor_name"], paused["address"]) == (admin["id"], "Ada", "127.0.0.1")
    assert (paused["action"], paused["target"]) == ("pauseQueue", "/v1/admin/queues/jobs/pause")
    assert (paused["request_id"], paused["outcome"]) == ("request-1", "succeeded")
    assert created["at"] <= paused["at"] <= cancelled["at"]
    # And the creation names the new key, without its secrets
    assert (created["actor"], created["action"]) == ("operator", "createKey")
    assert created["target"] == f"/v1/admin/keys/{admin['id']}"
    stored = str(gateway.redis.xrange(gateway.keys.audit))
    assert admin["key"].split("_")[2] not in stored
    assert admin["webhook_secret"] not in stored


async def test_requests_without_an_admin_key_have_no_entry(gateway: Gateway) -> None:
    plain = await gateway.create_caller()
    await gateway.client.post("/v1/admin/queues/jobs/pause", headers=plain)
    await gateway.client.post("/v1/admin/queues/jobs/pause")
    assert [entry["action"] for entry in await read_audit_log(gateway)] == ["createKey"]


async def test_action_is_not_carried_out_when_its_entry_cannot_be_written(gateway: Gateway) -> None:
    # Given a stream that Redis refuses to write
    key = await gateway.create_key()
    gateway.redis.set(gateway.keys.audit, "not a stream")
    # When a key is revoked
    response = await gateway.client.delete(f"/v1/admin/keys/{key['id']}", headers=OPERATOR)
    # Then it still exists
    assert response.status_code == 503
    assert (await gateway.client.get("/v1/jobs", headers=bearer(key["key"]))).status_code == 200


async def test_audit_log_has_pages_and_a_bound(gateway: Gateway) -> None:
    # Given a full log
    filler = {"entry": b"{}"}
    with gateway.redis.pipeline() as pipeline:
        for _ in range(MAX_AUDIT_ENTRIES):
            pipeline.xadd(gateway.keys.audit, filler)
        pipeline.execute()
    # When three actions follow
    for _ in range(3):
        await send(gateway, "POST", "queues/jobs/resume", 204)
    # Then the log keeps its length and the newest entries
    assert gateway.redis.xlen(gateway.keys.audit) == MAX_AUDIT_ENTRIES
    first = await send(gateway, "GET", "audit", 200, limit=2)
    assert [entry["action"] for entry in first["entries"]] == ["resumeQueue"] * 2
    second = await send(gateway, "GET", "audit", 200, limit=1, after=first["next"])
    assert [entry["action"] for entry in second["entries"]] == ["resumeQueue"]
    assert (await send(gateway, "GET", "audit", 422, after="x"))["field"] == "after"


async def test_rotation_and_revocation_reach_other_gateways(start_gateway: StartGateway, gateway: Gateway) -> None:
    # Given another gateway that has cached a key
    other = await start_gateway()
    key = await gateway.create_key()
    await other.submit(bearer(key["key"]))
    # When the key is rotated
    rotated = await send(gateway, "POST", f"keys/{key['id']}/rotate", 200, {})
    # Then the other gateway accepts the new text at once, and the previous one for two seconds at most
    assert (await other.client.get("/v1/jobs", headers=bearer(rotated["key"]))).status_code == 200
    deadline = time.monotonic() + 10
    while (await other.client.get("/v1/jobs", headers=bearer(key["key"]))).status_code != 401:
        assert time.monotonic() < deadline
