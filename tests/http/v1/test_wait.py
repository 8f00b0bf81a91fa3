"""POST /v1/jobs?wait=SECONDS: the response is the finished job if the job ends in time."""

from __future__ import annotations

import asyncio

import pytest

from app.core.outcomes import Outcome
from tests.http.gateway import JOB, Gateway
from tests.proxy import FaultProxy


@pytest.mark.usefixtures("no_polling")
async def test_wait_returns_the_finished_job(gateway: Gateway) -> None:
    # Given a worker that takes 30 ms, and wake-ups as the only notification
    loop = asyncio.get_running_loop()
    # When a job is submitted with wait
    gateway.worker.handle_jobs(lambda job_id: loop.call_later(0.03, gateway.worker.run, job_id, b"1\n"))
    response = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    # Then the response is the finished job
    assert response.status_code == 200
    job = response.json()
    assert (job["status"], job["outcome"], job["stdout"]) == ("finished", "ok", "1\n")
    # And the address of the job returns the same
    assert (await gateway.client.get(response.headers["Location"])).json() == job
    await gateway.wait_for_departure(job["id"])


async def test_wait_watches_the_job_before_it_submits_it(gateway: Gateway) -> None:
    # Given a worker that runs a job as soon as it is in the queue
    watched: list[bool] = []

    def run(job_id: str) -> None:
        watched.append(gateway.is_watched(job_id))
        gateway.worker.run(job_id)

    # When a job is submitted with wait
    gateway.worker.handle_jobs(run)
    response = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    # Then no event was missed
    assert response.status_code == 200
    assert watched == [True]


async def test_wait_returns_202_when_the_job_takes_longer(gateway: Gateway) -> None:
    response = await gateway.client.post("/v1/jobs?wait=0.05", json=JOB)
    assert (response.status_code, response.json()["status"]) == (202, "queued")
    assert gateway.job_ids() == [response.json()["id"]]
    assert response.headers["Location"] == f"/v1/jobs/{response.json()['id']}"


async def test_wait_returns_the_state_that_the_job_has_reached(gateway: Gateway) -> None:
    gateway.worker.handle_jobs(lambda job_id: None)
    response = await gateway.client.post("/v1/jobs?wait=0.05", json=JOB)
    assert (response.status_code, response.json()["status"]) == (202, "running")


async def test_wait_does_not_depend_on_wake_ups(gateway: Gateway) -> None:
    # Given that all wake-ups are lost
    gateway.worker.publishes_wake_ups = False
    loop = asyncio.get_running_loop()
    # When a job is submitted with wait
    gateway.worker.handle_jobs(lambda job_id: loop.call_later(0.05, gateway.worker.run, job_id))
    response = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    # Then its result is returned all the same
    assert response.status_code == 200


async def test_wait_returns_long_output(gateway: Gateway) -> None:
    def run(job_id: str) -> None:
        for number in range(1234):
            gateway.worker.write(job_id, b"%d\n" % number)
        gateway.worker.finish(job_id)

    gateway.worker.handle_jobs(run)
    response = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    assert response.json()["stdout"] == "".join(f"{number}\n" for number in range(1234))


async def test_wait_returns_200_when_the_program_fails(gateway: Gateway) -> None:
    def run(job_id: str) -> None:
        gateway.worker.finish(job_id, outcome=Outcome.NONZERO_EXIT, exit_code=3, message="exited with code 3")

    gateway.worker.handle_jobs(run)
    response = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    assert response.status_code == 200
    assert (response.json()["outcome"], response.json()["exit_code"]) == ("nonzero_exit", 3)


async def test_wait_ends_when_the_client_disconnects(gateway: Gateway) -> None:
    # Given a client that waits for a job
    request = asyncio.create_task(gateway.client.post("/v1/jobs?wait=50", json=JOB))
    job_id = await gateway.wait_for_viewer()
    # When it disconnects
    request.cancel()
    # Then the gateway no longer watches the job, which stays queued
    await gateway.wait_for_departure(job_id)
    assert gateway.record(job_id).state == "queued"


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "soon", ""])
async def test_wait_is_rejected_when_it_is_out_of_range(gateway: Gateway, wait: str) -> None:
    response = await gateway.client.post(f"/v1/jobs?wait={wait}", json=JOB)
    assert response.status_code == 422
    assert (response.json()["field"], response.json()["detail"]) == ("wait", "must be between 0 and 60 seconds")
    assert gateway.job_ids() == []


async def test_wait_returns_503_when_redis_stops_answering(proxied_gateway: Gateway, redis_proxy: FaultProxy) -> None:
    gateway = proxied_gateway
    gateway.worker.handle_jobs(lambda job_id: redis_proxy.cut())
    response = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    assert response.status_code == 503
    (job_id,) = gateway.job_ids()
    await gateway.wait_for_departure(job_id)
