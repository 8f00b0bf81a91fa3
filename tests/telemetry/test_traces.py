"""Traces from the request through the message to the phases of the sandbox, received by a real collector."""

from __future__ import annotations

import itertools
import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app.telemetry.spans import SequentialSpans, annotate, span, trace_options
from tests.stack import ROOT, Stack, eventually, running_stack
from tests.telemetry.collector import Collector, ReceivedSpan, running_collector

SPANS_OF_JOB = {
    "POST /v1/jobs", "queue wait", "run_job", "container take", "container start", "compile", "run", "finish",
}  # fmt: skip


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with running_collector() as started:
        yield started


@pytest.fixture(scope="module")
def traced_stack(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with tracing and without a pool, so that each job starts its container."""
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200",
        "PYXEC_POOL_FLOOR": "0", "PYXEC_POOL_CEILING": "0", "PYXEC_LEASE_SECONDS": "3",
    }  # fmt: skip
    with running_stack(tmp_path_factory.mktemp("traced"), **settings) as stack:
        stack.start_api()
        stack.start_worker()
        yield stack


def submit(
    stack: Stack, collector: Collector, expected: set[str], **job: object
) -> tuple[str, dict[str, ReceivedSpan]]:
    """Run a job and return the id of the client's span and all spans of its trace."""
    trace_id, parent_id = secrets.token_hex(16), secrets.token_hex(8)
    headers = {"traceparent": f"00-{trace_id}-{parent_id}-01", "X-Request-Id": f"request-{trace_id}"}
    response = stack.http.post("/v1/jobs?wait=30", json=job, headers=headers)
    assert response.json()["status"] == "finished", response.text
    eventually(lambda: collector.trace(trace_id).keys() >= expected, 10)
    return parent_id, collector.trace(trace_id)


@pytest.mark.docker
def test_trace_contains_request_message_and_phases_of_sandbox(traced_stack: Stack, collector: Collector) -> None:
    # When a client with a trace submits a job in a compiled language
    source = '#include <stdio.h>\nint main(void) { puts("traced"); return 3; }'
    client, spans = submit(traced_stack, collector, SPANS_OF_JOB, language="c", source=source)
    # Then the trace of the client contains all spans, with the correct parents
    assert spans.keys() == SPANS_OF_JOB
    request, job = spans["POST /v1/jobs"], spans["run_job"]
    assert request.parent_id == client
    assert {spans[name].parent_id for name in ("queue wait", "run_job")} == {request.span_id}
    assert {spans[name].parent_id for name in ("container take", "compile", "run", "finish")} == {job.span_id}
    assert spans["container start"].parent_id == spans["container take"].span_id
    # And the spans follow each other
    order = [spans[name] for name in ("queue wait", "container take", "compile", "run", "finish")]
    assert all(before.ended_ns <= after.started_ns + 2_000_000 for before, after in itertools.pairwise(order))
    assert all(span.started_ns <= span.ended_ns for span in order)
    assert {request.service, job.service} == {"pyxec-api", "pyxec-worker"}


@pytest.mark.docker
def test_spans_have_ids_of_job_and_request_and_no_content(traced_stack: Stack, collector: Collector) -> None:
    canary = secrets.token_hex(8)
    _, spans = submit(
        traced_stack, collector, SPANS_OF_JOB - {"compile"}, language="python", source=f"print('{canary}')",
        stdin=canary, env={"SECRET": canary}, args=[canary], labels={"name": canary},
    )  # fmt: skip
    job, request = spans["run_job"].attributes, spans["POST /v1/jobs"].attributes
    assert (job["pyxec.language"], job["pyxec.outcome"], job["pyxec.attempt"]) == ("python", "ok", 1)
    assert job["pyxec.request_id"] == request["pyxec.request_id"] == f"request-{spans['run'].trace_id}"
    assert (request["http.route"], request["http.response.status_code"]) == ("/v1/jobs", 200)
    assert canary not in repr(spans)


@pytest.mark.docker
def test_request_is_served_when_traceparent_is_invalid(traced_stack: Stack, collector: Collector) -> None:
    response = traced_stack.http.post(
        "/v1/jobs?wait=30", json={"language": "bash", "source": "echo on"}, headers={"traceparent": "00-zz-1-01"}
    )
    assert response.json()["stdout"] == "on\n"


@pytest.mark.docker
def test_trace_continues_when_another_worker_takes_over_job(traced_stack: Stack, collector: Collector) -> None:
    # Given a running job in a trace of a client
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    job = {"language": "python", "source": "import time; time.sleep(1); print('done')"}
    job_id = traced_stack.http.post("/v1/jobs", json=job, headers=headers).json()["id"]
    eventually(lambda: traced_stack.job(job_id)["status"] == "running", 10)
    # When its worker is killed and another one starts
    traced_stack.processes[-1].kill()
    traced_stack.start_worker()
    traced_stack.wait_until_finished(job_id, 30)
    # Then the second attempt belongs to the same trace
    attempt = eventually(lambda: collector.trace(trace_id).get("run_job"), 10)
    assert (attempt.attributes["pyxec.job_id"], attempt.attributes["pyxec.attempt"]) == (job_id, 2)
    assert attempt.parent_id == collector.trace(trace_id)["POST /v1/jobs"].span_id


def test_opentelemetry_is_not_imported_when_no_endpoint_is_set() -> None:
    # redis-py imports opentelemetry.api if it is installed.
    code = (
        "import sys; OURS = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'app.telemetry.otel'); "
        "from app.config import read_settings; from app.wiring.gateway import create_api; "
        "from app.wiring.worker import create_broker; settings = read_settings({}); create_api(settings); "
        "create_broker(settings); print([name for name in sys.modules if name in OURS])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_warning_is_logged_when_opentelemetry_is_not_installed() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None; "
        "from app.telemetry.tracer import create_tracer; "
        "print(create_tracer('http://localhost:4318', 'x'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "tracing_unavailable" in done.stdout
    assert "requirements-telemetry.txt" in done.stdout
    assert done.stdout.endswith("None\n")


def test_spans_do_nothing_without_tracer() -> None:
    with span("outer", number=1), SequentialSpans() as phases:
        phases.start("first")
        annotate(more="x")
        assert trace_options() == {}
