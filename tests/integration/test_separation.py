"""Who may touch what, seen from outside."""

from __future__ import annotations

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker


def test_the_api_works_without_an_engine_to_talk_to(own_stack: Stack) -> None:
    # Given an API to which no engine can be reached, and a worker on the real one
    reachable = dict(own_stack.settings)
    own_stack.settings["DOCKER_HOST"] = f"unix://{own_stack.folder}/there-is-no-engine"
    own_stack.start_api()
    own_stack.settings = reachable
    own_stack.start_worker()
    # When a job is submitted, run and shown
    job = own_stack.submit("print('through Redis alone')", wait=20)
    # Then the API never needed the engine
    assert job["stdout"] == "through Redis alone\n"
    assert "python" in own_stack.languages()
