"""The hello program of each language in a cell that has run another job, and was created before the first one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.core.outcomes import Outcome
from tests.languages.jobs import program
from tests.sandbox.sandbox_fixture import LANGUAGES, SandboxFixture, eventually, open_sandbox_fixture

pytestmark = pytest.mark.docker

LAUNCH_SECONDS = 20


@pytest.fixture(scope="module")
def cells() -> Iterator[SandboxFixture]:
    """A sandbox that keeps an idle cell for each language that was used."""
    with open_sandbox_fixture(pool_floor=0, pool_ceiling=1, isolation="cell") as opened:
        yield opened


def test_hello_runs_in_a_warm_cell(cells: SandboxFixture, language: str) -> None:
    hello = LANGUAGES[language].hello

    def run_hello() -> None:
        result = cells.run(program(language, hello.source))
        assert (result.outcome, result.text, result.stderr) == (Outcome.OK, hello.output, b"")

    run_hello()
    pool = cells.container_sandbox.pool_stats
    assert eventually(lambda: pool()[language].idle > 0, LAUNCH_SECONDS)
    hits = pool()[language].hits
    run_hello()
    run_hello()

    # A cell that has run a job is taken before an unused one
    assert pool()[language].hits == hits + 2
