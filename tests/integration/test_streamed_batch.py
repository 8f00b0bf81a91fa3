"""Streamed batches of real programs: every result arrives once, although the client disconnects and continues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

JOBS = 24
NDJSON = {"Accept": "application/x-ndjson", "Idempotency-Key": "integration"}


def stream(stack: Stack, after: str = "") -> Iterator[dict[str, Any]]:
    """Send the batch and yield the lines of the response. The connection is closed with the iterator."""
    jobs: list[dict[str, Any]] = [{"language": "python", "source": f"print({number})"} for number in range(JOBS)]
    jobs[3] = {"language": "python", "source": "raise SystemExit(3)"}
    jobs[5] = {"language": "klingon", "source": ""}
    query = {"after": after} if after else {}
    with stack.http.stream("POST", "/v1/jobs/batch", params=query, json={"jobs": jobs}, headers=NDJSON) as response:
        assert response.status_code == 200
        yield from map(json.loads, response.iter_lines())


def test_streamed_batch_returns_each_result_once_after_a_disconnect(stack: Stack) -> None:
    lines: list[dict[str, Any]] = []
    for line in (first_part := stream(stack)):
        if line["type"] in ("result", "problem"):
            lines.append(line)
            if len(lines) == JOBS // 3:
                break
    first_part.close()  # type: ignore[attr-defined]
    *rest, end = [line for line in stream(stack, lines[-1]["cursor"]) if line["type"] not in ("batch", "heartbeat")]

    assert end == {"type": "end", "ended": JOBS, "jobs": JOBS}
    lines += rest
    assert sorted(line["index"] for line in lines) == list(range(JOBS))
    by_index = {line["index"]: line for line in lines}
    assert by_index[5]["problem"]["field"] == "language"
    assert by_index[3]["job"]["outcome"] == "nonzero_exit"
    printed = {index: line["job"]["stdout"] for index, line in by_index.items() if index not in (3, 5)}
    assert printed == {index: f"{index}\n" for index in printed}
