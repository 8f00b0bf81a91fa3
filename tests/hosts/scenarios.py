"""Two worker hosts, a store with a replica and Sentinels, real networks between them: `make test-hosts`.

The scenarios build on one another, in this order: the first host is cut off and comes back, workers are replaced, the
store's master dies, and in the end a worker host does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.hosts.cut import SLOW, cut_off_and_come_back
from tests.hosts.network import why_not
from tests.hosts.site import LEASE_SECONDS, Site
from tests.hosts.store import WatchedStore
from tests.hosts.visitor import WORKER_HOSTS, Load, host_of
from tests.stack import eventually

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(why_not()), reason=why_not())]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("hosts"), watched=True) as running:
        yield running


def test_jobs_run_on_both_hosts(site: Site) -> None:
    jobs = [site.submit(f"echo {number}; sleep 0.3") for number in range(12)]

    ended = [site.finished(job) for job in jobs]

    assert [job["stdout"] for job in ended] == [f"{number}\n" for number in range(12)]
    assert {host_of(job) for job in ended} == set(WORKER_HOSTS)


def test_the_jobs_of_a_host_that_is_cut_off_end_elsewhere_and_what_it_says_later_is_refused(site: Site) -> None:
    cut_off_and_come_back(site)


def test_replacing_all_workers_under_load_loses_nothing(site: Site) -> None:
    with Load(site) as load:
        slow = site.begun_on_each("echo begun; sleep 9; echo done").values()
        # When each worker is told to stop, while a job runs that is longer than its grace, and another one starts
        for name in WORKER_HOSTS:
            site.workers[name].stop()
            site.start_worker(name)
            site.wait_for_worker(name)
    # Then the jobs that were given back have begun anew, once, and nothing else has
    assert all(site.finished(job)["outcome"] == "ok" for job in slow)
    assert {site.finished(job)["attempt"] for job in load.jobs} == {1}
    assert site.violations() == []


def test_the_store_fails_over_under_load_and_what_its_replica_had_seen_is_not_lost(site: Site) -> None:
    store = site.store
    assert isinstance(store, WatchedStore)
    with Load(site) as load:
        slow = site.begun_on_each(SLOW).values()
        # Given that the replica has seen all that was accepted
        with load.paused():
            eventually(store.is_in_step, 10, 0.01)
            # When the master's machine dies
            site.machines["store-1"].kill()
            killed_at = time.monotonic()
        before = len(load.jobs)
        # Then the replica takes its place
        eventually(lambda: store.master() == store.second.address, 30)
        # And submissions are accepted again, and run
        eventually(lambda: len(load.jobs) > before + 10, 30)
        assert time.monotonic() - killed_at < 30
    assert [site.finished(job)["stdout"] for job in slow] == ["begun\ndone\n"] * 2
    assert site.violations() == []


def test_the_jobs_of_a_host_whose_power_goes_end_elsewhere(site: Site) -> None:
    with Load(site):
        # Given a job in the hands of a host
        job = site.begun_on_each(SLOW)["host-b"]
        # When the host dies
        site.machines["host-b"].kill()
        killed_at = time.monotonic()
        # Then the other one has begun it anew within lease + 5 s, and finishes it
        eventually(lambda: site.job(job)["attempt"] == 2, LEASE_SECONDS + 10)
        began_after = time.monotonic() - killed_at
        ended = site.finished(job, 30)
    assert began_after < LEASE_SECONDS + 5
    assert (host_of(ended), ended["stdout"]) == ("host-a", "begun\ndone\n")
    assert site.violations() == []


def test_nothing_is_left_running(site: Site) -> None:
    eventually(lambda: not site.running("host-a"), 20)
