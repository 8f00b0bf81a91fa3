"""Compilation of checkers: once for all sandboxes of a job, and once for the jobs of a caller that use the same one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import cachetools
import msgspec

from app.actors.job_sandbox import JobSandbox
from app.core.execution.budget import JobBudget
from app.core.execution.sandbox import SandboxReport, Sink
from app.core.job.spec import JobSpec
from app.core.judging.phase_outcomes import judge_phase
from app.core.outcomes import Outcome
from app.core.source_files import SourceFile
from app.store.jobs.job_input import JobInbox

__all__ = ["CheckerCache", "CheckerCompiler"]

# A checker in C++ with testlib.h is an executable of about 1 MiB.
_MAX_CACHE_BYTES: Final = 64 * 1024 * 1024
_MAX_CHECKER_BYTES: Final = 16 * 1024 * 1024

CompiledFiles = tuple[SourceFile, ...]


class CheckerCache:
    """The compiled checkers that a worker process has used most recently, at most 64 MiB. Thread-safe.

    A checker is stored before it runs: the files come from the sandbox of its compiler, in which no program ran. The
    key contains the caller, so that no caller can influence or detect a checker of another one.
    """

    def __init__(self, max_bytes: int = _MAX_CACHE_BYTES) -> None:
        self._entries: cachetools.LRUCache[tuple[str, str], CompiledFiles] = cachetools.LRUCache(
            max_bytes, getsizeof=_count_bytes
        )
        self._lock = threading.Lock()

    def get(self, caller: str, key: str) -> CompiledFiles | None:
        """Return the files of a compiled checker, or None.

        Args:
            caller: The account that submitted the job.
            key: See `Sandbox.compilation_key`.
        """
        with self._lock:
            files: CompiledFiles | None = self._entries.get((caller, key))
            return files

    def put(self, caller: str, key: str, files: CompiledFiles) -> None:
        """Store a compiled checker, unless it is larger than 16 MiB."""
        with self._lock:
            if _count_bytes(files) <= min(_MAX_CHECKER_BYTES, self._entries.maxsize):
                self._entries[caller, key] = files


class CheckerCompiler:
    """Compiles the checker of one job, unless a sandbox of this job or an earlier job of the caller did. Thread-safe.

    Args:
        sandbox: Runs the compiler.
        cache: The compiled checkers of the worker.
    """

    def __init__(self, sandbox: JobSandbox, cache: CheckerCache) -> None:
        self._sandbox = sandbox
        self._cache = cache
        self._lock = threading.Lock()
        self._compiled: CompiledFiles | None = None

    def prepare(
        self,
        spec: JobSpec,
        sink: Sink,
        inbox: JobInbox,
        on_acquired: Callable[[], None],
        budget: JobBudget | None = None,
    ) -> JobSpec | SandboxReport:
        """Return the job that runs the compiled checker, or the report of its compile phase if this has failed.

        The job compiles the checker again if its language has no compile phase, or if the compiled files are too many
        or too large.

        Args:
            spec: The job of the checker.
            sink: Receives the output of the compiler.
            inbox: Supplies the request to cancel.
            on_acquired: See `Sandbox.run`.
            budget: See `Sandbox.run`.

        Raises:
            InfrastructureError: See `Sandbox.run`.
        """
        key = self._sandbox.sandbox.compilation_key(spec)
        if key is None:
            return spec
        with self._lock:
            if self._compiled is None and self._sandbox.caller is not None:
                self._compiled = self._cache.get(self._sandbox.caller, key)
            if self._compiled is None:
                compile_spec = msgspec.structs.replace(spec, compile_only=True)
                report = self._sandbox.run(compile_spec, sink, inbox, on_acquired, budget)
                if not report.phases or judge_phase(report.phases[-1]).outcome is not Outcome.OK or inbox.is_cancelled:
                    return report
                if report.artifacts_incomplete:
                    return spec
                self._compiled = tuple(SourceFile(file.name, file.data) for file in report.artifacts)
                if self._sandbox.caller is not None:
                    self._cache.put(self._sandbox.caller, key, self._compiled)
            return msgspec.structs.replace(spec, compiled=self._compiled)


def _count_bytes(files: CompiledFiles) -> int:
    # The objects of an entry take memory even if its files are empty.
    return 1024 + sum(len(file.name) + len(file.content) + 256 for file in files)
