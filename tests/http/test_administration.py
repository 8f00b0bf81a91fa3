"""/v1/admin: queues, workers and dead letters, for who has an admin key and for nobody else."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from app.core.languages import LanguageInfo
from app.store.languages import publish_languages
from app.store.metrics import publish_metrics
from app.store.replays import Replays
from app.store.worker_registry import WorkerRegistry
from app.telemetry.metrics import METRICS, Meter
from tests.http.gateway import OPERATOR, Gateway
from tests.http.routes import http_routes


async def get(gateway: Gateway, path: str, **query: Any) -> dict[str, Any]:
    answer = await gateway.client.get(f"/v1/admin/{path}", params=query, headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def dead_job(gateway: Gateway, **more: Any) -> tuple[str, str]:
    """A job that was begun and given up; its id and that of its dead letter."""
    job_id = await gateway.submit(**more)
    gateway.worker.reject(gateway.worker.start())
    letter, *_ = (await get(gateway, "dead/jobs"))["dead_letters"]
    assert letter["job_id"] == job_id
    return job_id, str(letter["id"])


@pytest.mark.parametrize(("method", "path"), sorted(route for route in http_routes() if "/admin/" in route[1]))
async def test_every_admin_route_wants_an_admin_key(gateway: Gateway, method: str, path: str) -> None:
    address = path.format(queue="jobs", dead_letter_id="1-1", key_id="x")
    plain = await gateway.create_caller(tier="trusted")
    for headers, status in (({}, 401), (plain, 403)):
        assert (await gateway.client.request(method, address, headers=headers)).status_code == status


async def test_queues_tell_what_is_in_them(gateway: Gateway) -> None:
    # Given two jobs that wait, of which one is batch work, one that runs and one that is dead
    await dead_job(gateway)
    await gateway.submit()
    gateway.worker.start()
    await gateway.submit()
    await gateway.submit(priority="batch")
    # When the queues are looked at
    queues = {queue["name"]: queue for queue in (await get(gateway, "queues"))["queues"]}
    # Then all of it is counted
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


async def test_workers_tell_what_they_hold(gateway: Gateway) -> None:
    # Given a worker that was heard of and runs a job, and one that idles
    WorkerRegistry(gateway.redis, gateway.keys).beat("idle-1")
    WorkerRegistry(gateway.redis, gateway.keys).beat(gateway.worker.name)
    await gateway.submit()
    gateway.worker.now_ms = lambda: int((time.time() - 3600) * 1000)
    job_id = gateway.worker.start()
    # When the workers are looked at
    workers = {worker["name"]: worker for worker in (await get(gateway, "workers"))["workers"]}
    # Then each is there with what it holds
    assert (workers["idle-1"]["is_alive"], workers["idle-1"]["messages"]) == (True, [])
    (held,) = workers[gateway.worker.name]["messages"]
    assert (held["queue"], held["lane"], held["actor"], held["job_id"]) == ("jobs", "interactive", "run_job", job_id)
    # And of the job its language and how long it runs
    assert held["language"] == "python"
    assert held["running_seconds"] == pytest.approx(3600, abs=60)
    # And one that fell silent is told as dead
    gateway.redis.delete(gateway.keys.presence("idle-1"))
    workers = {worker["name"]: worker for worker in (await get(gateway, "workers"))["workers"]}
    assert workers["idle-1"]["is_alive"] is False


async def test_what_a_worker_holds_and_has_not_begun_has_no_start(gateway: Gateway) -> None:
    job_id = await gateway.submit(priority="batch")
    gateway.worker.take()
    (worker,) = (await get(gateway, "workers"))["workers"]
    (held,) = worker["messages"]
    assert (held["job_id"], held["lane"], held["language"]) == (job_id, "batch", "python")
    assert held["running_seconds"] is None
    # And when its record has gone, only the message tells of it
    gateway.redis.delete(gateway.keys.record(job_id))
    (worker,) = (await get(gateway, "workers"))["workers"]
    assert [(held["job_id"], held["language"]) for held in worker["messages"]] == [(job_id, None)]


async def test_hosts_tell_their_languages_and_images(gateway: Gateway) -> None:
    image = "pyxec/bash:0123"
    bash = LanguageInfo(id="bash", name="Bash", file_name="main.sh", version="5.2", image=image, image_bytes=90_000_000)
    publish_languages(gateway.redis, gateway.keys, "host-1", [bash])
    (host,) = (await get(gateway, "hosts"))["hosts"]
    assert (host["name"], host["last_seen_seconds_ago"]) == ("host-1", pytest.approx(0, abs=30))
    assert host["languages"] == [
        {"id": "bash", "name": "Bash", "version": "5.2", "image": image, "image_bytes": 90_000_000}
    ]


async def test_figures_are_those_of_the_metrics(gateway: Gateway) -> None:
    # Given a worker that has counted and measured, and a job that waits
    meter = Meter()
    meter.count("pyxec_jobs_total", "ok", "python", by=3)
    meter.observe("pyxec_job_run_seconds", 0.3)
    meter.observe("pyxec_job_run_seconds", 1000)
    meter.set("pyxec_pool_idle", 2, "python")
    meter.count_up_to("pyxec_container_start_seconds", "python", total=4, part="count")
    meter.count_up_to("pyxec_container_start_seconds", "python", total=2.5, part="sum")
    publish_metrics(gateway.redis, gateway.keys, "w1", meter)
    await gateway.submit()
    # When the figures are asked for
    answer = await get(gateway, "metrics")
    # Then every metric is among them, with what there is of it
    metrics = {metric["name"]: metric for metric in answer["metrics"]}
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
    depths = {one["labels"]["queue"]: one["value"] for one in metrics["pyxec_queue_depth"]["series"]}
    assert depths["jobs"] == 1
    # And what nothing has happened to is there at 0, or without a series where it has labels
    assert metrics["pyxec_fenced_total"]["series"] == [{**nothing, "labels": {}, "value": 0}]
    assert metrics["pyxec_rejected_total"]["series"] == []


async def test_a_replayed_job_runs_again_from_its_start(gateway: Gateway) -> None:
    # Given a job that was given up
    job_id, dead_letter_id = await dead_job(gateway)
    assert (await gateway.client.get(f"/v1/jobs/{job_id}")).json()["outcome"] == "infrastructure_error"
    # When its dead letter is replayed
    path = f"/v1/admin/dead/jobs/{dead_letter_id}/replay"
    assert (await gateway.client.post(path, headers=OPERATOR)).status_code == 204
    # Then it waits, as if nobody had ever begun it
    shown = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (shown["status"], shown["queue_position"], shown["worker"]) == ("queued", 0, None)
    assert shown["started_at"] is None
    assert gateway.redis.ttl(gateway.keys.record(job_id)) == -1
    # And runs to an end of its own
    assert gateway.worker.run() == job_id
    shown = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (shown["status"], shown["outcome"]) == ("finished", "ok")
    # And a letter works once
    answer = await gateway.client.post(path, headers=OPERATOR)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


async def test_two_that_replay_at_once_run_it_once(gateway: Gateway) -> None:
    _, dead_letter_id = await dead_job(gateway)
    path = f"/v1/admin/dead/jobs/{dead_letter_id}/replay"
    answers = await asyncio.gather(*(gateway.client.post(path, headers=OPERATOR) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404, 404]
    assert gateway.worker.broker.qsize("jobs") == 1
    gateway.worker.run()


async def test_who_follows_a_job_that_was_given_up_sees_its_second_life(gateway: Gateway) -> None:
    job_id, dead_letter_id = await dead_job(gateway)
    first = (await gateway.client.get(f"/v1/jobs/{job_id}/output")).text.splitlines()
    await gateway.client.post(f"/v1/admin/dead/jobs/{dead_letter_id}/replay", headers=OPERATOR)
    gateway.worker.run()
    again = (await gateway.client.get(f"/v1/jobs/{job_id}/output")).text.splitlines()
    assert ("infrastructure_error" in first[-1], "infrastructure_error" in str(again)) == (True, False)


async def test_a_replay_that_was_cut_off_can_be_done_again(gateway: Gateway) -> None:
    # Given that the record was put back, and then the gateway was killed
    job_id, dead_letter_id = await dead_job(gateway)
    Replays(gateway.redis, gateway.keys).prepare(job_id)
    # When somebody replays the letter, which is still there
    path = f"/v1/admin/dead/jobs/{dead_letter_id}/replay"
    assert (await gateway.client.post(path, headers=OPERATOR)).status_code == 204
    # Then the job runs
    assert gateway.worker.run() == job_id


async def test_a_job_whose_record_has_gone_cannot_run_again(gateway: Gateway) -> None:
    job_id, dead_letter_id = await dead_job(gateway)
    assert gateway.redis.ttl(gateway.keys.record(job_id)) > 6 * 86_400  # as long as its letter
    gateway.redis.delete(gateway.keys.record(job_id))
    answer = await gateway.client.post(f"/v1/admin/dead/jobs/{dead_letter_id}/replay", headers=OPERATOR)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-replayable")
    assert gateway.worker.broker.qsize("jobs") == 0


async def test_dead_letters_are_listed_shown_and_dropped(gateway: Gateway) -> None:
    letters = [(await dead_job(gateway))[1] for _ in range(3)]
    first = await get(gateway, "dead/jobs", limit=2)
    second = await get(gateway, "dead/jobs", limit=2, after=first["next"])
    assert [letter["id"] for letter in first["dead_letters"] + second["dead_letters"]] == letters[::-1]
    assert second["next"] is None
    shown = await get(gateway, f"dead/jobs/{letters[0]}")
    assert (shown["actor"], shown["queue"], shown["deliveries"]) == ("run_job", "jobs", 1)
    assert json.loads(shown["message"])["args"] == [shown["job_id"]]
    path = f"/v1/admin/dead/jobs/{letters[0]}"
    statuses = [(await gateway.client.delete(path, headers=OPERATOR)).status_code for _ in range(2)]
    assert statuses == [204, 404]


@pytest.mark.parametrize("path", ["dead/nowhere", "dead/nowhere/1-1", "dead/jobs/1-1", "dead/jobs/x", "dead/jobs/*"])
async def test_what_is_not_there_is_told(gateway: Gateway, path: str) -> None:
    answer = await gateway.client.get(f"/v1/admin/{path}", headers=OPERATOR)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
