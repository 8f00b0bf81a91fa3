"""The whole transition table; tests/store/test_lifecycle.py holds the store against it."""

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


def test_the_table_is_whole() -> None:
    assert set(TABLE) == {(state, event) for state in JobState for event in JobEvent}


@pytest.mark.parametrize(("state", "event"), TABLE)
def test_a_step_leads_where_the_table_says_or_is_refused(state: JobState, event: JobEvent) -> None:
    expected = TABLE[state, event]
    if expected is not None:
        assert transition(state, event) is expected
        return
    with pytest.raises(IllegalTransition, match=f"{event} cannot happen to a {state} job"):
        transition(state, event)
