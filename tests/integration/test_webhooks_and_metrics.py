"""The webhook and the metrics of a job, with all processes of a stack."""

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
            "python", "-m", "app.worker", "--queues", "webhooks", "--processes", "1", "--threads", "2",
            name="webhooks",
        )  # fmt: skip
        yield stack


def scrape_when_contains(stack: Stack, line: str) -> str:
    """Return the metrics if they contain a line, else an empty string."""
    text = stack.http.get("/metrics").text
    return text if line in text else ""


def test_job_with_key_of_command_line_has_webhook_metrics_and_log_lines(stack: Stack) -> None:
    # Given an API key that was created on the command line
    created = subprocess.run(
        [sys.executable, "-m", "app.cli", "keys", "create"],
        cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    stack.http.headers["Authorization"] = f"Bearer {created.stdout.strip()}"
    with running_receiver() as receiver:
        # When a job with a webhook runs
        job = stack.submit("print(1)", webhook_url=receiver.url, wait=30)
        # Then the receiver gets its result
        (request,) = eventually(lambda: receiver.requests, 20)
    finished = json.loads(request.body)["job"]
    assert (finished["id"], finished["outcome"], finished["exit_code"]) == (job["id"], "ok", 0)
    # And it is counted, together with its sandbox
    counted = 'pyxec_jobs_total{language="python",outcome="ok"} 1.0'
    text = eventually(lambda: scrape_when_contains(stack, counted), 20)
    assert "pyxec_job_queue_seconds_count 1.0" in text
    for metric in ("container_start_seconds_count", "container_start_seconds_sum", "pool_idle"):
        assert f'pyxec_{metric}{{language="python"}}' in text
    # The pool counts the job as a hit or as a miss
    counts = re.findall(r'pyxec_pool_(?:hits|misses)_total{language="python"} (\S+)', text)
    assert sum(map(float, counts)) == 1
    assert "pyxec_sandboxes_running 0.0" in text
    assert "pyxec_workers 1.0" in text
    assert "pyxec_worker_slots 4.0" in text
    # And the log of the worker contains the request id and the container
    assert stack.job(job["id"])["worker"]
    lines = [line for process in stack.processes for line in process.log.read_text().splitlines()]
    taken = [line for line in lines if "sandbox_taken" in line]
    assert all(json.loads(line)["request_id"] for line in taken)
    assert len(taken) == 1
