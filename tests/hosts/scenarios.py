"""Two worker hosts and Redis with a replica and Sentinels (`make test-hosts`).

The tests use the same hosts in this order: a host is disconnected, the workers are replaced, the host of the Redis
master fails, and a worker host fails.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.hosts.client import WORKER_HOSTS, Load, host_of
from tests.hosts.cluster import LEASE_SECONDS, Cluster
from tests.hosts.hosts import find_obstacle
from tests.hosts.partition import SLOW, check_network_partition
from tests.hosts.store import ReplicatedStore
from tests.stack import eventually

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(find_obstacle()), reason=find_obstacle())]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("hosts"), replicated=True) as running:
        yield running


def test_jobs_run_on_both_hosts(cluster: Cluster) -> None:
    jobs = [cluster.submit(f"echo {number}; sleep 0.3") for number in range(12)]

    finished = [cluster.wait_until_finished(job) for job in jobs]

    assert [job["stdout"] for job in finished] == [f"{number}\n" for number in range(12)]
    assert {host_of(job) for job in finished} == set(WORKER_HOSTS)


def test_another_host_finishes_the_jobs_of_a_disconnected_host(cluster: Cluster) -> None:
    check_network_partition(cluster)


def test_jobs_are_not_lost_when_all_workers_are_replaced_under_load(cluster: Cluster) -> None:
    with Load(cluster) as load:
        slow = cluster.start_on_each_host("echo started; sleep 9; echo done").values()
        # When each worker is replaced while it runs a job that takes longer than its grace period
        for name in WORKER_HOSTS:
            cluster.workers[name].stop()
            cluster.start_worker(name)
            cluster.wait_for_worker(name)
    # Then only these jobs have a second attempt
    assert all(cluster.wait_until_finished(job)["outcome"] == "ok" for job in slow)
    assert {cluster.wait_until_finished(job)["attempt"] for job in load.jobs} == {1}
    assert cluster.violations() == []


def test_replicated_jobs_survive_a_failover_under_load(cluster: Cluster) -> None:
    store = cluster.store
    assert isinstance(store, ReplicatedStore)
    with Load(cluster) as load:
        slow = cluster.start_on_each_host(SLOW).values()
        # Given a replica that has received all accepted jobs
        with load.paused():
            eventually(store.is_synchronized, 10, 0.01)
            # When the host of the master fails
            cluster.machines["store-1"].kill()
            failed_at = time.monotonic()
        before = len(load.jobs)
        # Then the replica becomes the master
        eventually(lambda: store.find_master() == store.second.address, 30)
        # And submissions are accepted again
        eventually(lambda: len(load.jobs) > before + 10, 30)
        assert time.monotonic() - failed_at < 30
    assert [cluster.wait_until_finished(job)["stdout"] for job in slow] == ["started\ndone\n"] * 2
    assert cluster.violations() == []


def test_another_host_finishes_the_jobs_of_a_failed_host(cluster: Cluster) -> None:
    with Load(cluster):
        # Given a job that runs on a host
        job = cluster.start_on_each_host(SLOW)["host-b"]
        # When the host fails
        cluster.machines["host-b"].kill()
        failed_at = time.monotonic()
        # Then the other host starts it within the lease and 5 s, and finishes it
        eventually(lambda: cluster.job(job)["attempt"] == 2, LEASE_SECONDS + 10)
        restart_seconds = time.monotonic() - failed_at
        finished = cluster.wait_until_finished(job, 30)
    assert restart_seconds < LEASE_SECONDS + 5
    assert (host_of(finished), finished["stdout"]) == ("host-a", "started\ndone\n")
    assert cluster.violations() == []


def test_programs_are_not_left_running(cluster: Cluster) -> None:
    eventually(lambda: not cluster.running("host-a"), 20)
