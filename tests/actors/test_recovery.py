"""Recovery on a schedule: a minute counts once, the sweeps go through all of it and give back what was lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from dramatiq import Worker

from app.actors.recover import Recovery
from app.broker import StreamsBroker
from app.config import read_settings
from app.core.states import JobState
from app.store.keys import JOBS_QUEUE, MAINTENANCE_QUEUE
from app.wiring.broker import create_broker
from tests.store.live_store import LiveStore, new_job, store_on

MINUTE_MS = 60_000
NOON_MS = 28_333_320 * MINUTE_MS


def recovery(broker: StreamsBroker, sweeps: list[tuple[str, int]], now_ms: Callable[[], int]) -> Recovery:
    return Recovery(broker, lambda queue_name, delay_ms: sweeps.append((queue_name, delay_ms)), now_ms)


async def test_a_tick_sweeps_every_queue_through_the_whole_minute(store: LiveStore) -> None:
    sweeps: list[tuple[str, int]] = []
    store.broker.declare_queue(MAINTENANCE_QUEUE)

    recovery(store.broker, sweeps, lambda: NOON_MS).tick()

    for queue_name in (JOBS_QUEUE, MAINTENANCE_QUEUE):
        delays = [delay_ms for name, delay_ms in sweeps if name == queue_name]
        assert delays == list(range(0, MINUTE_MS, 5000))


@pytest.mark.parametrize(("lease_ms", "interval_ms"), [(500, 1000), (6000, 2000), (15_000, 5000), (600_000, 5000)])
async def test_sweeps_are_never_more_than_five_seconds_apart(
    url: str, namespace: str, lease_ms: int, interval_ms: int
) -> None:
    sweeps: list[tuple[str, int]] = []
    async with store_on(url, namespace, lease_ms=lease_ms) as store:
        recovery(store.broker, sweeps, lambda: NOON_MS).tick()

    assert sweeps[1][1] - sweeps[0][1] == interval_ms


async def test_a_minute_counts_once_for_all_schedulers(url: str, namespace: str) -> None:
    sweeps: list[tuple[str, int]] = []
    async with store_on(url, namespace) as one, store_on(url, namespace) as two:
        ticks = [recovery(house.broker, sweeps, lambda: NOON_MS + 59_999).tick for house in (one, two) * 10]
        threads = [threading.Thread(target=tick) for tick in ticks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(sweeps) == 12

        recovery(two.broker, sweeps, lambda: NOON_MS + MINUTE_MS).tick()
        assert len(sweeps) == 24
        assert all(one.client.ttl(name) > 0 for name in one.client.keys(f"{namespace}:tick:*"))


async def test_a_sweep_gives_a_lost_workers_job_to_another_and_can_be_repeated(url: str, namespace: str) -> None:
    async with store_on(url, namespace, lease_ms=1) as store:
        await store.submit(new_job())
        store.begin(store.take())
        sweeper = recovery(store.broker, [], lambda: NOON_MS)

        for _ in range(3):
            sweeper.sweep(JOBS_QUEUE)

        assert (await store.jobs.get("job")).state is JobState.RUNNING
        assert store.broker.pending(JOBS_QUEUE) == []
        claim = store.begin(store.take())
        assert claim.state is JobState.RUNNING


async def test_as_wired_the_sweeps_ride_a_queue_that_no_job_can_clog(store: LiveStore, url: str) -> None:
    broker = create_broker(read_settings({"REDIS_URL": url, "PYXEC_NAMESPACE": store.keys.namespace}))
    for name in ("sweep", "recovery_tick"):
        actor = broker.get_actor(name)
        assert actor.queue_name == MAINTENANCE_QUEUE
        assert actor.options["max_retries"] == 0
    for number in range(50):
        await store.submit(new_job(f"job-{number}"))

    broker.get_actor("recovery_tick").send()
    worker = Worker(broker, queues={MAINTENANCE_QUEUE}, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        # The tick is done, its first sweeps too, and those of later in this minute wait, fewer and fewer.
        most = waiting = 0
        deadline = time.monotonic() + 20
        while not (most >= 33 and 0 < waiting <= 33) and time.monotonic() < deadline:
            waiting = broker.qsize(MAINTENANCE_QUEUE)
            most = max(most, waiting)
            time.sleep(0.02)
        assert most >= 33
        assert 0 < waiting <= 33
        assert broker.qsize(JOBS_QUEUE) == 50
    finally:
        worker.stop()
        broker.close()
