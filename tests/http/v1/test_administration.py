"""/v1/admin: queues, workers, hosts, metrics and dead letters."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from app.core.languages import LanguageInfo
from app.store.languages import publish_languages
from app.store.metrics import publish_metrics
from app.store.worker_registry import WorkerRegistry
from app.telemetry.metrics import METRICS, Meter
from tests.http.gateway import OPERATOR, Gateway
from tests.http.routes import http_routes


async def get(gateway: Gateway, path: str, **query: Any) -> dict[str, Any]:
    response = await gateway.client.get(f"/v1/admin/{path}", params=query, headers=OPERATOR)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


async def create_dead_letter(gateway: Gateway, **more: Any) -> tuple[str, str]:
    """Create a dead letter. Returns the id of the job and the id of the dead letter."""
    job_id = await gateway.submit(**more)
    gateway.worker.reject(gateway.worker.start())
    dead_letter, *_ = (await get(gateway, "dead/jobs"))["dead_letters"]
    assert dead_letter["job_id"] == job_id
    return job_id, str(dead_letter["id"])


@pytest.mark.parametrize(("method", "path"), sorted(route for route in http_routes() if "/admin/" in route[1]))
async def test_admin_routes_require_an_admin_key(gateway: Gateway, method: str, path: str) -> None:
    address = path.format(queue="jobs", dead_letter_id="1-1", key_id="x", job_id="x")
    plain = await gateway.create_caller(tier="trusted")
    for headers, status in (({}, 401), (plain, 403)):
        assert (await gateway.client.request(method, address, headers=headers)).status_code == status


async def test_queues_have_numbers_of_jobs(gateway: Gateway) -> None:
    # Given a queued job in each lane, a running job and a dead letter
    await create_dead_letter(gateway)
    await gateway.submit()
    gateway.worker.start()
    await gateway.submit()
    await gateway.submit(priority="batch")
    # When the queues are listed
    queues = {queue["name"]: queue for queue in (await get(gateway, "queues"))["queues"]}
    # Then each job is counted
    jobs = queues["jobs"]
    assert (jobs["waiting"], jobs["running"], jobs["delayed"], jobs["dead"]) == (2, 1, 0, 1)
    assert 0 <= jobs["oldest_seconds"] < 60
    assert jobs["lanes"] == [
        {"name": "interactive", "waiting": 1, "running": 1, "delayed": 0},
        {"name": "batch", "waiting": 1, "running": 0, "delayed": 0},
    ]
    idle = queues["maintenance"]
    assert {name: idle[name] for name in ("waiting", "running", "delayed", "dead", "oldest_seconds")} == {
        "waiting": 0, "running": 0, "delayed": 0, "dead": 0, "oldest_seconds": None,
    }  # fmt: skip


async def test_workers_have_their_messages(gateway: Gateway) -> None:
    # Given a worker that runs a job, and an idle one
    WorkerRegistry(gateway.redis, gateway.keys).beat("idle-1")
    WorkerRegistry(gateway.redis, gateway.keys).beat(gateway.worker.name)
    await gateway.submit()
    gateway.worker.now_ms = lambda: int((time.time() - 3600) * 1000)
    job_id = gateway.worker.start()
    # When the workers are listed
    workers = {worker["name"]: worker for worker in (await get(gateway, "workers"))["workers"]}
    # Then each has its messages
    assert (workers["idle-1"]["is_alive"], workers["idle-1"]["messages"]) == (True, [])
    (held,) = workers[gateway.worker.name]["messages"]
    assert (held["queue"], held["lane"], held["actor"], held["job_id"]) == ("jobs", "interactive", "run_job", job_id)
    # And the running time of its job
    assert held["language"] == "python"
    assert held["running_seconds"] == pytest.approx(3600, abs=60)
    # And a worker without a heartbeat is not alive
    gateway.redis.delete(gateway.keys.heartbeat("idle-1"))
    workers = {worker["name"]: worker for worker in (await get(gateway, "workers"))["workers"]}
    assert workers["idle-1"]["is_alive"] is False


async def test_dead_workers_are_shown_for_ten_minutes(gateway: Gateway) -> None:
    # Given workers that were last seen 590 and 610 seconds ago, and no worker that is alive
    now = time.time()
    gateway.redis.zadd(gateway.keys.workers, {"recent-1": now - 590, "old-1": now - 610})
    # When the workers are listed
    workers = (await get(gateway, "workers"))["workers"]
    # Then the one of the last ten minutes is shown
    assert [(worker["name"], worker["is_alive"]) for worker in workers] == [("recent-1", False)]
    assert workers[0]["last_seen_seconds_ago"] == pytest.approx(590, abs=5)
    # And the next heartbeat of any worker removes the other one
    WorkerRegistry(gateway.redis, gateway.keys).beat("alive-1")
    assert gateway.redis.zrange(gateway.keys.workers, 0, -1) == [b"recent-1", b"alive-1"]


async def test_message_has_no_running_time_before_its_job_starts(gateway: Gateway) -> None:
    job_id = await gateway.submit(priority="batch")
    gateway.worker.take()
    (worker,) = (await get(gateway, "workers"))["workers"]
    (held,) = worker["messages"]
    assert (held["job_id"], held["lane"], held["language"]) == (job_id, "batch", "python")
    assert held["running_seconds"] is None
    # And without the record of the job, only the message is known
    gateway.redis.delete(gateway.keys.record(job_id))
    (worker,) = (await get(gateway, "workers"))["workers"]
    assert [(held["job_id"], held["language"]) for held in worker["messages"]] == [(job_id, None)]


async def test_hosts_have_languages_and_images(gateway: Gateway) -> None:
    image = "pyxec/bash:0123"
    bash = LanguageInfo(id="bash", name="Bash", file_name="main.sh", version="5.2", image=image, image_bytes=90_000_000)
    publish_languages(gateway.redis, gateway.keys, "host-1", [bash])
    (host,) = (await get(gateway, "hosts"))["hosts"]
    assert (host["name"], host["last_seen_seconds_ago"]) == ("host-1", pytest.approx(0, abs=30))
    assert host["languages"] == [
        {"id": "bash", "name": "Bash", "version": "5.2", "image": image, "image_bytes": 90_000_000}
    ]


async def test_metrics_have_values_and_histograms(gateway: Gateway) -> None:
    # Given the metrics of a worker, and a queued job
    meter = Meter()
    meter.count("pyxec_jobs_total", "ok", "python", by=3)
    meter.observe("pyxec_job_run_seconds", 0.3)
    meter.observe("pyxec_job_run_seconds", 1000)
    meter.set("pyxec_pool_idle", 2, "python")
    meter.count_up_to("pyxec_container_start_seconds", "python", total=4, part="count")
    meter.count_up_to("pyxec_container_start_seconds", "python", total=2.5, part="sum")
    publish_metrics(gateway.redis, gateway.keys, "w1", meter)
    await gateway.submit()
    # When the metrics are read
    response = await get(gateway, "metrics")
    # Then every metric is listed with its series
    metrics = {metric["name"]: metric for metric in response["metrics"]}
    assert list(metrics) == list(METRICS)
    nothing = {"value": None, "count": None, "sum": None, "buckets": []}
    (jobs,) = metrics["pyxec_jobs_total"]["series"]
    assert jobs == {**nothing, "labels": {"outcome": "ok", "language": "python"}, "value": 3}
    assert metrics["pyxec_pool_idle"]["series"][0]["value"] == 2
    assert metrics["pyxec_container_start_seconds"]["series"][0] | {"labels": {}} == {
        **nothing, "labels": {}, "count": 4, "sum": 2.5,
    }  # fmt: skip
    (run,) = metrics["pyxec_job_run_seconds"]["series"]
    assert (run["count"], run["sum"]) == (2, pytest.approx(1000.3))
    assert [bucket for bucket in run["buckets"] if bucket["count"]] == [
        {"upper_bound": 0.5, "count": 1}, {"upper_bound": None, "count": 1},
    ]  # fmt: skip
    depths = {series["labels"]["queue"]: series["value"] for series in metrics["pyxec_queue_depth"]["series"]}
    assert depths["jobs"] == 1
    # And an unused metric is 0, or has no series if it has labels
    assert metrics["pyxec_fenced_total"]["series"] == [{**nothing, "labels": {}, "value": 0}]
    assert metrics["pyxec_rejected_total"]["series"] == []


async def test_replay_queues_the_job_again(gateway: Gateway) -> None:
    # Given a dead letter
    job_id, dead_letter_id = await create_dead_letter(gateway)
    assert (await gateway.client.get(f"/v1/jobs/{job_id}")).json()["outcome"] == "infrastructure_error"
    # When its dead letter is replayed
    path = f"/v1/admin/dead/jobs/{dead_letter_id}/replay"
    assert (await gateway.client.post(path, headers=OPERATOR)).status_code == 204
    # Then the job is queued as if it had never been started
    job = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (job["status"], job["queue_position"], job["worker"]) == ("queued", 0, None)
    assert job["started_at"] is None
    assert gateway.redis.ttl(gateway.keys.record(job_id)) == -1
    # And can finish
    assert gateway.worker.run() == job_id
    job = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (job["status"], job["outcome"]) == ("finished", "ok")
    # And the dead letter was removed
    response = await gateway.client.post(path, headers=OPERATOR)
    assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")


async def test_concurrent_replays_queue_the_job_once(gateway: Gateway) -> None:
    _, dead_letter_id = await create_dead_letter(gateway)
    path = f"/v1/admin/dead/jobs/{dead_letter_id}/replay"
    responses = await asyncio.gather(*(gateway.client.post(path, headers=OPERATOR) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [204, 404, 404, 404, 404]
    assert gateway.worker.broker.qsize("jobs") == 1
    gateway.worker.run()


async def test_replay_removes_the_earlier_output(gateway: Gateway) -> None:
    job_id, dead_letter_id = await create_dead_letter(gateway)
    first = (await gateway.client.get(f"/v1/jobs/{job_id}/output")).text.splitlines()
    await gateway.client.post(f"/v1/admin/dead/jobs/{dead_letter_id}/replay", headers=OPERATOR)
    gateway.worker.run()
    again = (await gateway.client.get(f"/v1/jobs/{job_id}/output")).text.splitlines()
    assert ("infrastructure_error" in first[-1], "infrastructure_error" in str(again)) == (True, False)


async def test_replay_can_be_repeated_when_an_earlier_version_did_not_complete_it(gateway: Gateway) -> None:
    # Given a gateway of an earlier version that was killed between the two steps of a replay
    job_id, dead_letter_id = await create_dead_letter(gateway)
    gateway.redis.hdel(gateway.keys.record(job_id), "result", "finished_at_ms")
    # When the dead letter, which still exists, is replayed
    path = f"/v1/admin/dead/jobs/{dead_letter_id}/replay"
    assert (await gateway.client.post(path, headers=OPERATOR)).status_code == 204
    # Then the job runs
    assert gateway.worker.run() == job_id


async def test_replay_is_rejected_when_the_record_has_expired(gateway: Gateway) -> None:
    job_id, dead_letter_id = await create_dead_letter(gateway)
    assert gateway.redis.ttl(gateway.keys.record(job_id)) > 6 * 86_400  # as long as its dead letter
    gateway.redis.delete(gateway.keys.record(job_id))
    response = await gateway.client.post(f"/v1/admin/dead/jobs/{dead_letter_id}/replay", headers=OPERATOR)
    assert (response.status_code, response.json()["type"]) == (409, "/problems/not-replayable")
    assert gateway.worker.broker.qsize("jobs") == 0


async def test_dead_letters_can_be_listed_read_and_deleted(gateway: Gateway) -> None:
    dead_letter_ids = [(await create_dead_letter(gateway))[1] for _ in range(3)]
    first = await get(gateway, "dead/jobs", limit=2)
    second = await get(gateway, "dead/jobs", limit=2, after=first["next"])
    assert [dead_letter["id"] for dead_letter in first["dead_letters"] + second["dead_letters"]] == dead_letter_ids[
        ::-1
    ]
    assert second["next"] is None
    dead_letter = await get(gateway, f"dead/jobs/{dead_letter_ids[0]}")
    assert (dead_letter["actor"], dead_letter["queue"], dead_letter["deliveries"]) == ("run_job", "jobs", 1)
    assert json.loads(dead_letter["message"])["args"] == [dead_letter["job_id"]]
    path = f"/v1/admin/dead/jobs/{dead_letter_ids[0]}"
    statuses = [(await gateway.client.delete(path, headers=OPERATOR)).status_code for _ in range(2)]
    assert statuses == [204, 404]


@pytest.mark.parametrize("path", ["dead/nowhere", "dead/nowhere/1-1", "dead/jobs/1-1", "dead/jobs/x", "dead/jobs/*"])
async def test_unknown_queue_or_dead_letter_is_not_found(gateway: Gateway, path: str) -> None:
    response = await gateway.client.get(f"/v1/admin/{path}", headers=OPERATOR)
    assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")
