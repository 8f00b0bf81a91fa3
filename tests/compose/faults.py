"""What dies comes back by itself, and no accepted job is lost meanwhile."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.compose.project import Project
from tests.stack import eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

COUNTS = "import time\nfor n in range({count}): print(n, flush=True); time.sleep(0.5)"


def counted(count: int) -> str:
    return "".join(f"{n}\n" for n in range(count))


def test_workers_are_added_and_share_the_jobs(project: Project) -> None:
    # Given three workers
    project.compose("up", "-d", "--no-recreate", "--scale", "worker=3")
    eventually(lambda: len(_hosts(project)) == 3, 60, 0.5)
    # When more jobs come than one of them takes at a time
    ids = [project.submit("import time; time.sleep(0.5); print('done')")["id"] for _ in range(24)]
    jobs = [project.finished(job_id) for job_id in ids]
    # Then each has run, and all three have taken part
    assert {job["stdout"] for job in jobs} == {"done\n"}
    assert len({job["worker"].split(":")[0] for job in jobs}) == 3


def test_a_killed_workers_job_is_started_again_and_the_worker_too(project: Project) -> None:
    # Given a job that runs
    job_id = project.submit(COUNTS.format(count=8))["id"]
    host = project.begun(job_id)["worker"].split(":")[0]
    [container] = [one for one in project.containers("worker") if one["Config"]["Hostname"] == host]
    # When everything in its worker's container is killed
    project.crash(container)
    # Then it has run a second time, whole, and the container is there again
    job = project.finished(job_id)
    assert (job["outcome"], job["attempt"], job["stdout"]) == ("ok", 2, counted(8))
    eventually(lambda: container["Id"] in [one["Id"] for one in project.containers("worker")], 30, 0.5)


def test_redis_killed_under_load_has_kept_every_job(project: Project) -> None:
    # Given jobs that run and jobs that wait
    ids = [project.submit(COUNTS.format(count=4))["id"] for _ in range(16)]
    project.begun(ids[0])
    # When the server is killed, and the engine starts it again
    before = project.container("redis")
    project.crash(before)
    eventually(lambda: project.containers("redis"), 30, 0.2)
    # Then everyone has found it again, and every accepted job has its result
    jobs = [project.finished(job_id) for job_id in ids]
    assert {(job["outcome"], job["stdout"]) for job in jobs} == {("ok", counted(4))}
    assert project.container("redis")["State"]["StartedAt"] != before["State"]["StartedAt"]


def test_an_api_that_comes_back_at_another_address_is_found(project: Project) -> None:
    project.compose("up", "-d", "--force-recreate", "--no-deps", "api")

    eventually(lambda: _is_ready(project), 30, 0.2)

    assert project.submit("print('again')", wait=20)["stdout"] == "again\n"


def test_while_the_api_is_gone_the_page_is_served_and_says_so(project: Project) -> None:
    project.compose("stop", "api")

    answer = project.http.get("/v1/languages")

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.json()["type"] == "/problems/api-unavailable"
    assert project.http.get("/").status_code == 200
    project.compose("start", "api")
    eventually(lambda: _is_ready(project), 30, 0.2)


def test_a_worker_that_is_stopped_lets_its_jobs_end(project: Project) -> None:
    # Given jobs on all workers
    ids = [project.submit(COUNTS.format(count=8))["id"] for _ in range(6)]
    for job_id in ids:
        project.begun(job_id)
    # When the workers are stopped and started, as an update does it
    began = time.monotonic()
    project.compose("stop", "worker")
    project.compose("start", "worker")
    # Then no job was cut off and begun again, and nobody had to be killed
    jobs = [project.finished(job_id) for job_id in ids]
    assert {(job["outcome"], job["attempt"]) for job in jobs} == {("ok", 1)}
    assert time.monotonic() - began < 35


def test_a_backup_brings_back_results_and_the_jobs_that_ran(project: Project) -> None:
    # Given a backup of a moment in which one job had ended and others ran, and a job that came later
    ended = project.submit("print('before')", wait=20)["id"]
    running = [project.submit(COUNTS.format(count=6))["id"] for _ in range(4)]
    project.begun(running[0])
    backup = project.pipe("exec", "-T", "redis", "backup")
    late = project.submit("print('later')", wait=20)["id"]
    # When the service begins again with it
    project.compose("stop")
    project.pipe("run", "--rm", "-T", "--no-deps", "--entrypoint", "restore", "redis", stdin=backup)
    project.compose("start")
    eventually(lambda: _is_ready(project), 60, 0.2)
    # Then results are there, what ran runs again to its end, and what came later is not known
    jobs = [project.finished(job_id) for job_id in running]
    assert {(job["outcome"], job["stdout"]) for job in jobs} == {("ok", counted(6))}
    assert all(job["attempt"] >= 2 for job in jobs)
    assert project.job(ended)["stdout"] == "before\n"
    assert project.http.get(f"/v1/jobs/{late}").status_code == httpx.codes.NOT_FOUND


def _hosts(project: Project) -> set[str]:
    """Containers whose worker says that it is there."""
    prefix = f"{project.name}:alive:"
    return {name.removeprefix(prefix).split(":")[0] for name in project.redis("keys", f"{prefix}*")}


def _is_ready(project: Project) -> bool:
    try:
        return project.http.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
