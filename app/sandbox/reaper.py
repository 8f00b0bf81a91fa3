"""Removal of orphaned containers.

The containers of a killed worker end with its connections. The reaper removes the remaining ones: containers that were
created but never started, and containers that an engine kept over its own restart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

from app.core.errors import EngineUnavailable
from app.sandbox.engine.client import ContainerSummary, Engine
from app.sandbox.engine.errors import EngineResponseError
from app.sandbox.template import LABEL, WORKER_LABEL

__all__ = ["remove_orphans"]

# A younger container may belong to a worker that has not registered yet.
_MIN_AGE_SECONDS: Final = 60
# A live worker no longer uses a container that is still not started after this time: the response to its creation came
# too late. It is longer than the maximum of the setting for the engine time-out.
_NEVER_STARTED_SECONDS: Final = 900
_log = structlog.get_logger(__name__)


def remove_orphans(engine: Engine, namespace: str, is_alive: Callable[[str], bool], now: float | None = None) -> int:
    """Remove the containers of a namespace that no live worker uses.

    Args:
        is_alive: Returns whether the worker with a name has sent a heartbeat recently. If it raises, the function
            stops: without this information, nothing is removed.
        now: Unix time in seconds, for tests.

    Returns:
        The number of removed containers.

    Raises:
        EngineUnavailable: The engine does not answer.
    """
    time_now = time.time() if now is None else now
    removed = 0
    for container in engine.list_containers(f"{LABEL}={namespace}"):
        worker = container.labels.get(WORKER_LABEL, "")
        age_seconds = time_now - container.created_at
        if age_seconds < _MIN_AGE_SECONDS or (is_alive(worker) and not _never_started(container, age_seconds)):
            continue
        if not _try_remove(engine, container):
            continue
        removed += 1
        _log.warning("orphan_removed", container=container.id[:12], worker=worker, state=container.state)
    return removed


def _try_remove(engine: Engine, container: ContainerSummary) -> bool:
    """Remove a container; return False if the engine answers with an error, usually because the disk is in use."""
    try:
        engine.remove_container(container.id)
    except EngineUnavailable as e:
        if not isinstance(e.__cause__, EngineResponseError):
            raise  # no answer: every further call would wait for the time-out as well
        _log.warning("orphan_not_removed", container=container.id[:12], error=str(e))
        return False
    return True


def _never_started(container: ContainerSummary, age_seconds: float) -> bool:
    return container.state == "created" and age_seconds >= _NEVER_STARTED_SECONDS
