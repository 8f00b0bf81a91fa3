"""Killed, stopped and replaced containers. No accepted job is lost."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.compose.project import Project
from tests.stack import eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

COUNTS = "import time\nfor n in range({count}): print(n, flush=True); time.sleep(0.5)"


def expected_output(count: int) -> str:
    return "".join(f"{n}\n" for n in range(count))


def test_added_workers_share_the_jobs(project: Project) -> None:
    # Given three workers
    project.compose("up", "-d", "--no-recreate", "--scale", "worker=3")
    eventually(lambda: len(_hosts(project)) == 3, 60, 0.5)
    # When more jobs are submitted than one worker runs at once
    ids = [project.submit("import time; time.sleep(0.5); print('done')")["id"] for _ in range(24)]
    jobs = [project.wait_until_finished(job_id) for job_id in ids]
    # Then each job finishes, and all workers ran jobs
    assert {job["stdout"] for job in jobs} == {"done\n"}
    assert len({job["worker"].split(":")[0] for job in jobs}) == 3


def test_number_of_workers_persists_and_scaling_down_loses_no_job(project: Project) -> None:
    # Given three workers, by the setting
    project.settings["PYXEC_WORKERS"] = "3"
    project.compose("up", "-d")
    eventually(lambda: len(_hosts(project)) == 3, 60, 0.5)
    # When the services are started again, then the workers stay
    project.compose("up", "-d")
    assert len(project.containers("worker")) == 3
    # And when two workers are removed while jobs run
    ids = [project.submit(COUNTS.format(count=6))["id"] for _ in range(12)]
    project.wait_until_running(ids[0])
    project.settings["PYXEC_WORKERS"] = "1"
    started = time.monotonic()
    project.compose("up", "-d")
    # Then the command returns within the grace period, and each job finishes
    assert time.monotonic() - started < 45
    assert len(project.containers("worker")) == 1
    jobs = [project.wait_until_finished(job_id, 90) for job_id in ids]
    assert {(job["outcome"], job["stdout"]) for job in jobs} == {("ok", expected_output(6))}


def test_job_and_worker_are_restarted_when_the_worker_is_killed(project: Project) -> None:
    # Given a job that runs
    job_id = project.submit(COUNTS.format(count=8))["id"]
    host = project.wait_until_running(job_id)["worker"].split(":")[0]
    [container] = [item for item in project.containers("worker") if item["Config"]["Hostname"] == host]
    # When its worker is killed
    project.crash(container)
    # Then the job runs again completely, and the container is restarted
    job = project.wait_until_finished(job_id)
    assert (job["outcome"], job["attempt"], job["stdout"]) == ("ok", 2, expected_output(8))
    eventually(lambda: container["Id"] in [item["Id"] for item in project.containers("worker")], 30, 0.5)


def test_jobs_are_not_lost_when_redis_is_killed_under_load(project: Project) -> None:
    # Given running and queued jobs, the first of which still runs when all are submitted
    ids = [project.submit(COUNTS.format(count=10))["id"] for _ in range(16)]
    project.wait_until_running(ids[0])
    # When the server is killed and restarted
    before = project.container("redis")
    project.crash(before)
    eventually(lambda: project.containers("redis"), 30, 0.2)
    # Then all processes reconnect, and every job finishes
    jobs = [project.wait_until_finished(job_id) for job_id in ids]
    assert {(job["outcome"], job["stdout"]) for job in jobs} == {("ok", expected_output(10))}
    assert project.container("redis")["State"]["StartedAt"] != before["State"]["StartedAt"]


def test_api_is_reachable_when_its_address_changes(project: Project) -> None:
    project.compose("up", "-d", "--force-recreate", "--no-deps", "api")

    eventually(lambda: _is_ready(project), 30, 0.2)

    assert project.submit("print('again')", wait=20)["stdout"] == "again\n"


def test_page_is_served_when_the_api_is_stopped(project: Project) -> None:
    project.compose("stop", "api")

    response = project.http.get("/v1/languages")

    assert response.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert response.json()["type"] == "/problems/api-unavailable"
    assert project.http.get("/").status_code == 200
    project.compose("start", "api")
    eventually(lambda: _is_ready(project), 30, 0.2)


def test_stopped_worker_finishes_its_jobs(project: Project) -> None:
    # Given jobs on all workers
    ids = [project.submit(COUNTS.format(count=8))["id"] for _ in range(6)]
    for job_id in ids:
        project.wait_until_running(job_id)
    # When the workers are stopped and started, as in an upgrade
    started = time.monotonic()
    project.compose("stop", "worker")
    project.compose("start", "worker")
    # Then no job has a second attempt, and no worker had to be killed
    jobs = [project.wait_until_finished(job_id) for job_id in ids]
    assert {(job["outcome"], job["attempt"]) for job in jobs} == {("ok", 1)}
    assert time.monotonic() - started < 35


def test_backup_restores_results_and_running_jobs(project: Project) -> None:
    # Given a backup with a file, a finished and running jobs, and a job that was submitted later
    file = project.http.put("/v1/files", content=b"from the backup").json()["file_id"]
    finished = project.submit("print('before')", wait=20)["id"]
    # They take longer than a backup on a busy machine: a job that has finished before it does not run again.
    limits = {"wall_seconds": 60}
    running = [project.submit(COUNTS.format(count=40), limits=limits)["id"] for _ in range(4)]
    for job_id in running:
        project.wait_until_running(job_id)
    backup = project.pipe("exec", "-T", "redis", "backup")
    files = project.pipe("exec", "-T", "api", "backup-files")
    late = project.submit("print('later')", wait=20)["id"]
    # When the backup is restored
    project.compose("stop")
    project.pipe("run", "--rm", "-T", "--no-deps", "--entrypoint", "restore", "redis", stdin=backup)
    project.pipe("run", "--rm", "-T", "--no-deps", "--entrypoint", "restore-files", "api", stdin=files)
    project.compose("start")
    eventually(lambda: _is_ready(project), 60, 0.2)
    # Then files and results exist, running jobs run again, and later jobs are unknown
    assert project.http.get(f"/v1/files/{file}").content == b"from the backup"
    assert project.submit("print(input())", stdin={"file_id": file}, wait=20)["stdout"] == "from the backup\n"
    jobs = [project.wait_until_finished(job_id) for job_id in running]
    assert {(job["outcome"], job["stdout"]) for job in jobs} == {("ok", expected_output(40))}
    assert all(job["attempt"] >= 2 for job in jobs)
    assert project.job(finished)["stdout"] == "before\n"
    assert project.http.get(f"/v1/jobs/{late}").status_code == httpx.codes.NOT_FOUND


def _hosts(project: Project) -> set[str]:
    """Return the containers whose worker is registered."""
    prefix = f"{project.name}:alive:"
    return {name.removeprefix(prefix).split(":")[0] for name in project.redis("keys", f"{prefix}*")}


def _is_ready(project: Project) -> bool:
    try:
        return project.http.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
