"""Jobs during an outage of the engine or of its host: they wait, and run afterwards in their first attempt."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.local.engine import engine_host
from tests.ports import free_port
from tests.proxy import FaultProxy
from tests.stack import Process, Stack, eventually, running_stack

pytestmark = pytest.mark.docker

ENGINE = Path(engine_host().removeprefix("unix://"))
JOBS = 12
# Before there was a pause, the last of four retries failed 15 to 28 s after the start of an outage.
OUTAGE_SECONDS = 32.0
PROBE_PORT = free_port()


def probe_worker() -> tuple[int, dict[str, str]]:
    """Return the status and the document of /readyz of the worker."""
    response = httpx.get(f"http://127.0.0.1:{PROBE_PORT}/readyz", trust_env=False)
    return response.status_code, response.json()


@contextlib.contextmanager
def stack_behind_proxy(folder: Path) -> Iterator[tuple[Stack, FaultProxy, Process]]:
    """Start a gateway and a worker that uses the engine of this machine through a proxy."""
    with FaultProxy(ENGINE) as proxy, running_stack(folder) as stack:
        stack.start_api()
        stack.settings = {"DOCKER_HOST": f"tcp://127.0.0.1:{proxy.port}", "PYXEC_POOL_FLOOR": "0"}
        stack.settings["PYXEC_WORKER_PROBE_PORT"] = str(PROBE_PORT)
        yield stack, proxy, stack.start_worker()


def test_guarantee_3_jobs_wait_for_an_engine_that_does_not_answer(tmp_path: Path) -> None:
    with stack_behind_proxy(tmp_path) as (stack, proxy, worker):
        proxy.cut()
        ids = [stack.submit(f"print({number})")["id"] for number in range(JOBS)]
        time.sleep(OUTAGE_SECONDS)
        assert {stack.job(job_id)["status"] for job_id in ids} == {"queued"}
        assert {stack.job(job_id)["waiting_reason"] for job_id in ids} == {"engine-not-answering"}
        assert probe_worker() == (503, {"status": "paused", "reason": "engine-not-answering"})

        proxy.restore()
        jobs = [stack.wait_until_finished(job_id, 60) for job_id in ids]

        assert [(job["outcome"], job["attempt"]) for job in jobs] == [("ok", 1)] * JOBS
        assert probe_worker() == (200, {"status": "ready"})
        assert stack.client.xlen(f"{{{stack.namespace}:jobs}}:dead") == 0
        log = worker.log.read_text()
        assert (log.count('"event": "fetching_paused"'), log.count('"event": "fetching_resumed"')) == (1, 1)
        assert eventually(lambda: "pyxec_worker_paused" in stack.http.get("/metrics").text, 10)
