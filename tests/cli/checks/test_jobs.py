"""Checks of ``pyxec doctor`` that run jobs. The test plays the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import pytest

from app.cli.checks import sent_job
from app.cli.checks.canary import check_languages
from app.cli.checks.finding import Finding, Status
from app.cli.checks.limits import OUTPUT_BYTES, TRIALS, check_limits
from app.core.outcomes import Outcome
from app.core.states import JobState
from app.local.images import load_catalogue
from pyxec import Client
from tests.http.gateway import Gateway


async def findings(gateway: Gateway, check: Callable[[Client], Iterable[Finding]]) -> list[Finding]:
    """Run a blocking check in a thread and return its findings."""
    service = Client(f"http://127.0.0.1:{gateway.port}")
    try:
        return await asyncio.to_thread(lambda: list(check(service)))
    finally:
        service.close()


def canaries(service: Client) -> Iterable[Finding]:
    return check_languages(service, load_catalogue)


async def test_check_languages_fails_on_unexpected_output(gateway: Gateway) -> None:
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, b"Hello from Python 2\n"))
    (finding,) = await findings(gateway, canaries)
    assert (finding.check, finding.status) == ("canary python", Status.FAILED)


async def test_run_job_cancels_a_job_that_no_worker_takes(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given no worker, and a short time-out
    monkeypatch.setattr(sent_job, "WAIT_SECONDS", 0.1)
    # When the first job is sent
    (finding,) = await findings(gateway, canaries)
    # Then the finding names the missing worker, and the job is cancelled
    assert finding.status is Status.FAILED
    assert "is a worker running?" in finding.detail
    record = gateway.record(await gateway.wait_for_job())
    assert record.state is JobState.FINISHED
    assert record.result is not None
    assert record.result.outcome is Outcome.CANCELLED


async def test_check_limits_names_a_limit_that_is_not_enforced(gateway: Gateway) -> None:
    # Given a sandbox in which every program succeeds
    gateway.worker.handle_jobs(lambda job_id: gateway.worker.run(job_id, b"fine\n"))
    # When the limits are checked
    found = {finding.check: finding.status for finding in await findings(gateway, check_limits)}
    # Then every check fails except the last, whose program exceeds no limit
    assert list(found) == [trial.name for trial in TRIALS]
    *limits, last = found.values()
    assert set(limits) == {Status.FAILED}
    assert last is Status.OK


async def test_check_limits_fails_on_output_truncated_at_the_wrong_size(gateway: Gateway) -> None:
    def cut(job_id: str) -> None:
        gateway.worker.start_phase(job_id)
        gateway.worker.write(job_id, b"x" * (OUTPUT_BYTES + 1))
        gateway.worker.finish(job_id, outcome=Outcome.OUTPUT_LIMIT, exit_code=None, signal=9)

    gateway.worker.handle_jobs(cut)
    found = {finding.check: finding.status for finding in await findings(gateway, check_limits)}
    assert found["endless output"] is Status.FAILED
