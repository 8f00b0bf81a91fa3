"""What real processes log: a JSON line an event, that names job, request and worker, and nothing of the users'."""

from __future__ import annotations

import json
import os
import pty
import secrets
import subprocess
import sys
from typing import Any

import pytest

from tests.http.live import OPERATOR_KEY, bearer
from tests.stack import ROOT, Stack, eventually

LOG_ONE = "from app.logs import configure_logging; import structlog; configure_logging(); structlog.get_logger('x').info('an_event', job_id='j1')"  # noqa: E501


def lines(stack: Stack) -> list[dict[str, Any]]:
    """Every line of every process: each is JSON, or this fails."""
    return [json.loads(line) for process in stack.processes for line in process.log.read_text().splitlines()]


@pytest.mark.docker
def test_a_jobs_lines_name_it_and_nothing_of_it_is_logged(own_stack: Stack) -> None:
    # Given a service with a key, and something secret in all that a client can send
    canary = secrets.token_hex(12)
    key_file = own_stack.folder / "admin-key"
    key_file.write_text(OPERATOR_KEY)
    own_stack.settings["PYXEC_ADMIN_KEY_FILE"] = str(key_file)
    # And traces on, to a collector that is gone: what is said about that is a line like any other
    own_stack.settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    processes = own_stack.start_api(), own_stack.start_worker()
    key = own_stack.http.post("/v1/admin/keys", json={"name": "test"}, headers=bearer(OPERATOR_KEY)).json()["key"]
    job = {
        "language": "python", "stdin": canary, "env": {"SECRET": canary}, "args": [canary], "labels": {"name": canary},
        "source": f"import sys; print('{canary}'); print('{canary}', file=sys.stderr); raise ValueError('{canary}')",
    }  # fmt: skip
    headers = {**bearer(key), "X-Request-Id": "the-request", "Idempotency-Key": canary}
    # When it runs, and some requests are refused
    answer = own_stack.http.post("/v1/jobs?wait=30", json=job, headers=headers).json()
    assert canary in answer["stdout"]
    own_stack.http.post("/v1/jobs", json={**job, canary: 1}, headers=headers)
    own_stack.http.get(f"/v1/jobs?after={canary}", headers=bearer(f"pyxec_{canary}"))
    found = eventually(lambda: [line for line in lines(own_stack) if line["event"] == "job_ended"], 5)
    # Then the job's lines say whose they are
    assert [(line["job_id"], line["request_id"], line["outcome"]) for line in found] == [
        (answer["id"], "the-request", "nonzero_exit")
    ]
    assert found[0]["worker"] == answer["worker"]
    (taken,) = [line for line in lines(own_stack) if line["event"] == "sandbox_taken"]
    assert (taken["job_id"], taken["request_id"], taken["worker"]) == (answer["id"], "the-request", answer["worker"])
    (asked,) = [line for line in lines(own_stack) if line.get("request_id") == "the-request" and "status" in line][:1]
    assert (asked["event"], asked["route"], asked["status"]) == ("request", "/v1/jobs", 200)
    # And nobody waits for the collector for long
    assert [process.terminate(grace_seconds=15) for process in processes] == [0, 0]
    # And all lines together have nothing of what was sent, printed or known
    assert lines(own_stack)
    everything = "\n".join(process.log.read_text() for process in own_stack.processes)
    assert canary not in everything
    assert key not in everything
    assert OPERATOR_KEY not in everything


def test_a_terminal_gets_it_for_people() -> None:
    far, near = pty.openpty()
    try:
        subprocess.run([sys.executable, "-c", LOG_ONE], cwd=ROOT, stderr=near, check=True)
        shown = os.read(far, 4096).decode()
    finally:
        os.close(far)
        os.close(near)
    assert "an_event" in shown
    assert "\x1b[" in shown
    with pytest.raises(ValueError):
        json.loads(shown)


def test_a_file_gets_it_for_programs() -> None:
    done = subprocess.run([sys.executable, "-c", LOG_ONE], cwd=ROOT, capture_output=True, text=True, check=True)
    line = json.loads(done.stderr)
    assert (line["event"], line["job_id"], line["level"], line["logger"]) == ("an_event", "j1", "info", "x")
    assert line["timestamp"].endswith("Z")
