"""The stack on a swarm of three hosts; each has an engine, a network and processes of its own: `make test-swarm`.

The scenarios build on one another, in this order: everything is replaced under load, a host dies, another one joins.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosts.network import why_not
from tests.hosts.visitor import WORKER_HOSTS, Load, host_of
from tests.stack import eventually
from tests.swarm.swarm import MANAGER, Swarm

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900), pytest.mark.skipif(bool(why_not()), reason=why_not())]

SLOW = "echo begun; sleep 8; echo done"


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    with Swarm(tmp_path_factory.mktemp("swarm")) as running:
        yield running


def test_jobs_run_on_both_worker_hosts_whichever_web_server_took_them(swarm: Swarm) -> None:
    jobs = [swarm.submit(f"echo {number}; sleep 0.3") for number in range(6)]
    swarm.http = swarm.client_of("host-a")
    jobs += [swarm.submit(f"echo {number}; sleep 0.3") for number in range(6, 12)]
    swarm.http = swarm.client_of(MANAGER)

    ended = [swarm.finished(job) for job in jobs]

    assert [job["stdout"] for job in ended] == [f"{number}\n" for number in range(12)]
    assert {host_of(job) for job in ended} == set(WORKER_HOSTS)


def test_an_update_of_workers_and_api_under_load_loses_nothing_and_refuses_nobody(swarm: Swarm) -> None:
    with Load(swarm) as load:
        before = {service: swarm.containers(service) for service in ("worker", "api")}
        swarm.update("worker")
        swarm.update("api")
        after = {service: swarm.containers(service) for service in ("worker", "api")}

    assert not any(before[service] & after[service] for service in before)
    assert swarm.refused == []
    assert {swarm.finished(job)["attempt"] for job in load.jobs} == {1}
    assert swarm.violations() == []


def test_the_jobs_of_a_host_whose_power_goes_end_elsewhere(swarm: Swarm) -> None:
    with Load(swarm):
        # Given a job in the hands of a host
        job = swarm.begun_on_each(SLOW)["host-b"]
        # When the host dies
        swarm.machines["host-b"].kill()
        # Then another one begins it anew, and the swarm knows
        ended = swarm.finished(job, 60)
        eventually(lambda: swarm.node_state("host-b") == "down", 60, 0.5)
        # And two of the API are there again
        eventually(lambda: [state for _, state in swarm.tasks("api")] == ["Running"] * 2, 120, 0.5)
        assert "host-b" not in {node for node, _ in swarm.tasks("api")}
    assert (host_of(ended), ended["attempt"], ended["stdout"]) == ("host-a", 2, "begun\ndone\n")
    assert swarm.violations() == []


def test_a_host_that_joins_takes_jobs(swarm: Swarm) -> None:
    swarm.start_host("host-c", like="host-b")
    swarm.join("host-c")
    swarm.label("host-c", "worker")
    swarm.wait_for_workers("host-a", "host-c")

    assert swarm.begun_on_each("echo begun; sleep 1")["host-c"]
    assert swarm.violations() == []


def test_nothing_is_left_running(swarm: Swarm) -> None:
    eventually(lambda: not swarm.running("host-a") + swarm.running("host-c"), 20)
