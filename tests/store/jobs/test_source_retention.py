"""How long the source and the inputs of a job are kept and counted."""

from __future__ import annotations

import pytest

from app.core.errors import NotFound
from app.core.job.events import Output, Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.spec import ForeignRequest
from app.core.states import JobState
from app.store.admin.administration import Administration
from app.store.jobs.records import JOB_OVERHEAD_BYTES
from app.store.keys import JOBS_QUEUE
from tests.store.live_store import CALLER, TTL_SECONDS, LiveStore
from tests.store.stored_jobs import sized_job, stored_bytes

MIB = 1024 * 1024
CANCEL = Input(InputKind.CANCEL)


async def test_source_and_inputs_are_deleted_when_the_job_has_finished(store: LiveStore) -> None:
    await store.submit(sized_job("job", MIB))
    delivery = store.take()
    store.claim(delivery)
    await store.jobs.send("job", Input(InputKind.STDIN, b"x" * MIB))

    store.finish(delivery)

    record = await store.jobs.get("job")
    assert (record.state, record.spec, record.language) == (JobState.FINISHED, None, "python")
    assert store.client.memory_usage(store.keys.record("job")) < 4096
    assert stored_bytes(store) < 2 * JOB_OVERHEAD_BYTES


async def test_source_is_kept_and_counted_when_its_api_returns_it(store: LiveStore) -> None:
    await store.submit(sized_job("job", MIB, foreign=ForeignRequest("judge0", b"request")))
    await store.submit(sized_job("cancelled", MIB, foreign=ForeignRequest("judge0", b"request")))
    delivery = store.take()
    store.claim(delivery)
    store.finish(delivery)
    await store.jobs.send("cancelled", CANCEL)

    for job_id in ("job", "cancelled"):
        record = await store.jobs.get(job_id)
        assert (record.state, record.spec is None, record.foreign is None) == (JobState.FINISHED, False, False)
    assert 2 * MIB < stored_bytes(store) < 2 * MIB + 20_000


async def test_source_is_deleted_when_a_queued_job_is_cancelled(store: LiveStore) -> None:
    await store.submit(sized_job("job", MIB))
    await store.jobs.send("job", Input(InputKind.STDIN, b"x" * MIB))
    assert stored_bytes(store) > 2 * MIB

    await store.jobs.send("job", CANCEL)

    assert (await store.jobs.get("job")).spec is None
    assert stored_bytes(store) < 2 * JOB_OVERHEAD_BYTES
    # The worker that receives its queue entry skips it
    claim = store.claim(store.take())
    assert (claim.state, claim.spec) == (JobState.FINISHED, None)


async def test_second_attempt_finds_the_source_and_its_output_replaces_the_first(store: LiveStore) -> None:
    await store.submit(sized_job("job", 1000))
    delivery = store.take()
    for attempt in (1, 2, 3):
        claim = store.claim(delivery)
        assert claim.spec is not None
        store.write(delivery, store.effects.attempt_started("job", attempt, claim.owner))
        store.write(delivery, store.effects.output("job", [Output(Stream.STDOUT, b"x" * 50_000)], claim.owner))

    store.finish(delivery)

    assert 50_000 < stored_bytes(store) < 60_000


async def test_dead_letter_keeps_the_source_for_a_replay(store: LiveStore) -> None:
    await store.submit(sized_job("job", MIB))
    delivery = store.take()
    claim = store.claim(delivery)
    store.write(delivery, store.effects.output("job", [Output(Stream.STDOUT, b"x" * MIB)], claim.owner))
    store.dead_letter(delivery)
    [dead_letter] = store.broker.dead_letters(JOBS_QUEUE)
    assert dead_letter.effects_error == ""
    assert 2 * MIB < stored_bytes(store) < 2 * MIB + 20_000
    expiry = dict(store.client.zrange(store.keys.storage(CALLER.owner) + ":expiry", 0, -1, withscores=True))
    assert expiry[b"job"] - expiry[b"job:out"] == (7 * 86_400 - 600) * 1000

    await Administration(store.broker, store.keys, TTL_SECONDS).replay(JOBS_QUEUE, dead_letter.id)

    assert MIB < stored_bytes(store) < MIB + 20_000
    assert store.client.zcard(store.keys.storage(CALLER.owner) + ":expiry") == 0
    delivery = store.take()
    assert store.claim(delivery).spec is not None
    store.finish(delivery)
    assert stored_bytes(store) < 2 * JOB_OVERHEAD_BYTES


async def test_source_of_a_dead_job_is_deleted_with_its_dead_letter(store: LiveStore) -> None:
    await store.submit(sized_job("job", MIB))
    store.dead_letter(store.take())
    [dead_letter] = store.broker.dead_letters(JOBS_QUEUE)
    administration = Administration(store.broker, store.keys, TTL_SECONDS)

    await administration.drop(JOBS_QUEUE, dead_letter.id)

    record = await store.jobs.get("job")
    assert (record.state, record.spec) == (JobState.FINISHED, None)
    assert stored_bytes(store) < 2 * JOB_OVERHEAD_BYTES
    with pytest.raises(NotFound):
        await administration.drop(JOBS_QUEUE, dead_letter.id)
