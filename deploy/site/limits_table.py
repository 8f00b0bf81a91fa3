"""The table of docs/limits.md: ``python -m deploy.site.limits_table`` generates it from constants of the service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app.actors.judging.parallel_tests import MAX_TESTS_OF_SANDBOX
from app.config import Settings
from app.core import constraints
from app.core.callers import ANONYMOUS_TIER, TIERS
from app.core.execution.checker_job import MAX_MESSAGE_BYTES, MAX_SCORE
from app.core.files import MAX_JOB_FILE_BYTES
from app.core.job.results import MAX_ARTIFACTS, MAX_ARTIFACTS_BYTES
from app.core.judging.cases import MAX_CASES_BYTES
from app.core.judging.comparison import MAX_TOLERANCE
from app.core.judging.groups import MAX_WEIGHT
from app.core.limits import (
    LIMITS,
    MAX_COMPILE_OUTPUT_BYTES,
    MAX_COMPILE_SECONDS,
    MAX_TOTAL_SECONDS,
    MIN_COMPILE_SECONDS,
)
from app.core.workspaces import MAX_WORKSPACE_BYTES, MAX_WORKSPACE_FILES
from app.files.redis_storage import RedisStorage
from app.http.request import MAX_IDEMPOTENCY_KEY_CHARACTERS
from app.http.request_parser import MAX_HEAD_BYTES, MAX_HEAD_LINES
from app.store.jobs.job_store import MAX_INPUT_BYTES
from app.store.workspaces.workspace_store import MAX_WAITING_JOBS, MAX_WORKSPACES

__all__ = ["format_limits_table", "replace_table"]

_START: Final = "<!-- begin: python -m deploy.site.limits_table -->\n"
_END: Final = "<!-- end -->\n"
_HEAD: Final = "| Limit | Value | If it is exceeded |\n|---|---|---|\n"
_TIERS: Final = (ANONYMOUS_TIER, *TIERS.values())
_MIB: Final = 1024 * 1024
_INVALID: Final = "422"

_Row = tuple[str, str, str]


def format_limits_table() -> str:
    """Return the Markdown table, grouped by what the limits apply to."""
    groups = {
        "Programs, each phase (`limits`)": _list_program_limits(),
        "Jobs": _list_job_limits(),
        "Tests and judging": _list_test_limits(),
        "Files by reference": _list_file_limits(),
        "Workspaces": _list_workspace_limits(),
        "Accounts": _list_account_limits(),
        "Requests": _list_request_limits(),
    }
    lines = []
    for title, rows in groups.items():
        lines.append(f"| **{title}** | | |\n")
        lines += [f"| {name} | {value} | {result} |\n" for name, value, result in rows]
    return _HEAD + "".join(lines)


def replace_table(document: str, table: str) -> str:
    """Return the document with `table` between the two markers.

    Raises:
        ValueError: A marker is missing.
    """
    before, start, rest = document.partition(_START)
    _, end, after = rest.partition(_END)
    if not start or not end:
        raise ValueError("the document contains no markers for the table")
    return f"{before}{_START}{table}{_END}{after}"


def _list_program_limits() -> Iterator[_Row]:
    results = {
        "wall_seconds": "outcome `wall_time_limit`",
        "cpu_seconds": "outcome `cpu_time_limit`",
        "memory_bytes": "outcome `memory_limit`",
        "output_bytes": "outcome `output_limit`",
        "stack_bytes": "killed by SIGSEGV",
    }
    for name, limit in LIMITS.items():
        is_bytes = limit.unit == "bytes"
        low, default, high = (
            _bytes(number) if is_bytes else f"{number:g}" for number in (limit.minimum, limit.default, limit.maximum)
        )
        unit = "" if is_bytes or not limit.unit else f" {limit.unit}"
        shown = f"`{limit.follows}`" if limit.follows else f"{default}{unit}"
        value = f"{low} to {high}{unit}; default {shown}, or that of the language"
        yield f"`{name}`: {limit.description}", value, results.get(name, "the system call of the program fails")
    seconds = f"{MIN_COMPILE_SECONDS:g} to {MAX_COMPILE_SECONDS:g} s; default {MAX_COMPILE_SECONDS:g} s"
    yield "`compile_limits`: elapsed and processor time of the compiler", seconds, "outcome `compile_error`"
    yield "Output of the compiler", _bytes(MAX_COMPILE_OUTPUT_BYTES), "it is cut"


def _list_job_limits() -> Iterator[_Row]:
    limited = TIERS["limited"].total_limits.wall_seconds
    yield (
        "Elapsed time, and processor time, of all phases together",
        f"{MAX_TOTAL_SECONDS:g} s; tier `limited`: {limited:g} s",
        "outcome `wall_time_limit` or `cpu_time_limit`",
    )
    yield "Source files", f"{constraints.MAX_FILES}", _INVALID
    yield "Source files as texts together", _bytes(constraints.MAX_FILES_BYTES), _INVALID
    yield "Name of a source file", f"{constraints.MAX_FILE_NAME_BYTES} bytes", _INVALID
    yield "`stdin` as a text", _bytes(constraints.MAX_STDIN_BYTES), _INVALID
    yield "Input that is sent while the job runs", _bytes(MAX_INPUT_BYTES), "422; a file has no such limit"
    yield "`args`", f"{constraints.MAX_ARGUMENTS}, together {_bytes(constraints.MAX_ARGUMENTS_BYTES)}", _INVALID
    yield "`env`", f"{constraints.MAX_ENVIRONMENT}", _INVALID
    labels = f"{constraints.MAX_LABELS} of {constraints.MAX_LABEL_CHARACTERS} characters"
    yield "`labels`", labels, _INVALID
    yield "`webhook_url`", f"{constraints.MAX_URL_CHARACTERS} characters", _INVALID
    patterns = f"{constraints.MAX_ARTIFACT_PATTERNS} of {constraints.MAX_PATTERN_BYTES} bytes"
    yield "Patterns of artifacts", patterns, _INVALID
    artifacts = f"{MAX_ARTIFACTS}, together {_bytes(MAX_ARTIFACTS_BYTES)}"
    yield "Artifacts", artifacts, "`artifacts_incomplete` is `true`"


def _list_test_limits() -> Iterator[_Row]:
    per_sandbox = f"{constraints.MAX_CASES}, of which up to {MAX_TESTS_OF_SANDBOX} run in the same sandbox"
    yield "Tests of a job; groups", per_sandbox, _INVALID
    yield "Name of a test", f"{constraints.MAX_CASE_NAME_CHARACTERS} characters", _INVALID
    parallel = f"1 to {constraints.MAX_TESTS_PARALLEL}, and the free slots of the worker"
    yield "`tests_parallel`", parallel, _INVALID
    waiting = "32 MiB in the memory of the worker"
    yield "Output of tests that have started before earlier ones have ended", waiting, "no other test starts meanwhile"
    texts = _bytes(MAX_CASES_BYTES)
    yield "Texts of all tests together: `stdin`, `args` and `expected_output`", texts, _INVALID
    yield "`stdin` of a test as a text", _bytes(constraints.MAX_STDIN_BYTES), _INVALID
    yield "`wall_seconds` of all tests together", f"{MAX_TOTAL_SECONDS:g} s", _INVALID
    yield "`output_bytes` of all tests together", _bytes(LIMITS["output_bytes"].maximum), _INVALID
    yield "Files of a checker or interactor", "as the source files of a job", _INVALID
    checker = f"{MAX_TOTAL_SECONDS:g} s, apart from those of the program; tier `limited`: 30 s"
    yield "All runs of a checker or interactor together", checker, "verdict `checker_error`"
    yield "`checker_message`; `interactor_output`", f"{MAX_MESSAGE_BYTES} bytes each", "it is cut"
    yield "Score of a test that a checker gives", f"0 to {MAX_SCORE:g}", "verdict `checker_error`"
    yield "`weight` of a group", f"0 to {MAX_WEIGHT:g}", _INVALID
    yield "Tolerances of `compare`", f"0 to {MAX_TOLERANCE:g}", _INVALID


def _list_file_limits() -> Iterator[_Row]:
    maximum, redis = _default("max_file_bytes"), RedisStorage.max_blob_bytes or 0
    yield (
        "Size of a file (`PYXEC_MAX_FILE_BYTES`)",
        f"{_bytes(maximum)}; {_bytes(redis)} in Redis",
        "413 `file-too-large`",
    )
    quotas = ", ".join(f"{tier.name} {_bytes(tier.file_bytes)}" for tier in _TIERS)
    yield "Files of a caller; each counts 1 KiB more than its content", quotas, "429 `files-full`"
    yield "All files in Redis", _bytes(RedisStorage.capacity_bytes or 0), "429 `files-full`"
    yield "Files of one job; equal contents count once", _bytes(MAX_JOB_FILE_BYTES), _INVALID
    yield "Source files of one job as files", "the `disk_bytes` of the job", _INVALID
    yield "Uploads", "20 for each submission that the rate limit allows", "429 `rate-limited`"
    yield "Name of a file", "255 bytes of printable characters", _INVALID
    yield "Time between two pieces of an upload; of the whole upload", "30 s; 30 minutes", "408; 503"
    ttl = f"{_default('file_ttl_seconds') // 3600} hours after its last use"
    yield "Age of a file (`PYXEC_FILE_TTL_SECONDS`)", ttl, "it is removed, unless a job needs it"
    cache = _bytes(_default("file_cache_bytes"))
    yield "Files on the disk of a worker (`PYXEC_FILE_CACHE_BYTES`)", cache, "jobs whose files do not fit wait"


def _list_workspace_limits() -> Iterator[_Row]:
    yield "Workspaces of a caller", f"{MAX_WORKSPACES}", "409 `too-many-workspaces`"
    content = f"{MAX_WORKSPACE_FILES} files, together {_bytes(MAX_WORKSPACE_BYTES)}"
    yield "Files of a workspace", content, "413, or the error of the job's workspace"
    yield "Jobs that wait for a workspace", f"{MAX_WAITING_JOBS}", "409 `workspace-busy`"


def _list_account_limits() -> Iterator[_Row]:
    rates = ", ".join(f"{tier.name} {tier.rate_per_minute} ({tier.burst})" for tier in _TIERS)
    yield "Submissions per minute (burst)", rates, "429 `rate-limited`"
    jobs = ", ".join(f"{tier.name} {tier.unfinished_jobs}" for tier in _TIERS)
    yield "Unfinished jobs", jobs, "429 `too-many-jobs`"
    quotas = ", ".join(f"{tier.name} {_bytes(tier.storage_bytes)}" for tier in _TIERS)
    yield "Queued, running and kept jobs in Redis", quotas, "429 `storage-full`"
    shares = ", ".join(f"{tier.name} {tier.backlog_share:.0%}" for tier in _TIERS)
    yield f"Queued jobs: share of `PYXEC_MAX_BACKLOG` ({_default('max_backlog')})", shares, "503 `queue-full`"


def _list_request_limits() -> Iterator[_Row]:
    body = _bytes(_default("max_body_bytes"))
    yield "Body (`PYXEC_MAX_BODY_BYTES`)", body, "413 `body-too-large`"
    yield "Head", f"{_bytes(MAX_HEAD_BYTES)}, {MAX_HEAD_LINES} lines", "431 `head-too-large`"
    yield "`wait` (`PYXEC_MAX_WAIT_SECONDS`)", f"0 to {_default('max_wait_seconds')} s", _INVALID
    yield "`Idempotency-Key`", f"1 to {MAX_IDEMPOTENCY_KEY_CHARACTERS} characters", _INVALID


def _default(setting: str) -> int:
    return int(Settings.model_fields[setting].default)


def _bytes(count: float) -> str:
    for unit, size in (("GiB", 1024 * _MIB), ("MiB", _MIB), ("KiB", 1024)):
        if count >= size and not count % size:
            return f"{count / size:g} {unit}"
    return "1 byte" if count == 1 else f"{count:g} bytes"


if __name__ == "__main__":
    path = Path("docs/limits.md")
    path.write_text(replace_table(path.read_text(), format_limits_table()))
