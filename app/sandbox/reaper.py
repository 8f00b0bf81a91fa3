"""Removes containers that nobody owns. A killed worker's containers end by themselves; what is left for the reaper is
what was created but never started, or what an engine kept through a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

from app.sandbox.engine import Engine
from app.sandbox.template import LABEL

__all__ = ["reap"]

# A container is made and started within seconds; younger ones may belong to a worker that is just introducing itself.
_YOUNG_SECONDS: Final = 60
_log = structlog.get_logger(__name__)


def reap(engine: Engine, namespace: str, is_alive: Callable[[str], bool], now: float | None = None) -> int:
    """Remove the containers of this namespace whose worker is no more; return how many.

    Parameters:
        is_alive: whether a worker of that name has been heard of lately. An exception ends the sweep: without
            knowledge nothing is removed.
    """
    oldest_young = (time.time() if now is None else now) - _YOUNG_SECONDS
    removed = 0
    for container in engine.containers(f"{LABEL}={namespace}"):
        worker = container.labels.get(f"{LABEL}.worker", "")
        if container.created_at > oldest_young or is_alive(worker):
            continue
        engine.remove(container.id)
        removed += 1
        _log.warning("orphan_removed", container=container.id[:12], worker=worker, state=container.state)
    return removed
