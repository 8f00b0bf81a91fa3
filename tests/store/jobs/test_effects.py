"""The effects of job steps."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker import Effect, QueueKeys, pack_effects
from app.core.job.events import Event, JobFinished, Output, PhaseStarted, Stream
from app.core.job.results import JobResult
from app.core.job.submission import Idempotency
from app.core.outcomes import Outcome
from app.store.jobs.effects import JobEffects
from app.store.jobs.wakeups import JOB_CONTINUES
from app.store.keys import JOBS_QUEUE, StoreKeys
from tests.store.live_store import new_job


@given(
    job_id=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True) | st.just("f" * 32),
    has_webhook=st.booleans(),
    has_idempotency_key=st.booleans(),
)
def test_packed_dead_equals_the_packed_effects_of_dead(
    job_id: str, has_webhook: bool, has_idempotency_key: bool
) -> None:
    effects = JobEffects(StoreKeys("a-namespace"), 600)
    free_slot = Effect("ZREM", "{a-namespace:jobs}:slots:an-account", job_id)
    record_seconds = (8 if has_webhook else 7) * 86_400
    storage = "{a-namespace:jobs}:storage:an-owner"
    expire = [
        Effect("LEDGER.EXPIRE", storage, job_id, record_seconds * 1000),
        Effect("LEDGER.EXPIRE", storage, f"{job_id}:out", (record_seconds if has_webhook else 600) * 1000),
    ]
    job = msgspec.structs.replace(
        new_job(job_id),
        owner="an-owner",
        webhook_url="http://192.0.2.1/" if has_webhook else None,
        idempotency=Idempotency("a-hash", "another-hash") if has_idempotency_key else None,
    )
    if has_idempotency_key:
        expire.append(Effect("EXPIRE", "{a-namespace:jobs}:idempotency:a-hash", record_seconds))
    expected = [*effects.dead(job_id, has_webhook=has_webhook), free_slot, *expire]

    packed = effects.packed_dead(job, "an-account")

    assert packed == pack_effects(expected, QueueKeys("a-namespace", JOBS_QUEUE))


def test_packed_effects_reject_keys_of_another_queue() -> None:
    effects = JobEffects(StoreKeys("a-namespace"), 600)

    with pytest.raises(ValueError, match="hash tag"):
        pack_effects(effects.dead("job"), QueueKeys("another", JOBS_QUEUE))


@pytest.mark.parametrize(
    ("event", "published"),
    [
        (PhaseStarted("run"), JOB_CONTINUES),
        (Output(Stream.STDOUT, b"42"), JOB_CONTINUES),
        (JobFinished(JobResult(outcome=Outcome.OK, message="")), b""),
    ],
)
def test_append_publishes_whether_the_job_continues(event: Event, published: bytes) -> None:
    *_, wake_up = JobEffects(StoreKeys("a-namespace"), 600).append("job", [event])

    assert (wake_up.command, wake_up.args[-1]) == ("PUBLISH", published)
