"""The fixtures that more than one folder of tests needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack, running_stack


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
