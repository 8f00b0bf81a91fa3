"""A network partition of one of two worker hosts, with a single Redis server. scenarios.py tests more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts.cluster import Cluster
from tests.hosts.hosts import find_obstacle
from tests.hosts.partition import check_network_partition

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(find_obstacle()), reason=find_obstacle())]


def test_another_host_finishes_the_jobs_of_a_disconnected_host(tmp_path: Path) -> None:
    with Cluster(tmp_path, replicated=False) as cluster:
        check_network_partition(cluster)
