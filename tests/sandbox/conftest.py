"""A sandbox without idle containers, so that only a test itself creates containers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from app.sandbox.engine.client import Engine
from tests.sandbox.in_memory_inbox import InMemoryInbox
from tests.sandbox.sandbox_fixture import ISOLATIONS, SandboxFixture, open_sandbox_fixture


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests of jobs in every isolation. A module that tests containers defines ISOLATIONS.

    A module with a fixture ``sandbox`` of its own is not parametrized: this would change the scope of its fixture.
    """
    if "sandbox" not in metafunc.fixturenames or hasattr(metafunc.module, "sandbox"):
        return
    uses_containers = {"container", "launch"} & set(metafunc.fixturenames)
    isolations = ISOLATIONS[:1] if uses_containers else getattr(metafunc.module, "ISOLATIONS", ISOLATIONS)
    metafunc.parametrize("sandbox", isolations, indirect=True, scope="session")


@pytest.fixture(scope="session")
def sandbox(request: pytest.FixtureRequest) -> Iterator[SandboxFixture]:
    with open_sandbox_fixture(pool_floor=0, pool_ceiling=0, isolation=request.param) as opened:
        yield opened


@pytest.fixture
def engine(sandbox: SandboxFixture) -> Engine:
    return sandbox.engine


@pytest.fixture
def inbox() -> Iterator[InMemoryInbox]:
    with closing(InMemoryInbox()) as opened:
        yield opened
