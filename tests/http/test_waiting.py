"""POST /v1/jobs?wait=SECONDS: the result in the answer, if it is there in time."""

from __future__ import annotations

import asyncio

import pytest

from app.core.outcomes import Outcome
from app.core.submission import NewJob
from tests.http.conftest import Gateway

JOB = {"language": "python", "source": "print(1)"}


async def test_a_job_that_ends_in_time_is_answered_whole(gateway: Gateway) -> None:
    # Given a worker that takes 30 ms, and wake-ups as the only way to hear of it
    gateway.jobs.patient = True
    loop = asyncio.get_running_loop()
    gateway.jobs.when_submitted = lambda job: loop.call_later(0.03, gateway.jobs.run, job.id, b"1\n")
    # When a job is submitted and waited for
    answer = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    # Then the answer is the finished job
    assert answer.status_code == 200
    finished = answer.json()
    assert (finished["status"], finished["outcome"], finished["stdout"]) == ("finished", "ok", "1\n")
    # And it is the same as the job's address shows
    assert (await gateway.client.get(answer.headers["Location"])).json() == finished
    assert gateway.jobs.viewers(finished["id"]) == 0


async def test_the_job_is_watched_before_it_is_submitted(gateway: Gateway) -> None:
    # Given a worker so fast that the job has ended when submit returns
    watched: list[int] = []

    def run(job: NewJob) -> None:
        watched.append(gateway.jobs.viewers(job.id))
        gateway.jobs.run(job.id)

    gateway.jobs.when_submitted = run
    # When it is waited for
    answer = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    # Then nothing of it was missed
    assert answer.status_code == 200
    assert watched == [1]


async def test_a_job_that_takes_longer_is_accepted(gateway: Gateway) -> None:
    answer = await gateway.client.post("/v1/jobs?wait=0.05", json=JOB)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert answer.json()["id"] in gateway.jobs.records
    assert answer.headers["Location"] == f"/v1/jobs/{answer.json()['id']}"


async def test_a_job_that_runs_by_then_is_told_to_run(gateway: Gateway) -> None:
    gateway.jobs.when_submitted = lambda job: gateway.jobs.start(job.id)
    answer = await gateway.client.post("/v1/jobs?wait=0.05", json=JOB)
    assert (answer.status_code, answer.json()["status"]) == (202, "running")


async def test_a_result_is_found_without_any_wake_up(gateway: Gateway) -> None:
    # Given a store whose wake-ups are all lost
    gateway.jobs.deaf = True
    loop = asyncio.get_running_loop()
    gateway.jobs.when_submitted = lambda job: loop.call_later(0.05, gateway.jobs.run, job.id)
    # When a job is waited for
    answer = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    # Then its result comes all the same
    assert answer.status_code == 200


async def test_a_long_output_is_answered_whole(gateway: Gateway) -> None:
    def run(job: NewJob) -> None:
        gateway.jobs.start(job.id)
        for number in range(1234):
            gateway.jobs.write(job.id, b"%d\n" % number)
        gateway.jobs.finish(job.id)

    gateway.jobs.when_submitted = run
    answer = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    assert answer.json()["stdout"] == "".join(f"{number}\n" for number in range(1234))


async def test_a_failed_program_is_a_job_that_succeeded(gateway: Gateway) -> None:
    def run(job: NewJob) -> None:
        gateway.jobs.start(job.id)
        gateway.jobs.finish(job.id, outcome=Outcome.NONZERO_EXIT, exit_code=3, message="exited with code 3")

    gateway.jobs.when_submitted = run
    answer = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    assert answer.status_code == 200
    assert (answer.json()["outcome"], answer.json()["exit_code"]) == ("nonzero_exit", 3)


async def test_who_goes_away_is_not_waited_for(gateway: Gateway) -> None:
    # Given a client that waits for a job
    request = asyncio.create_task(gateway.client.post("/v1/jobs?wait=50", json=JOB))
    await gateway.jobs.until(lambda jobs: bool(jobs.records))
    (job_id,) = gateway.jobs.records
    # When it hangs up
    request.cancel()
    # Then its watch is left, and the job stays queued
    await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) == 0)
    assert gateway.jobs.records[job_id].state == "queued"


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "soon", ""])
async def test_a_wait_out_of_range_is_refused_with_the_range(gateway: Gateway, wait: str) -> None:
    answer = await gateway.client.post(f"/v1/jobs?wait={wait}", json=JOB)
    assert answer.status_code == 422
    assert (answer.json()["field"], answer.json()["detail"]) == ("wait", "must be between 0 and 60 seconds")
    assert gateway.jobs.records == {}


async def test_a_store_that_goes_down_meanwhile_is_a_503(gateway: Gateway) -> None:
    def fail(job: NewJob) -> None:
        gateway.jobs.down = True

    gateway.jobs.when_submitted = fail
    answer = await gateway.client.post("/v1/jobs?wait=20", json=JOB)
    assert answer.status_code == 503
    assert gateway.jobs.viewers(next(iter(gateway.jobs.records))) == 0
