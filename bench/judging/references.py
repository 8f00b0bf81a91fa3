"""Tests whose inputs are files by reference, compared with the same number of bytes in the requests.

200 tests have inputs of 5 MiB each. A text may have at most 4 MiB, and the tests of a job 8 MiB together, so the other
side has 250 tests of 4 MiB, in pairs. A job has at most MAX_CASES tests.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from app.core.constraints import MAX_CASES
from app.core.errors import PyxecError
from bench.gateway.service import GatewayService
from bench.target import Target
from bench.whole.stack import whole_stack
from pyxec import Case, Client, FileInfo

__all__ = ["STEPS", "measure_references"]

STEPS: Final = 3
_MIB: Final = 1024 * 1024
_TESTS: Final = 200
_TEST_BYTES: Final = 5 * _MIB
# Room for the expected outputs, which count for the limit of the texts of a job.
_TEXT_BYTES: Final = 4 * _MIB - 64
_TEXTS_PER_JOB: Final = 2
_CONNECTIONS: Final = 4
# All tests of a job together may have 1000 s.
_TEST_SECONDS: Final = 8
_PROGRAM: Final = "import sys; print(len(sys.stdin.buffer.read()))"
_MAX_SHARE: Final = 0.05


def measure_references(advance: Callable[[], None]) -> list[Target]:
    """Measure requests, bytes through Redis and seconds; return the share of the bytes.

    Args:
        advance: Called after each of STEPS steps.

    Raises:
        PyxecError: The stack does not start, or a test was not accepted.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as cache,
        whole_stack(pyxec_files=f"dir:{folder}", pyxec_file_cache=cache, pyxec_anonymous_file_bytes=2**34) as service,
        Client(service.url) as client,
    ):
        files: list[FileInfo] = []

        def upload_and_run() -> int:
            files.extend(_upload(client))
            return len(files) + _run_by_reference(client, files)

        first = _measure(service, upload_and_run)
        advance()
        again = _measure(service, lambda: _run_by_reference(client, files))
        advance()
        inline = _measure(service, lambda: _run_inline(client))
        advance()
    details = {"by reference": first, "by reference, uploaded before": again, "inline": inline}
    share = first["redis_mib"] / inline["redis_mib"]
    return [Target("bytes through Redis by reference / inline", _MAX_SHARE, True, share, details=details)]


def _measure(service: GatewayService, run: Callable[[], int]) -> dict[str, float]:
    """Return the requests that upload or submit, the MiB that Redis received and sent, and the seconds."""
    before, started = _count_redis_bytes(service), time.monotonic()
    requests = run()
    seconds = time.monotonic() - started
    mib = (_count_redis_bytes(service) - before) / _MIB
    return {"requests": requests, "redis_mib": round(mib, 2), "seconds": round(seconds, 1)}


def _count_redis_bytes(service: GatewayService) -> int:
    stats: Any = service.server.info("stats")
    return int(stats["total_net_input_bytes"]) + int(stats["total_net_output_bytes"])


def _upload(client: Client) -> list[FileInfo]:
    contents = [b"%0*d" % (_TEST_BYTES, number) for number in range(_TESTS)]
    with ThreadPoolExecutor(_CONNECTIONS) as executor:
        return list(executor.map(client.upload, contents))


def _run_by_reference(client: Client, files: Sequence[FileInfo]) -> int:
    tests: list[Case] = [{"stdin": file, "expected_output": str(_TEST_BYTES)} for file in files]
    return _run(client, [tests[start : start + MAX_CASES] for start in range(0, len(tests), MAX_CASES)])


def _run_inline(client: Client) -> int:
    count = _TESTS * _TEST_BYTES // (4 * _MIB)
    tests: list[Case] = [
        {"stdin": f"{number:0{_TEXT_BYTES}}", "expected_output": str(_TEXT_BYTES)} for number in range(count)
    ]
    return _run(client, [tests[start : start + _TEXTS_PER_JOB] for start in range(0, count, _TEXTS_PER_JOB)])


def _run(client: Client, jobs: Sequence[Sequence[Case]]) -> int:
    """Run one job for each list of tests. Returns the number of submissions."""

    def run(tests: Sequence[Case]) -> str | None:
        result = client.run("python", _PROGRAM, tests=tests, limits={"wall_seconds": _TEST_SECONDS})
        return result.verdict if result.verdict != "accepted" else None

    with ThreadPoolExecutor(_CONNECTIONS) as executor:
        failures = [verdict for verdict in executor.map(run, jobs) if verdict is not None]
    if failures:
        raise PyxecError(f"{len(failures)} jobs were not accepted: {failures[0]}")
    return len(jobs)
