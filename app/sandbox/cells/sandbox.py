"""Sandbox that runs the jobs in cells."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import structlog

from app.core.errors import InfrastructureError
from app.sandbox.cells.cell import Cell, CellSpec
from app.sandbox.cells.pool import CellPolicy, CellPool
from app.sandbox.images.installed import InstalledImage
from app.sandbox.pool import Pool
from app.sandbox.resources import ContainerResources, StageResources, maximum_resources
from app.sandbox.sandbox import PooledSandbox, choose_uids
from app.sandbox.session import RunnerSession

__all__ = ["CellSandbox"]

_log = structlog.get_logger(__name__)


class CellSandbox(PooledSandbox[Cell]):
    """Runs each job in a nested container of its own, in a container that runs one job after the other.

    Args:
        *args: As for ``PooledSandbox``.
        policy: When a cell is replaced.
        **kwargs: As for ``PooledSandbox``.
    """

    def __init__(self, *args: Any, policy: CellPolicy, **kwargs: Any) -> None:
        self._policy = policy
        # False if no job can have limits of its own on this host. Known after the first launch.
        self._has_job_limits = True
        self._has_apparmor: bool | None = None
        super().__init__(*args, **kwargs)

    def _create_pool(self, floor: int, ceiling: int, always_warm: Collection[str]) -> Pool[Cell]:
        self._cells = CellPool(
            self._launch_for_pool, self._images.read, floor, ceiling, self._policy, always_warm=always_warm
        )
        return self._cells

    def _acquire_container(self, language: str, stages: StageResources, caller: str | None) -> Cell:
        while (cell := self._cells.take_for(language, caller, self._fixed_resources(stages))) is not None:
            try:
                if self._has_current_image(cell, language):
                    return _start_job(cell, stages, caller)
            except InfrastructureError as e:
                _log.warning("cell_lost", container=cell.id[:12], jobs=cell.jobs, error=str(e))
            cell.discard()
            self._cells.record_end(language)
        try:
            return self._launch_for_job(language, stages, caller)
        except BaseException:
            self._cells.record_end(language)
            raise

    def busy_cells(self) -> dict[str, int]:
        """Return the number of cells that run a job or are being launched for one, by language."""
        return self._cells.busy_cells()

    def _release_container(self, language: str, session: RunnerSession, *, has_failed: bool) -> None:
        cell = session.container
        assert isinstance(cell, Cell)
        try:
            if has_failed or not cell.can_be_reused:
                cell.close()
                return
            cell.end_job(session.unsent)
            self._cells.give_back(language, cell)
        except InfrastructureError as e:
            _log.warning("cell_lost", container=cell.id[:12], jobs=cell.jobs, error=str(e))
            cell.discard()
        finally:
            self._cells.record_end(language)

    def _fixed_resources(self, stages: StageResources) -> ContainerResources | None:
        """Return the resources that the cell of a job must have, or None if each job can have its own."""
        return None if self._has_job_limits else stages.initial

    def _has_current_image(self, cell: Cell, language: str) -> bool:
        image = self._images.read().get(language)
        return image is not None and image.image_id == cell.spec.image.image_id

    def _launch_for_pool(self, language: str) -> Cell:
        if self._has_job_limits:
            cell = self._launch(language, maximum_resources(self._cpus))
            if cell.cgroup_version:
                return cell
            self._has_job_limits = False
            cell.discard()
        return self._launch(language, self._defaults[language])

    def _launch_for_job(self, language: str, stages: StageResources, caller: str | None) -> Cell:
        has_defaults = stages.initial == self._defaults[language]
        is_pooled = self._has_job_limits or has_defaults
        cell = self._launch_for_pool(language) if is_pooled else self._launch(language, stages.initial)
        try:
            if not self._has_job_limits and cell.spec.resources != stages.initial:
                cell.discard()
                cell = self._launch(language, stages.initial)
            return _start_job(cell, stages, caller)
        except InfrastructureError as e:
            cell.discard()
            self._record_failure(e)
            raise

    def _launch_for_program(self, language: str, resources: ContainerResources) -> Cell:
        cell = self._launch(language, resources)
        try:
            return _start_job(cell, StageResources(initial=resources, program=None), None)
        except InfrastructureError:
            cell.discard()
            raise

    def _start_container(self, image: InstalledImage, resources: ContainerResources, labels: dict[str, str]) -> Cell:
        if self._has_apparmor is None:
            self._has_apparmor = self._engine.has_apparmor()
        uid, job_uid = choose_uids(2)
        spec = CellSpec(image, resources, labels, self._runtime, uid, job_uid, self._has_apparmor)
        return Cell.launch(self._engine, spec)


def _start_job(cell: Cell, stages: StageResources, caller: str | None) -> Cell:
    cell.start_job(stages.initial, stages.program or stages.initial)
    cell.caller = caller
    return cell
