"""The gateway does not use the engine."""

from __future__ import annotations

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker


def test_gateway_works_when_engine_is_unreachable(own_stack: Stack) -> None:
    # Given a gateway without an engine, and a worker with the real engine
    worker_settings = dict(own_stack.settings)
    own_stack.settings["DOCKER_HOST"] = f"unix://{own_stack.folder}/there-is-no-engine"
    own_stack.start_api()
    own_stack.settings = worker_settings
    own_stack.start_worker()
    # When a job is submitted
    job = own_stack.submit("print('through Redis alone')", wait=20)
    # Then the gateway shows its result, and the languages
    assert job["stdout"] == "through Redis alone\n"
    assert "python" in own_stack.languages()
