"""What happens to jobs when the processes that run them die, freeze, or were never there."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import pytest

from app.broker import StreamsBroker
from tests.stack import Stack, eventually

pytestmark = pytest.mark.docker

# Slow enough to be caught in the act, and telling which attempt wrote what.
SLOW = "import time\nprint('begun')\ntime.sleep(3)\nprint('done')\n"


def events_of(stack: Stack, job_id: str) -> list[dict[str, Any]]:
    answer = stack.http.get(f"/v1/jobs/{job_id}/output").raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines()]


def begun(stack: Stack, job_id: str) -> bool:
    return any(event["type"] == "output" for event in events_of(stack, job_id))


def finishes(stack: Stack, job_id: str) -> int:
    return sum(event["type"] == "finished" for event in events_of(stack, job_id))


def test_a_job_submitted_before_any_worker_ever_ran_is_run(own_stack: Stack) -> None:
    # Given an API and no worker, ever
    own_stack.start_api()
    job = own_stack.submit("print('patience')")
    assert own_stack.job(job["id"])["status"] == "queued"
    # When the first worker comes
    own_stack.start_worker()
    # Then it runs the job
    assert own_stack.finished(job["id"])["stdout"] == "patience\n"


def test_the_job_of_a_killed_worker_is_finished_by_another(own_stack: Stack) -> None:
    # Given a job that one of two workers runs
    own_stack.start_api()
    first = own_stack.start_worker()
    job = own_stack.submit(SLOW)
    eventually(lambda: begun(own_stack, job["id"]), 20)
    own_stack.start_worker()
    # When its worker is killed with everything that belongs to it
    killed_at = time.monotonic()
    first.kill()
    # Then the other finishes the job, with one result, and the output of one attempt only
    ended = own_stack.finished(job["id"], 20)
    assert time.monotonic() - killed_at < 20
    assert (ended["outcome"], ended["stdout"], ended["attempt"]) == ("ok", "begun\ndone\n", 2)
    assert finishes(own_stack, job["id"]) == 1
    # And no container of the killed worker is left
    eventually(lambda: not own_stack.running_programs(), 10)


def test_the_containers_of_a_killed_worker_go_by_themselves(own_stack: Stack) -> None:
    # Given a worker with warm containers and a running job, and nobody else who could clean up
    own_stack.settings["PYXEC_POOL_CEILING"] = "1"
    own_stack.start_api()
    worker = own_stack.start_worker()
    job = own_stack.submit("import time; print(1); time.sleep(60)", limits={"wall_seconds": 100})
    eventually(lambda: begun(own_stack, job["id"]), 20)
    # And none in the making: what was created and never started is the reaper's
    eventually(lambda: len(own_stack.containers(status="running")) == len(own_stack.languages()) + 1, 20)
    # When it is killed
    worker.kill()
    # Then all its containers are gone within seconds
    eventually(lambda: not own_stack.containers(), 10)


def test_a_worker_that_was_frozen_past_its_lease_is_refused(own_stack: Stack) -> None:
    # Given a worker that freezes in the middle of a job, its program running on
    own_stack.start_api()
    frozen = own_stack.start_worker()
    job = own_stack.submit(SLOW)
    eventually(lambda: begun(own_stack, job["id"]), 20)
    frozen.signal(signal.SIGSTOP)
    # And another one that finishes the job
    own_stack.start_worker()
    ended = own_stack.finished(job["id"], 20)
    # When the first thaws and tries to finish it too
    frozen.signal(signal.SIGCONT)
    eventually(lambda: "Lease of message" in frozen.log.read_text() or "job_fenced" in frozen.log.read_text(), 20)
    time.sleep(1)
    # Then nothing of the result or the output has changed
    assert own_stack.job(job["id"]) == ended
    assert (ended["attempt"], ended["stdout"], finishes(own_stack, job["id"])) == (2, "begun\ndone\n", 1)


def test_a_job_whose_workers_die_again_and_again_ends_as_a_dead_letter(own_stack: Stack) -> None:
    # Given a job that kills its worker, as often as it is allowed to start
    own_stack.settings["PYXEC_MAX_DELIVERIES"] = "2"
    own_stack.start_api()
    job = own_stack.submit("import time; print('x'); time.sleep(60)", limits={"wall_seconds": 100})
    for attempt in (1, 2):
        worker = own_stack.start_worker()
        eventually(lambda n=attempt: own_stack.job(job["id"])["attempt"] == n and begun(own_stack, job["id"]), 20)
        worker.kill()
    # When a worker sweeps after the last allowed start
    own_stack.start_worker()
    # Then the job ends as our fault, once, and the message is kept as a dead letter
    ended = own_stack.finished(job["id"], 20)
    assert ended["outcome"] == "infrastructure_error"
    assert finishes(own_stack, job["id"]) == 1
    canary = own_stack.submit("print('alive')", wait=20)
    assert canary["stdout"] == "alive\n"


def test_a_worker_that_is_told_to_stop_finishes_what_it_runs(own_stack: Stack) -> None:
    # Given a worker in the middle of a job, and more jobs than it has threads
    own_stack.start_api()
    worker = own_stack.start_worker(threads=1)
    running = own_stack.submit(SLOW)
    waiting = [own_stack.submit("print('later')") for _ in range(3)]
    eventually(lambda: begun(own_stack, running["id"]), 20)
    # When it is asked to stop
    worker.terminate()
    # Then what ran is finished in its first attempt, and the rest is there for the next worker at once
    assert own_stack.job(running["id"])["outcome"] == "ok"
    own_stack.start_worker()
    for job in waiting:
        assert own_stack.finished(job["id"], 10)["attempt"] == 1


def test_the_schedule_alone_brings_a_lost_job_back(own_stack: Stack) -> None:
    # Given a job whose worker was killed, and no other worker of jobs to sweep for it
    own_stack.start_api()
    worker = own_stack.start_worker()
    job = own_stack.submit("import time; print('x'); time.sleep(60)", limits={"wall_seconds": 100})
    eventually(lambda: begun(own_stack, job["id"]), 20)
    worker.kill()
    # When only the scheduler and the maintenance worker are there
    own_stack.start_maintenance()
    own_stack.start_scheduler()
    # Then the entry is taken back from the dead worker: it waits, nobody holds it
    broker = StreamsBroker(client=own_stack.client, namespace=own_stack.namespace)
    eventually(lambda: not broker.pending("jobs"), 90, 0.5)
    assert broker.qsize("jobs") == 1
