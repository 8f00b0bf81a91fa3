"""Removal of orphaned containers.

The containers of a killed worker end with its connections, and a worker itself removes a container that it could not
start. The reaper removes the remaining ones: containers that a killed worker created and did not start, containers that
an engine kept over its own restart, and containers whose removal failed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

import structlog

from app.core.errors import EngineUnavailable
from app.sandbox.engine.client import ContainerSummary, Engine
from app.sandbox.engine.errors import EngineResponseError
from app.sandbox.template import INSTALLATION_LABEL, LABEL, WORKER_LABEL

__all__ = ["remove_orphans"]

# A younger container may belong to a worker that has not registered yet. With the interval of the reaper, containers
# of a killed worker are removed within a minute.
_MIN_AGE_SECONDS: Final = 30
# Age from which on no installation uses a container that has not started. Its time-outs have at most half an hour.
_ABANDONED_SECONDS: Final = 86_400
_log = structlog.get_logger(__name__)


def remove_orphans(
    engine: Engine,
    namespace: str,
    installation: str,
    is_alive: Callable[[str], bool],
    never_started_seconds: float,
    now: float | None = None,
) -> int:
    """Remove the containers of an installation that no live worker uses.

    Containers of other installations are removed only if they were created a day ago and never started: the
    installation may not exist any more. A container that runs ends by itself.

    Args:
        engine: The engine. Other installations may use it, also with the same namespace.
        namespace: Namespace of the installation.
        installation: Id of the installation. Containers without this id are kept.
        is_alive: Returns False if the lease of the worker with a name has expired. If it raises, the function stops:
            without this information, nothing is removed.
        never_started_seconds: Age from which on a live worker no longer uses a container that has not started.
        now: Unix time in seconds, for tests.

    Returns:
        The number of removed containers.

    Raises:
        EngineUnavailable: The engine does not answer.
    """
    time_now = time.time() if now is None else now
    removed = 0
    for container in engine.list_containers(LABEL):
        worker = container.labels.get(WORKER_LABEL, "")
        age_seconds = time_now - container.created_at
        # "dead": the engine itself has failed to remove it, for example when it was killed and started again.
        never_runs_after_seconds = {"created": never_started_seconds, "dead": 0.0}.get(container.state, math.inf)
        if (container.labels[LABEL], container.labels.get(INSTALLATION_LABEL)) != (namespace, installation):
            is_orphan = never_runs_after_seconds < math.inf and age_seconds >= _ABANDONED_SECONDS
        elif age_seconds < _MIN_AGE_SECONDS:
            is_orphan = False
        else:
            is_orphan = not is_alive(worker) or age_seconds >= never_runs_after_seconds
        if not is_orphan or not _try_remove(engine, container):
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
