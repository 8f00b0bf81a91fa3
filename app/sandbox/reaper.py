"""Removes containers that nobody owns. A killed worker's containers end by themselves; what is left for the reaper is
what was created but never started, or what an engine kept through a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

from app.core.errors import EngineUnavailable
from app.sandbox.engine.client import ContainerSummary, Engine
from app.sandbox.engine.http import EngineRefusal
from app.sandbox.template import LABEL

__all__ = ["reap"]

# A container is made and started within seconds; younger ones may belong to a worker that is just introducing itself.
_YOUNG_SECONDS: Final = 60
# Even a living worker has no use for one that is still not started: the engine answered its creation too late. Longer
# than the longest time-out of an engine call that can be set.
_NEVER_STARTED_SECONDS: Final = 900
_log = structlog.get_logger(__name__)


def reap(engine: Engine, namespace: str, is_alive: Callable[[str], bool], now: float | None = None) -> int:
    """Remove the containers of this namespace whose worker is no more, or has lost them; return how many.

    Parameters:
        is_alive: whether a worker of that name has been heard of lately. An exception ends the sweep: without
            knowledge nothing is removed.
    """
    time_now = time.time() if now is None else now
    removed = 0
    for container in engine.containers(f"{LABEL}={namespace}"):
        worker = container.labels.get(f"{LABEL}.worker", "")
        age_seconds = time_now - container.created_at
        if age_seconds < _YOUNG_SECONDS or (is_alive(worker) and not _was_lost(container, age_seconds)):
            continue
        if not _removed(engine, container):
            continue
        removed += 1
        _log.warning("orphan_removed", container=container.id[:12], worker=worker, state=container.state)
    return removed


def _removed(engine: Engine, container: ContainerSummary) -> bool:
    """One that the engine refuses to remove, often since its disk is still in use, must not keep it from the others.

    Raises:
        EngineUnavailable: it does not answer. To ask for the others would be to wait as long for each.
    """
    try:
        engine.remove(container.id)
    except EngineUnavailable as e:
        if not isinstance(e.__cause__, EngineRefusal):
            raise
        _log.warning("orphan_not_removed", container=container.id[:12], error=str(e))
        return False
    return True


def _was_lost(container: ContainerSummary, age_seconds: float) -> bool:
    return container.state == "created" and age_seconds >= _NEVER_STARTED_SECONDS
