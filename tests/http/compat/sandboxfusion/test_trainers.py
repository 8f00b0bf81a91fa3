"""Many concurrent requests of a trainer. `make bench BENCH_ARGS=trainers` runs 2,000 jobs in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.http_calls import Call, HttpCalls
from bench.whole.trainers import CLIENTS, READ_SECONDS
from tests.stack import Stack, running_stack

pytestmark = pytest.mark.docker

JOBS = CLIENTS + 144


@pytest.fixture
def cell_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack with cells, which run many jobs per second, and a maximum wait that is too short for the queue."""
    with running_stack(tmp_path, PYXEC_ISOLATION="cell", PYXEC_MAX_WAIT_SECONDS="0.5") as stack:
        stack.start_api()
        stack.start_worker()
        yield stack


def test_256_clients_complete_all_jobs_within_their_read_timeout(cell_stack: Stack) -> None:
    calls = [
        Call("POST", "/sandboxfusion/run_code", {"language": "python", "code": f"print({number})"})
        for number in range(JOBS)
    ]

    answers = HttpCalls(cell_stack.url).send_all(calls, CLIENTS, READ_SECONDS)

    assert [answer["run_result"]["stdout"] for answer in answers] == [f"{number}\n" for number in range(JOBS)]
    assert {answer["status"] for answer in answers} == {"Success"}
