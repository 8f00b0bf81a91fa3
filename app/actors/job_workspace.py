"""The workspace of a job while it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from app.broker import Effect
from app.core.files import StoredFile
from app.core.job.results import Artifact, JobResult
from app.core.job.spec import JobSpec, SourceFile
from app.core.outcomes import COMPILE, Outcome
from app.core.workspaces import WorkspaceReport, is_hidden, is_kept
from app.store.workspaces.workspace_jobs import TakenWorkspace, WorkspaceJobs

__all__ = ["JobWorkspace"]

_INCOMPLETE: Final = (
    "workspace: the files could not be read completely: there are too many, they are too large, or a name is not valid"
)
_DISK_MARGIN_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True)
class JobWorkspace:
    """A workspace that a job has taken.

    Attributes:
        taken: The workspace before the job.
        spec: The job, with the files of the workspace.
    """

    taken: TakenWorkspace
    spec: JobSpec

    @classmethod
    def take(cls, workspaces: WorkspaceJobs, spec: JobSpec, job_id: str) -> Self | None:
        """Take the workspace of a job. Returns None if an earlier job uses it.

        Raises:
            KeyError: The workspace has expired.
            InfrastructureError: Redis did not answer.
        """
        assert spec.workspace is not None
        taken = workspaces.take(spec.workspace, job_id)
        if taken is None:
            return None
        sources = [file.name for file in spec.files]
        files = tuple(
            SourceFile(path, StoredFile(file.blob_id, file.blob_id, file.digest, file.size_bytes), file.executable)
            for path, file in taken.files.items()
            if not is_hidden(path, sources)
        )
        disk_bytes = sum(len(file.content) for file in (*files, *spec.files)) + _DISK_MARGIN_BYTES
        limits = msgspec.structs.replace(spec.limits, disk_bytes=max(spec.limits.disk_bytes, disk_bytes))
        return cls(taken, msgspec.structs.replace(spec, workspace_files=files, limits=limits))

    def write(
        self,
        workspaces: WorkspaceJobs,
        result: JobResult,
        artifacts: Sequence[Artifact],
        commit: Callable[[Sequence[Effect]], object],
    ) -> tuple[JobResult, Sequence[Effect]]:
        """Write the contents of the files that the job left.

        Args:
            workspaces: Stores them.
            result: The result of the job.
            artifacts: All files in the working folder after the job, those of the job itself too.
            commit: Writes effects at once, if the worker still has the job.

        Returns:
            The result with the report of the workspace, and the effects for the end of the job.

        Raises:
            InfrastructureError: The file storage does not answer.
        """
        report, effects = self._write(workspaces, result, artifacts, commit)
        result = msgspec.structs.replace(result, artifacts=(), artifacts_incomplete=False, workspace=report)
        return result, effects

    def _write(
        self,
        workspaces: WorkspaceJobs,
        result: JobResult,
        artifacts: Sequence[Artifact],
        commit: Callable[[Sequence[Effect]], object],
    ) -> tuple[WorkspaceReport, Sequence[Effect]]:
        unchanged = WorkspaceReport(id=self.taken.id, version=self.taken.version)
        has_run = bool(result.phases) and result.phases[-1].name != COMPILE
        if result.outcome is Outcome.CANCELLED or not has_run:
            return unchanged, ()
        # At least the files of the job itself are there, unless the sandbox ended before they could be read.
        if result.artifacts_incomplete or not artifacts:
            return msgspec.structs.replace(unchanged, error=_INCOMPLETE), ()
        sources = [file.name for file in self.spec.files]
        is_compiled = any(phase.name == COMPILE for phase in result.phases)
        left = {
            artifact.name: artifact.data
            for artifact in artifacts
            if is_kept(artifact.name, sources, is_compiled=is_compiled)
        }
        hidden = [path for path in self.taken.files if is_hidden(path, sources)]
        return workspaces.write(self.taken, left, hidden, commit)
