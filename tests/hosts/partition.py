"""A network partition: a host is disconnected for longer than its lease, and reconnected."""

from __future__ import annotations

import time

from tests.hosts.client import host_of
from tests.hosts.cluster import Cluster
from tests.stack import eventually

__all__ = ["SLOW", "check_network_partition"]

# Dramatiq acknowledges a message again 5 s after a failure.
_RETRY_SECONDS = 5.5
# Longer than a lease, so that the result of a disconnected host is rejected.
SLOW = "echo started; sleep 4; echo done"


def check_network_partition(cluster: Cluster) -> None:
    """Check that another host finishes the job, that late writes are rejected, and that the host runs jobs again."""
    # Given a job that runs on a host
    job = cluster.start_on_each_host(SLOW)["host-a"]
    # When the host is disconnected for longer than its lease
    cluster.lan.disconnect("host-a")
    # Then the other host finishes the job
    finished = cluster.wait_until_finished(job, 30)
    assert (finished["attempt"], host_of(finished), finished["stdout"]) == (2, "host-b", "started\ndone\n")
    # And when the first host, which could not acknowledge its attempt, is reconnected and retries
    log = cluster.workers["host-a"].log
    messages = (f"post_process_message(run_job('{job}'))", f"lease of message {job} was lost")
    eventually(lambda: any(message in log.read_text() for message in messages), 30)
    cluster.lan.reconnect("host-a")
    time.sleep(_RETRY_SECONDS)
    # Then the result has not changed
    assert cluster.job(job) == finished
    # And the program on the first host was killed
    eventually(lambda: not cluster.running("host-a"), 20)
    # And the first host runs jobs again
    assert cluster.start_on_each_host("echo started; sleep 1")["host-a"]
    assert cluster.violations() == []
