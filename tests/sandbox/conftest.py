"""One sandbox without warm containers for the tests that need the engine: what is on it is what the test has made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.sandbox.engine.client import Engine
from tests.sandbox.arena import Arena, open_arena


@pytest.fixture(scope="session")
def arena() -> Iterator[Arena]:
    with open_arena(pool_floor=0, pool_ceiling=0) as opened:
        yield opened


@pytest.fixture
def engine(arena: Arena) -> Engine:
    return arena.engine
