"""Recovery on a schedule."""

from __future__ import annotations

import pytest
from dramatiq import Worker

from app.actors.recover import Recovery
from app.broker import BrokerUnavailable
from app.config import read_settings
from app.core.states import JobState
from app.store.keys import JOBS_QUEUE, MAINTENANCE_QUEUE
from app.wiring.worker import create_broker
from tests.broker.delivery import expire
from tests.stack import eventually
from tests.store.live_store import LiveStore, new_job, store_on


async def test_recover_requeues_job_of_lost_worker_once(url: str, namespace: str) -> None:
    async with store_on(url, namespace) as store:
        await store.submit(new_job())
        store.claim(store.take())
        expire(store.broker, JOBS_QUEUE)
        recovery = Recovery(store.broker)

        for _ in range(3):
            recovery.run()

        assert store.broker.recovered_total == 1
        assert (await store.jobs.get("job")).state is JobState.RUNNING
        assert store.broker.pending(JOBS_QUEUE) == []
        claim = store.claim(store.take())
        assert claim.state is JobState.RUNNING


async def test_recover_runs_every_minute_on_queue_without_jobs(store: LiveStore, url: str) -> None:
    broker = create_broker(read_settings({"REDIS_URL": url, "PYXEC_NAMESPACE": store.keys.namespace}))
    try:
        periodic_actors = {name: actor for name, actor in broker.actors.items() if "periodic" in actor.options}
        assert list(periodic_actors) == ["recover", "reconcile_storage", "collect_files", "collect_workspace_files"]
        recover = periodic_actors["recover"]
        assert recover.queue_name == MAINTENANCE_QUEUE
        assert str(recover.options["periodic"]) == "* * * * *"
        assert recover.options["max_retries"] == 0
    finally:
        broker.close()


async def test_recover_is_not_blocked_by_waiting_jobs(store: LiveStore, url: str) -> None:
    for number in range(50):
        await store.submit(new_job(f"job-{number}"))
    broker = create_broker(read_settings({"REDIS_URL": url, "PYXEC_NAMESPACE": store.keys.namespace}))
    for _ in range(10):  # schedulers may enqueue it any number of times
        broker.get_actor("recover").send()
    worker = Worker(broker, queues={MAINTENANCE_QUEUE}, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        eventually(lambda: broker.qsize(MAINTENANCE_QUEUE) == 0, 20)
        assert broker.dead_letters(MAINTENANCE_QUEUE) == []
        assert broker.qsize(JOBS_QUEUE) == 50
    finally:
        worker.stop()
        broker.close()


async def test_guarantee_3_failed_periodic_task_is_counted_and_dropped(
    store: LiveStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = create_broker(read_settings({"REDIS_URL": url, "PYXEC_NAMESPACE": store.keys.namespace}))

    def fail(queue_name: str) -> None:
        raise BrokerUnavailable("Redis does not answer")

    worker = Worker(broker, queues={MAINTENANCE_QUEUE}, worker_threads=1, worker_timeout=50)
    try:
        worker.start()
        monkeypatch.setattr(broker, "maintain", fail)
        broker.get_actor("recover").send()
        eventually(lambda: broker.qsize(MAINTENANCE_QUEUE) == 0, 20)
        assert broker.dead_letters(MAINTENANCE_QUEUE) == []
        sample = b'["pyxec_periodic_tasks_failed_total",["recover"],""]'
        eventually(lambda: store.client.hget(store.keys.metrics, sample) == b"1", 10)
    finally:
        worker.stop()
        broker.close()
