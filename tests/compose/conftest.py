"""One project for all tests here: starting it takes the longest.

Their files have no test_ in their names, so that `make test` does not come upon them: `make test-compose` names them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.compose.project import Project


@pytest.fixture(scope="session")
def project() -> Iterator[Project]:
    started = Project()
    try:
        started.up()
        yield started
    except BaseException:
        print(started.compose("logs", "--tail", "50"))  # noqa: T201 - what pytest shows beside the failure
        raise
    finally:
        started.down()
    left = started.engine.containers(all=True, filters={"label": [f"com.docker.compose.project={started.name}"]})
    assert left == started.sandboxes() == []
