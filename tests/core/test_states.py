"""The state machine of a job."""

from __future__ import annotations

import pytest

from app.core.states import IllegalTransition, JobEvent, JobState, transition

QUEUED, RUNNING, FINISHED = JobState.QUEUED, JobState.RUNNING, JobState.FINISHED
START, FINISH, CANCEL, REPLAY = JobEvent.START, JobEvent.FINISH, JobEvent.CANCEL, JobEvent.REPLAY
TABLE = {
    (QUEUED, START): RUNNING,
    (QUEUED, FINISH): FINISHED,
    (QUEUED, CANCEL): FINISHED,
    (RUNNING, START): RUNNING,
    (RUNNING, FINISH): FINISHED,
    (RUNNING, CANCEL): RUNNING,
    (FINISHED, START): None,
    (FINISHED, FINISH): None,
    (FINISHED, CANCEL): None,
    (QUEUED, REPLAY): None,
    (RUNNING, REPLAY): None,
    (FINISHED, REPLAY): QUEUED,
}


def test_transitions_cover_all_states_and_events() -> None:
    assert set(TABLE) == {(state, event) for state in JobState for event in JobEvent}


@pytest.mark.parametrize(("state", "event"), TABLE)
def test_transition_follows_the_table_or_raises(state: JobState, event: JobEvent) -> None:
    expected = TABLE[state, event]
    if expected is not None:
        assert transition(state, event) is expected
        return
    with pytest.raises(IllegalTransition, match=f"{event} is not possible for a {state} job"):
        transition(state, event)
