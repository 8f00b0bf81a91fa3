"""The whole stack as a subject: an API process, a server that syncs every write, a worker, this machine's engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from app.core.errors import PyxecError
from bench.gateway.service import GatewayService, gateway_service
from bench.http_calls import Call, HttpCalls

__all__ = ["IMAGE", "JOB", "PRINTED", "PROGRAM", "STACKS", "THREADS", "check", "run_one_job", "whole_stack"]

PROGRAM: Final = "print(6 * 7)"
PRINTED: Final = "42\n"
IMAGE: Final = "pyxec/python"
JOB: Final = {"language": "python", "source": PROGRAM}
# Isolation mode to the name of the stack in tables.
STACKS: Final = {"container": "Pyxec, containers", "cell": "Pyxec, cells"}
# The default of the Procfile.
THREADS: Final = 4
_SUBMIT_AND_WAIT: Final = Call("POST", "/v1/jobs?wait=60", JOB)
_SETTLE_SECONDS: Final = 2.0


@contextmanager
def whole_stack(**settings: Any) -> Iterator[GatewayService]:
    """Start the stack, run a job and wait until the pool is full.

    Raises:
        PyxecError: The stack does not start or does not run a job.
    """
    with gateway_service(app="app.asgi:create()", **settings) as service:
        service.start_worker(THREADS)
        run_one_job(HttpCalls(service.url))
        time.sleep(_SETTLE_SECONDS)
        yield service


def run_one_job(http: HttpCalls) -> dict[str, Any]:
    """Run the one-line job and return it.

    Raises:
        PyxecError: The output is wrong.
    """
    job: dict[str, Any] = http.send(_SUBMIT_AND_WAIT)
    check("Pyxec", job.get("stdout"))
    return job


def check(subject: str, output: str | None, expected: str = PRINTED) -> None:
    """Raise PyxecError if the output of a measured program is wrong."""
    if output != expected:
        raise PyxecError(f"{subject} printed {output!r} instead of {expected!r}")
