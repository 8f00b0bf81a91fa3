"""What many jobs have in common is packed once: it must come to the same as packing it for each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker import Effect, QueueKeys, pack_effects
from app.core.events import Event, JobFinished, Output, PhaseStarted, Stream
from app.core.outcomes import Outcome
from app.core.results import JobResult
from app.store.effects import JobEffects
from app.store.keys import JOBS_QUEUE, StoreKeys
from app.store.wakeups import GOES_ON


@given(job_id=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True) | st.just("f" * 32), has_webhook=st.booleans())
def test_packed_dead_equals_the_packed_effects_of_dead(job_id: str, has_webhook: bool) -> None:
    effects = JobEffects(StoreKeys("a-namespace"), 600)
    free_slot = Effect("ZREM", "{a-namespace:jobs}:slots:an-account", job_id)
    expected = [*effects.dead(job_id, has_webhook=has_webhook), free_slot]

    packed = effects.packed_dead(job_id, "an-account", has_webhook=has_webhook)

    assert packed == pack_effects(expected, QueueKeys("a-namespace", JOBS_QUEUE))


def test_effects_of_another_queue_are_not_packed() -> None:
    effects = JobEffects(StoreKeys("a-namespace"), 600)

    with pytest.raises(ValueError, match="hash tag"):
        pack_effects(effects.dead("job"), QueueKeys("another", JOBS_QUEUE))


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (PhaseStarted("run"), GOES_ON),
        (Output(Stream.STDOUT, b"42"), GOES_ON),
        (JobFinished(JobResult(outcome=Outcome.OK, message="")), b""),
    ],
)
def test_only_the_end_wakes_who_waits_for_it(event: Event, told: bytes) -> None:
    *_, wake_up = JobEffects(StoreKeys("a-namespace"), 600).append("job", [event])

    assert (wake_up.command, wake_up.args[-1]) == ("PUBLISH", told)
