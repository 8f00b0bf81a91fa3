"""A submission is tried once more on a connection that had died, and is still one job."""

from __future__ import annotations

from app.core.states import JobState
from app.store.keys import JOBS_QUEUE
from tests.store.live_store import LiveStore, new_job


async def test_connections_that_died_unnoticed_cost_no_submission(store: LiveStore) -> None:
    await store.jobs.submit(new_job("before"))
    store.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    await store.jobs.submit(new_job())

    assert (await store.jobs.get("job")).state is JobState.QUEUED
    assert store.broker.qsize(JOBS_QUEUE) == 2
