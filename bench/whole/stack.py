"""The whole stack to measure: an API process, a server that syncs every write, a worker, this machine's engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from app.core.errors import PyxecError
from bench.gateway_service import GatewayService, gateway_service
from bench.http_calls import Call, HttpCalls

__all__ = ["IMAGE", "JOB", "PRINTED", "PROGRAM", "THREADS", "check", "one_job", "whole_stack"]

PROGRAM: Final = "print(6 * 7)"
PRINTED: Final = "42\n"
IMAGE: Final = "pyxec/python"
JOB: Final = {"language": "python", "source": PROGRAM}
# As the Procfile has it by default.
THREADS: Final = 4
_WAITED: Final = Call("POST", "/v1/jobs?wait=60", JOB)
_SETTLE_SECONDS: Final = 2.0


@contextmanager
def whole_stack(**settings: Any) -> Iterator[GatewayService]:
    """Serve until left, once it has run a job and its pool is full.

    Raises:
        PyxecError: it does not come up, or does not run a job.
    """
    with gateway_service(app="app.asgi:create()", **settings) as service:
        service.start_worker(THREADS)
        one_job(HttpCalls(service.url))
        time.sleep(_SETTLE_SECONDS)
        yield service


def one_job(http: HttpCalls) -> dict[str, Any]:
    """The finished job.

    Raises:
        PyxecError: it did not print what it should.
    """
    job: dict[str, Any] = http.send(_WAITED)
    check("Pyxec", job.get("stdout"))
    return job


def check(who: str, printed: str | None, wanted: str = PRINTED) -> None:
    """A fast answer that is wrong is no answer."""
    if printed != wanted:
        raise PyxecError(f"{who} printed {printed!r}, not {wanted!r}")
