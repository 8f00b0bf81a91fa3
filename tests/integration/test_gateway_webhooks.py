"""A webhook, and the figures of a job, through every real process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.webhook_receiver import running_receiver
from tests.stack import ROOT, Stack, eventually, running_stack

pytestmark = pytest.mark.docker


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with running_stack(tmp_path, PYXEC_WEBHOOK_ALLOW_PRIVATE="on") as stack:
        stack.start_api()
        stack.start_worker()
        stack.start(
            "dramatiq", "app.worker:setup", "--queues", "webhooks", "--processes", "1", "--threads", "2",
            name="webhooks",
        )  # fmt: skip
        yield stack


def scrape(stack: Stack, what: str) -> str:
    """The figures, once they have this line."""
    text = stack.http.get("/metrics").text
    return text if what in text else ""


def test_from_a_key_made_on_the_host_to_the_webhook_and_the_figures(stack: Stack) -> None:
    # Given a key that was made on the host
    made = subprocess.run(
        [sys.executable, "-m", "app.cli", "keys", "create"],
        cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    stack.http.headers["Authorization"] = f"Bearer {made.stdout.strip()}"
    with running_receiver() as receiver:
        # When a job that tells of its end is run with it
        job = stack.submit("print(1)", webhook_url=receiver.url, wait=30)
        # Then its end is told
        (request,) = eventually(lambda: receiver.requests, 20)
    told = json.loads(request.body)["job"]
    assert (told["id"], told["outcome"], told["exit_code"]) == (job["id"], "ok", 0)
    # And it is counted, with what its sandbox cost
    counted = 'pyxec_jobs_total{language="python",outcome="ok"} 1.0'
    text = eventually(lambda: scrape(stack, counted), 20)
    assert "pyxec_job_queue_seconds_count 1.0" in text
    for figure in ("container_start_seconds_count", "container_start_seconds_sum", "pool_idle"):
        assert f'pyxec_{figure}{{language="python"}}' in text
    # Of the one job the pool knows whether it found a warm sandbox
    found = re.findall(r'pyxec_pool_(?:hits|misses)_total{language="python"} (\S+)', text)
    assert sum(map(float, found)) == 1
    assert "pyxec_sandboxes_running 0.0" in text
    # And in the log of the worker the request can be found beside the container
    answer = stack.http.get(f"/v1/jobs/{job['id']}")
    assert answer.json()["worker"]
    lines = [line for process in stack.processes for line in process.log.read_text().splitlines()]
    taken = [line for line in lines if "sandbox_taken" in line]
    assert all(json.loads(line)["request_id"] for line in taken)
    assert len(taken) == 1
