"""The short form of `make drill`: the faults that need no engine and no network of their own, one after the other, on
one Pyxec whose leases are short. `make drill` does all of them, for longer."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.drill.checker import violations
from tests.drill.faults import messages, redis_server, ways, workers
from tests.drill.load import Load
from tests.drill.scenarios import Act
from tests.drill.site import Settings, Site

pytestmark = pytest.mark.docker

ENVIRONMENT = {"PYXEC_LEASE_SECONDS": "1", "PYXEC_MAX_DELIVERIES": "20"}
JOBS = 6

FAULTS: dict[str, Act] = {
    "a worker killed at random moments": workers.killed(4),
    "Redis killed and started again": redis_server.killed(1),
    "Redis suspended for longer than the leases": redis_server.frozen(1.5),
    "Redis out of memory": redis_server.out_of_memory(1.2),
    "a worker cut off for longer than its lease": ways.worker_cut(1),
    "requests and replies lost, submissions executed twice": ways.lossy(4),
    "the API killed between its write and its reply": ways.api_killed(1),
    "every message delivered again and again": messages.delivered_ten_times(3),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), Settings(environment=ENVIRONMENT)) as running:
        yield running


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_accepted_is_lost_or_told_twice(site: Site, fault: str) -> None:
    # Given jobs that are submitted and run
    load = Load(site.stack.url, JOBS, pause_seconds=0.4)
    load.start()

    # When this happens
    done = FAULTS[fault](site, load, random.Random())

    # Then in the end every job there ever was has one result or one dead letter, and its output once
    history = site.drain(load, 60)
    assert violations(history) == [], done
    assert len(load.accepted) >= JOBS


def test_no_container_is_left_of_all_that(site: Site) -> None:
    assert site.containers_left() == 0
