"""The running service as `make up` sees it: whether it is ready, and whether it really runs a job."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from app.local.errors import SetupError
from app.local.steps import Step
from app.sandbox.images.catalogue import Language
from pyxec import Client, PyxecError

__all__ = ["is_ready", "run_first_job", "wait_until_ready"]

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.2
_ANSWER_SECONDS = 2.0
_JOB_SECONDS = 30.0


def is_ready(url: str) -> bool:
    """Whether the API answers that it can take jobs."""
    try:
        return httpx.get(f"{url}/readyz", timeout=_ANSWER_SECONDS).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def wait_until_ready(url: str, still_running: Callable[[], bool], step: Step) -> None:
    """Return as soon as the API is ready.

    Raises:
        SetupError: it was not within a minute, or what should bring it up has ended.
    """
    started = time.monotonic()
    while not is_ready(url):
        elapsed = time.monotonic() - started
        if not still_running():
            raise SetupError("the processes have stopped again")
        if elapsed > _READY_SECONDS:
            raise SetupError(f"{url}/readyz is not ready after {_READY_SECONDS:g} s")
        step.advance(elapsed / _READY_SECONDS, f"waiting for {url}/readyz")
        time.sleep(_POLL_SECONDS)


def run_first_job(url: str, language: Language) -> str:
    """Run the language's hello program over the API; return what it printed.

    Raises:
        SetupError: it did not end as it must.
    """
    try:
        job = Client(url).run(language.id, language.hello.source, timeout_seconds=_JOB_SECONDS)
    except PyxecError as e:
        raise SetupError(f"the first job could not be run: {e}") from e
    if job.outcome != "ok" or job.stdout != language.hello.output:
        raise SetupError(f"the first job ended as {job.outcome!r}: {job.message} {job.stderr}".rstrip())
    return job.stdout
