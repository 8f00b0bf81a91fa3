"""The service on a swarm of three hosts (`make test-swarm`).

The tests use the same swarm in this order: all containers are replaced under load, a host fails, and a host joins.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosts.client import WORKER_HOSTS, Load, host_of
from tests.hosts.hosts import find_obstacle
from tests.stack import eventually
from tests.swarm.swarm import MANAGER, Swarm

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(find_obstacle()), reason=find_obstacle()),
]

SLOW = "echo started; sleep 8; echo done"


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    with Swarm(tmp_path_factory.mktemp("swarm")) as running:
        yield running


def test_jobs_of_each_web_server_run_on_both_worker_hosts(swarm: Swarm) -> None:
    jobs = [swarm.submit(f"echo {number}; sleep 0.3") for number in range(6)]
    swarm.http = swarm.create_client_for("host-a")
    jobs += [swarm.submit(f"echo {number}; sleep 0.3") for number in range(6, 12)]
    swarm.http = swarm.create_client_for(MANAGER)

    finished = [swarm.wait_until_finished(job) for job in jobs]

    assert [job["stdout"] for job in finished] == [f"{number}\n" for number in range(12)]
    assert {host_of(job) for job in finished} == set(WORKER_HOSTS)


def test_update_under_load_loses_and_rejects_no_job(swarm: Swarm) -> None:
    with Load(swarm) as load:
        before = {service: swarm.containers(service) for service in ("worker", "api")}
        swarm.update("worker")
        swarm.update("api")
        after = {service: swarm.containers(service) for service in ("worker", "api")}

    assert not any(before[service] & after[service] for service in before)
    assert swarm.rejected == []
    assert {swarm.wait_until_finished(job)["attempt"] for job in load.jobs} == {1}
    assert swarm.violations() == []


def test_another_host_finishes_the_jobs_of_a_failed_host(swarm: Swarm) -> None:
    with Load(swarm):
        # Given a job that runs on a host
        job = swarm.start_on_each_host(SLOW)["host-b"]
        # When the host fails
        swarm.machines["host-b"].kill()
        # Then another host finishes it, and the swarm reports the host as down
        finished = swarm.wait_until_finished(job, 60)
        eventually(lambda: swarm.node_state("host-b") == "down", 60, 0.5)
        # And two API containers run
        eventually(lambda: [state for _, state in swarm.tasks("api")] == ["Running"] * 2, 120, 0.5)
        assert "host-b" not in {node for node, _ in swarm.tasks("api")}
    assert (host_of(finished), finished["attempt"], finished["stdout"]) == ("host-a", 2, "started\ndone\n")
    assert swarm.violations() == []


def test_host_that_joins_runs_jobs(swarm: Swarm) -> None:
    swarm.start_host("host-c", like="host-b")
    swarm.join("host-c")
    swarm.label("host-c", "worker")
    swarm.wait_for_workers("host-a", "host-c")

    assert swarm.start_on_each_host("echo started; sleep 1")["host-c"]
    assert swarm.violations() == []


def test_programs_are_not_left_running(swarm: Swarm) -> None:
    eventually(lambda: not swarm.running("host-a") + swarm.running("host-c"), 20)
