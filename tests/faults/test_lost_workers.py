"""Jobs whose worker is killed, suspended, stopped or not started."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import pytest

from app.broker import StreamsBroker
from app.store.keys import JOBS_QUEUE
from tests.stack import Stack, eventually

pytestmark = pytest.mark.docker

# Long enough to start another worker between the two lines, also on a busy machine.
SLOW_PROGRAM = "import time\nprint('started')\ntime.sleep(8)\nprint('done')\n"
ENDLESS_PROGRAM = "import time; print('started'); time.sleep(60)"
ENDLESS_LIMITS = {"wall_seconds": 100}


def events_of(stack: Stack, job_id: str) -> list[dict[str, Any]]:
    response = stack.http.get(f"/v1/jobs/{job_id}/output").raise_for_status()
    return [json.loads(line) for line in response.text.splitlines()]


def has_output(stack: Stack, job_id: str) -> bool:
    return any(event["type"] == "output" for event in events_of(stack, job_id))


def count_results(stack: Stack, job_id: str) -> int:
    return sum(event["type"] == "finished" for event in events_of(stack, job_id))


def submit_and_wait_for_output(stack: Stack, source: str, **options: Any) -> str:
    """Submit a job, wait until its program has printed something, and return its id."""
    job_id: str = stack.submit(source, **options)["id"]
    eventually(lambda: has_output(stack, job_id), 20)
    return job_id


def test_job_runs_when_first_worker_starts_after_submission(own_stack: Stack) -> None:
    own_stack.start_api()
    job = own_stack.submit("print('done')")
    assert own_stack.job(job["id"])["status"] == "queued"

    own_stack.start_worker()

    assert own_stack.wait_until_finished(job["id"])["stdout"] == "done\n"


def test_job_is_finished_by_another_worker_when_its_worker_is_killed(own_stack: Stack) -> None:
    # Given a job that runs on the first of two workers
    own_stack.start_api()
    first = own_stack.start_worker()
    job_id = submit_and_wait_for_output(own_stack, SLOW_PROGRAM)
    own_stack.start_worker()
    # When the first worker is killed
    killed_at = time.monotonic()
    first.kill()
    # Then the other worker finishes the job, with one result and the output of one attempt
    job = own_stack.wait_until_finished(job_id, 25)
    assert time.monotonic() - killed_at < 25
    assert (job["outcome"], job["stdout"], job["attempt"]) == ("ok", "started\ndone\n", 2)
    assert count_results(own_stack, job_id) == 1
    # And no container of the killed worker runs a program
    eventually(lambda: not own_stack.containers_with_program(), 10)


def test_containers_are_removed_when_their_worker_is_killed(own_stack: Stack) -> None:
    # Given a worker with warm containers and a running job, and no other worker that could remove its containers
    own_stack.settings["PYXEC_POOL_CEILING"] = "1"
    own_stack.start_api()
    worker = own_stack.start_worker()
    submit_and_wait_for_output(own_stack, ENDLESS_PROGRAM, limits=ENDLESS_LIMITS)
    # All containers are started: a container that was only created is removed by the reaper
    eventually(lambda: len(own_stack.containers(status="running")) == len(own_stack.languages()) + 1, 20)
    # When it is killed
    worker.kill()
    # Then its containers are removed within seconds
    eventually(lambda: not own_stack.containers(), 10)


def test_worker_is_fenced_when_it_was_suspended_longer_than_its_lease(own_stack: Stack) -> None:
    # Given a suspended worker whose program continues to run
    own_stack.start_api()
    suspended = own_stack.start_worker()
    job_id = submit_and_wait_for_output(own_stack, SLOW_PROGRAM)
    suspended.signal(signal.SIGSTOP)
    # And another worker that finishes the job
    own_stack.start_worker()
    job = own_stack.wait_until_finished(job_id, 25)
    # When the first worker continues and tries to finish the job as well
    suspended.signal(signal.SIGCONT)
    messages = ("lease of message", "job_fenced")
    eventually(lambda: any(message in suspended.log.read_text().lower() for message in messages), 20)
    time.sleep(1)
    # Then the result and the output are unchanged
    assert own_stack.job(job_id) == job
    assert (job["attempt"], job["stdout"], count_results(own_stack, job_id)) == (2, "started\ndone\n", 1)


def test_job_is_dead_lettered_when_its_workers_are_killed_repeatedly(own_stack: Stack) -> None:
    # Given a job whose worker is killed at every delivery
    own_stack.settings["PYXEC_MAX_DELIVERIES"] = "2"
    own_stack.start_api()
    job_id = own_stack.submit(ENDLESS_PROGRAM, limits=ENDLESS_LIMITS)["id"]
    for attempt in (1, 2):
        worker = own_stack.start_worker()
        eventually(lambda n=attempt: own_stack.job(job_id)["attempt"] == n and has_output(own_stack, job_id), 20)
        worker.kill()
    # When a worker recovers the queue after the last delivery
    own_stack.start_worker()
    # Then the job ends once, with an infrastructure error, and the worker runs other jobs
    assert own_stack.wait_until_finished(job_id, 20)["outcome"] == "infrastructure_error"
    assert count_results(own_stack, job_id) == 1
    assert own_stack.submit("print('alive')", wait=20)["stdout"] == "alive\n"


def test_worker_finishes_running_job_and_releases_others_when_it_is_terminated(own_stack: Stack) -> None:
    # Given a worker with a running job and more jobs than threads
    own_stack.start_api()
    worker = own_stack.start_worker(threads=1)
    running = own_stack.submit(SLOW_PROGRAM)["id"]
    waiting = [own_stack.submit("print('later')")["id"] for _ in range(3)]
    eventually(lambda: has_output(own_stack, running), 20)
    # When it is terminated
    worker.terminate()
    # Then it has finished the running job, and the next worker runs the other jobs in their first attempt
    assert own_stack.job(running)["outcome"] == "ok"
    # And nothing counts it as a live worker any more
    assert {own_stack.job(job_id)["waiting_reason"] for job_id in waiting} == {"no-worker"}
    own_stack.start_worker()
    for job_id in waiting:
        assert own_stack.wait_until_finished(job_id, 10)["attempt"] == 1


def test_scheduler_recovers_job_when_no_worker_consumes_its_queue(own_stack: Stack) -> None:
    # Given a job whose worker was killed, and an expired lease
    own_stack.start_api()
    worker = own_stack.start_worker()
    submit_and_wait_for_output(own_stack, ENDLESS_PROGRAM, limits=ENDLESS_LIMITS)
    worker.kill()
    broker = StreamsBroker(client=own_stack.client, namespace=own_stack.namespace)
    eventually(lambda: broker.pending(JOBS_QUEUE)[0].idle_ms > 2_000, 10)
    # When only a maintenance worker and the scheduler run
    own_stack.start_maintenance()
    own_stack.start_scheduler()  # enqueues the first recovery at its start or at the next minute
    # Then the message waits again, and no worker holds it
    eventually(lambda: not broker.pending(JOBS_QUEUE), 90, 0.5)
    assert broker.qsize(JOBS_QUEUE) == 1
