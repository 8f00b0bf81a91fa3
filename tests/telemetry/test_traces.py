"""One trace from the request through the message to the container's phases, at a real collector."""

from __future__ import annotations

import itertools
import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app.telemetry.spans import Consecutive, annotate, carried, span
from tests.stack import ROOT, Stack, eventually, running_stack
from tests.telemetry.collector import Collector, Seen, collecting

PHASES = {
    "POST /v1/jobs", "queue wait", "run_job", "container take", "container start", "compile", "run", "finish",
}  # fmt: skip


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as started:
        yield started


@pytest.fixture(scope="module")
def traced(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that traces. Nothing is kept warm, so that a container's start is part of its job."""
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200",
        "PYXEC_POOL_FLOOR": "0", "PYXEC_POOL_CEILING": "0", "PYXEC_LEASE_SECONDS": "2",
    }  # fmt: skip
    with running_stack(tmp_path_factory.mktemp("traced"), **settings) as stack:
        stack.start_api()
        stack.start_worker()
        yield stack


def submit(stack: Stack, collector: Collector, expected: set[str], **job: object) -> tuple[str, dict[str, Seen]]:
    """The id of the client's span, and all spans of its trace, once the job has ended and they have arrived."""
    trace_id, parent_id = secrets.token_hex(16), secrets.token_hex(8)
    headers = {"traceparent": f"00-{trace_id}-{parent_id}-01", "X-Request-Id": f"request-{trace_id}"}
    answer = stack.http.post("/v1/jobs?wait=30", json=job, headers=headers)
    assert answer.json()["status"] == "finished", answer.text
    eventually(lambda: collector.trace(trace_id).keys() >= expected, 10)
    return parent_id, collector.trace(trace_id)


@pytest.mark.docker
def test_one_trace_leads_from_the_client_to_the_containers_phases(traced: Stack, collector: Collector) -> None:
    # When a client that traces submits a job in a language with a compiler
    source = '#include <stdio.h>\nint main(void) { puts("traced"); return 3; }'
    client, spans = submit(traced, collector, PHASES, language="c", source=source)
    # Then there are all parts of it, in the client's trace, each below the one it belongs to
    assert spans.keys() == PHASES
    request, job = spans["POST /v1/jobs"], spans["run_job"]
    assert request.parent_id == client
    assert {spans[name].parent_id for name in ("queue wait", "run_job")} == {request.span_id}
    assert {spans[name].parent_id for name in ("container take", "compile", "run", "finish")} == {job.span_id}
    assert spans["container start"].parent_id == spans["container take"].span_id
    # And they follow one another
    order = [spans[name] for name in ("queue wait", "container take", "compile", "run", "finish")]
    assert all(before.ended_ns <= after.began_ns + 2_000_000 for before, after in itertools.pairwise(order))
    assert all(one.began_ns <= one.ended_ns for one in order)
    assert {request.service, job.service} == {"pyxec-api", "pyxec-worker"}


@pytest.mark.docker
def test_spans_name_the_job_and_the_request_and_no_content(traced: Stack, collector: Collector) -> None:
    canary = secrets.token_hex(8)
    _, spans = submit(
        traced, collector, PHASES - {"compile"}, language="python", source=f"print('{canary}')", stdin=canary,
        env={"SECRET": canary}, args=[canary], labels={"name": canary},
    )  # fmt: skip
    job, request = spans["run_job"].attributes, spans["POST /v1/jobs"].attributes
    assert (job["pyxec.language"], job["pyxec.outcome"], job["pyxec.attempt"]) == ("python", "ok", 1)
    assert job["pyxec.request_id"] == request["pyxec.request_id"] == f"request-{spans['run'].trace_id}"
    assert (request["http.route"], request["http.response.status_code"]) == ("/v1/jobs", 200)
    assert canary not in repr(spans)


@pytest.mark.docker
def test_a_header_that_is_none_begins_a_trace_of_its_own(traced: Stack, collector: Collector) -> None:
    answer = traced.http.post(
        "/v1/jobs?wait=30", json={"language": "bash", "source": "echo on"}, headers={"traceparent": "00-zz-1-01"}
    )
    assert answer.json()["stdout"] == "on\n"


@pytest.mark.docker
def test_a_job_that_another_worker_takes_over_stays_in_its_trace(traced: Stack, collector: Collector) -> None:
    # Given a job that runs, in a client's trace
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    job = {"language": "python", "source": "import time; time.sleep(1); print('done')"}
    job_id = traced.http.post("/v1/jobs", json=job, headers=headers).json()["id"]
    eventually(lambda: traced.job(job_id)["status"] == "running", 10)
    # When its worker is killed, and there is another one
    traced.processes[-1].kill()
    traced.start_worker()
    traced.finished(job_id, 30)
    # Then the second attempt is a part of the same trace
    attempt = eventually(lambda: collector.trace(trace_id).get("run_job"), 10)
    assert (attempt.attributes["pyxec.job_id"], attempt.attributes["pyxec.attempt"]) == (job_id, 2)
    assert attempt.parent_id == collector.trace(trace_id)["POST /v1/jobs"].span_id


def test_without_an_endpoint_nothing_is_imported() -> None:
    # What redis-py imports by itself, where the packages are there, is its own matter.
    code = (
        "import sys; OURS = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'app.telemetry.otel'); "
        "from app.config import read_settings; from app.wiring.gateway import create_api; "
        "from app.wiring.broker import create_broker; settings = read_settings({}); create_api(settings); "
        "create_broker(settings); print([name for name in sys.modules if name in OURS])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_where_the_packages_are_missing_it_is_told_and_everything_else_works() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None; from app.config import read_settings; "
        "from app.wiring.telemetry import create_tracer; "
        "print(create_tracer(read_settings({'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://localhost:4318'}), 'x'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "tracing_unavailable" in done.stdout
    assert "requirements-telemetry.txt" in done.stdout
    assert done.stdout.endswith("None\n")


def test_without_a_tracer_spans_do_nothing() -> None:
    with span("outer", number=1), Consecutive() as phases:
        phases.begin("first")
        annotate(more="x")
        assert carried() == {}
