"""What many jobs have in common is packed once: it must come to the same as packing it for each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker import PackedEffects, QueueKeys
from app.core.events import Event, JobFinished, Output, PhaseStarted, Stream
from app.core.outcomes import Outcome
from app.core.results import JobResult
from app.store.effects import JobEffects
from app.store.keys import JOBS_QUEUE, StoreKeys
from app.store.wakeups import GOES_ON


@given(job_id=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True) | st.just("f" * 32), has_webhook=st.booleans())
def test_the_writes_of_a_death_are_the_same_however_they_are_packed(job_id: str, has_webhook: bool) -> None:
    effects = JobEffects(StoreKeys("a-namespace"), 600)
    one_by_one = effects.dead(job_id, has_webhook=has_webhook)

    assert effects.packed_dead(job_id, has_webhook=has_webhook) == PackedEffects.of(
        one_by_one, QueueKeys("a-namespace", JOBS_QUEUE)
    )


def test_effects_of_another_queue_are_not_packed() -> None:
    effects = JobEffects(StoreKeys("a-namespace"), 600)

    with pytest.raises(ValueError, match="hash tag"):
        PackedEffects.of(effects.dead("job"), QueueKeys("another", JOBS_QUEUE))


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
