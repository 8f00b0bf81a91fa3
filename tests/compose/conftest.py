"""The project that all tests of this folder share, for each release of Compose. Its start takes most of the time.

The files have no prefix `test_`, so that `make test` does not collect them. `make test-compose` names them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.compose.project import Project
from tests.compose.releases import COMPOSE_RELEASES


@pytest.fixture(scope="session", params=COMPOSE_RELEASES)
def project(request: pytest.FixtureRequest) -> Iterator[Project]:
    started = Project(request.param)
    try:
        started.up()
        yield started
    except BaseException:
        print(started.compose("logs", "--tail", "50"))  # noqa: T201 - what pytest shows with the failure
        raise
    finally:
        started.down()
    remaining = started.engine.containers(all=True, filters={"label": [f"com.docker.compose.project={started.name}"]})
    assert remaining == started.sandboxes() == []
