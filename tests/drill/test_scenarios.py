"""A short form of `make drill`: the faults that need no separate engine and no network namespaces."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.drill.checker import violations
from tests.drill.deployment import Deployment, Settings
from tests.drill.faults import connections, redelivery, redis_server, workers, workspaces
from tests.drill.load import Load
from tests.drill.scenarios import FaultInjection

pytestmark = pytest.mark.docker

ENVIRONMENT = {"PYXEC_LEASE_SECONDS": "1", "PYXEC_REDIS_TIMEOUT_SECONDS": "0.6", "PYXEC_MAX_DELIVERIES": "20"}
JOBS = 6

FAULTS: dict[str, FaultInjection] = {
    "worker killed at random times": workers.killed(4),
    "worker killed while files of a workspace change": workspaces.killed_while_files_change(3),
    "Redis killed between steps of a job": redis_server.killed_between_steps(2),
    "Redis suspended longer than the leases": redis_server.frozen(1.5),
    "network of worker cut longer than its lease": connections.worker_cut(1),
    "requests and replies lost, submissions executed twice": connections.lossy(4),
    "API killed between its write and its response": connections.api_killed(1),
    "messages delivered repeatedly": redelivery.delivered_ten_times(3),
}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("deployment"), Settings(environment=ENVIRONMENT)) as running:
        yield running


@pytest.mark.parametrize("fault", FAULTS)
def test_accepted_jobs_end_once_with_complete_output(deployment: Deployment, fault: str) -> None:
    # Given clients that submit jobs
    load = Load(deployment.stack.url, JOBS, pause_seconds=0.4)
    load.start()

    # When a fault is injected
    summary = FAULTS[fault](deployment, load, random.Random())

    # Then every job has one result or one dead letter, and its output once
    history = deployment.drain(load, 60)
    assert violations(history) == [], summary
    assert len(load.accepted) >= JOBS


def test_containers_are_removed_after_faults(deployment: Deployment) -> None:
    assert deployment.count_leftover_containers() == 0
