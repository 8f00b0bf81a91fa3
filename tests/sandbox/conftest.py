"""A sandbox without idle containers, so that only a test itself creates containers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from app.sandbox.engine.client import Engine
from tests.sandbox.in_memory_inbox import InMemoryInbox
from tests.sandbox.sandbox_fixture import SandboxFixture, open_sandbox_fixture


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxFixture]:
    with open_sandbox_fixture(pool_floor=0, pool_ceiling=0) as opened:
        yield opened


@pytest.fixture
def engine(sandbox: SandboxFixture) -> Engine:
    return sandbox.engine


@pytest.fixture
def inbox() -> Iterator[InMemoryInbox]:
    with closing(InMemoryInbox()) as opened:
        yield opened
