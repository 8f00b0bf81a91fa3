"""Logs of real processes: JSON lines with the ids of job, request and worker, and without user content."""

from __future__ import annotations

import json
import logging
import os
import pty
import secrets
import subprocess
import sys
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from app.store.keys import StoreKeys
from tests.http.gateway import OPERATOR_KEY, bearer
from tests.stack import ROOT, Stack, eventually

LOG_ONE_EVENT = "from app.logs import configure_logging; import structlog; configure_logging(); structlog.get_logger('x').info('an_event', job_id='j1')"  # noqa: E501


def log_lines(stack: Stack) -> list[dict[str, Any]]:
    """Return the log lines of all processes. Fails if a line is not JSON."""
    return [json.loads(line) for process in stack.processes for line in process.log.read_text().splitlines()]


def test_command_changes_the_configuration_of_logs() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.WARNING)


def test_configuration_of_logs_was_restored_after_the_test_before() -> None:
    with capture_logs() as lines:
        structlog.get_logger("pyxec.http").info("an event")

    assert [line["event"] for line in lines] == ["an event"]
    assert logging.getLogger().isEnabledFor(logging.WARNING)


@pytest.mark.docker
def test_log_lines_have_ids_of_job_and_no_user_content(own_stack: Stack) -> None:
    # Given a stack with an API key, and a secret in every field that a client can send
    canary = secrets.token_hex(12)
    key_file = own_stack.folder / "admin-key"
    key_file.write_text(OPERATOR_KEY)
    own_stack.settings["PYXEC_ADMIN_KEY_FILE"] = str(key_file)
    # And tracing to a collector that does not exist: its errors are logged in the same form
    own_stack.settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    processes = own_stack.start_api(), own_stack.start_worker()
    key = own_stack.http.post("/v1/admin/keys", json={"name": "test"}, headers=bearer(OPERATOR_KEY)).json()["key"]
    job = {
        "language": "python", "stdin": canary, "env": {"SECRET": canary}, "args": [canary], "labels": {"name": canary},
        "source": f"import sys; print('{canary}'); print('{canary}', file=sys.stderr); raise ValueError('{canary}')",
    }  # fmt: skip
    headers = {**bearer(key), "X-Request-Id": "the-request", "Idempotency-Key": canary}
    # When the job runs, and some requests are rejected
    result = own_stack.http.post("/v1/jobs?wait=30", json=job, headers=headers).json()
    assert canary in result["stdout"]
    own_stack.http.post("/v1/jobs", json={**job, canary: 1}, headers=headers)
    own_stack.http.get(f"/v1/jobs?after={canary}", headers=bearer(f"pyxec_{canary}"))
    ended = eventually(lambda: [line for line in log_lines(own_stack) if line["event"] == "job_ended"], 5)
    # Then the lines of the job have its ids
    assert [(line["job_id"], line["request_id"], line["outcome"]) for line in ended] == [
        (result["id"], "the-request", "nonzero_exit")
    ]
    assert ended[0]["worker"] == result["worker"]
    (taken,) = [line for line in log_lines(own_stack) if line["event"] == "sandbox_taken"]
    assert (taken["job_id"], taken["request_id"], taken["worker"]) == (result["id"], "the-request", result["worker"])
    (request,) = [
        line for line in log_lines(own_stack) if line.get("request_id") == "the-request" and "status" in line
    ][:1]
    assert (request["event"], request["route"], request["status"]) == ("request", "/v1/jobs", 200)
    # And the missing collector does not delay the shutdown
    assert [process.terminate(grace_seconds=15) for process in processes] == [0, 0]
    # And no line contains a secret
    assert log_lines(own_stack)
    all_logs = "\n".join(process.log.read_text() for process in own_stack.processes)
    assert canary not in all_logs
    assert key not in all_logs
    assert OPERATOR_KEY not in all_logs


def test_log_is_readable_text_on_terminal() -> None:
    controller, terminal = pty.openpty()
    try:
        subprocess.run([sys.executable, "-c", LOG_ONE_EVENT], cwd=ROOT, stderr=terminal, check=True)
        text = os.read(controller, 4096).decode()
    finally:
        os.close(controller)
        os.close(terminal)
    assert "an_event" in text
    assert "\x1b[" in text
    with pytest.raises(ValueError):
        json.loads(text)


def test_log_is_json_in_file() -> None:
    done = subprocess.run([sys.executable, "-c", LOG_ONE_EVENT], cwd=ROOT, capture_output=True, text=True, check=True)
    line = json.loads(done.stderr)
    assert (line["event"], line["job_id"], line["level"], line["logger"]) == ("an_event", "j1", "info", "x")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(("level", "events"), [("", ["request", "request_failed"]), ("error", ["request_failed"])])
def test_log_level_is_a_setting_and_health_checks_are_not_logged(
    own_stack: Stack, level: str, events: list[str]
) -> None:
    # Given an API with a log level
    own_stack.settings["PYXEC_LOG_LEVEL"] = level
    own_stack.start_api()
    # When health checks, a correct request and one that fails are sent
    for path in ("/livez", "/readyz", "/v1/languages"):
        assert own_stack.http.get(path).status_code == 200
    keys = StoreKeys(own_stack.namespace)
    own_stack.client.hset(keys.record("damaged"), mapping={"about": b"damaged"})
    assert own_stack.http.get("/v1/jobs/damaged").status_code == 500
    # Then the lines of this level exist, and none of the health checks
    lines = eventually(lambda: [line for line in log_lines(own_stack) if line["event"] == "request_failed"], 5)
    assert lines
    logged = [line for line in log_lines(own_stack) if line["event"].startswith("request")]
    assert sorted({line["event"] for line in logged}) == events
    assert not [line for line in logged if line.get("route") in ("/livez", "/readyz")]


def test_unknown_log_level_names_the_setting(own_stack: Stack) -> None:
    own_stack.settings["PYXEC_LOG_LEVEL"] = "loud"
    done = subprocess.run(
        [sys.executable, "-m", "app.worker", "--queues", "jobs"],
        cwd=ROOT,
        env={**os.environ, **own_stack.settings},
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode != 0
    assert "PYXEC_LOG_LEVEL" in done.stderr.splitlines()[-1]
    assert all(name in done.stderr.splitlines()[-1] for name in ("debug", "info", "warning", "error"))
