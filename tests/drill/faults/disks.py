"""Full disks."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable

from tests.drill.deployment import Deployment
from tests.drill.load import Load
from tests.stack import eventually

__all__ = ["engine_full", "missing_for_disk", "server_full", "server_refuses"]


def missing_for_disk() -> str:
    """Return what is missing for a small disk, an empty string if it is available."""
    return "" if os.geteuid() == 0 and shutil.which("mount") else "a small disk requires root"


def engine_full(seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Fill the disk of the engine, so that it cannot create containers."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        time.sleep(5)
        deployment.engine_disk.fill()
        time.sleep(seconds)
        deployment.engine_disk.empty()
        return f"{seconds:g} s"

    return inject


def server_full() -> Callable[[Deployment, Load, random.Random], str]:
    """Fill the disk of Redis. With `appendfsync always`, it exits at the first write that it cannot sync."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        time.sleep(3)
        deployment.server_disk.fill()
        eventually(lambda: not deployment.server.is_running, 30)
        time.sleep(2)
        deployment.server_disk.empty()
        deployment.server.start()
        return f"Redis exited and was restarted, {load.rejections} rejections"

    return inject


def server_refuses(seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Fill the disk of Redis. With `appendfsync everysec`, it rejects writes until the disk has space."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        time.sleep(3)
        rejections = load.rejections
        deployment.server_disk.fill()
        time.sleep(seconds)
        deployment.server_disk.empty()
        return f"{seconds:g} s, {load.rejections - rejections} rejections"

    return inject
