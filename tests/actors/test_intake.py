"""A submission is tried once more on a connection that had died, and is still one job."""

from __future__ import annotations

from dramatiq import Message

from app.core.states import JobState
from app.store.keys import JOBS_QUEUE
from app.store.submission import RunJobMessage
from tests.store.live_store import LiveStore, new_job


def test_what_is_written_is_what_dramatiq_reads() -> None:
    parts = {"queue_name": "jobs", "actor_name": "run_job", "args": ('ä"1',), "kwargs": {}, "message_id": "1"}
    options = {"lane": "batch", "traceparent": "00-1-2-01"}

    written = RunJobMessage(**parts, options=options, message_timestamp=1)

    assert Message.decode(written.encode()) == Message(**parts, options=options, message_timestamp=1)


async def test_connections_that_died_unnoticed_cost_no_submission(store: LiveStore) -> None:
    await store.jobs.submit(new_job("before"))
    store.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    await store.jobs.submit(new_job())

    assert (await store.jobs.get("job")).state is JobState.QUEUED
    assert store.broker.qsize(JOBS_QUEUE) == 2
