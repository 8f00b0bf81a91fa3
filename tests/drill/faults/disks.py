"""Disks that are full."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable

from tests.drill.load import Load
from tests.drill.site import Site
from tests.stack import eventually

__all__ = ["engine_full", "server_full", "server_refuses", "why_no_disk"]


def why_no_disk() -> str:
    """What is missing to have a small one; empty when nothing is."""
    return "" if os.geteuid() == 0 and shutil.which("mount") else "a small disk needs root"


def engine_full(seconds: float) -> Callable[[Site, Load, random.Random], str]:
    """The engine can write nothing about the containers it is to make."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        time.sleep(5)
        site.engine_disk.fill()
        time.sleep(seconds)
        site.engine_disk.empty()
        return f"{seconds:g} s"

    return act


def server_full() -> Callable[[Site, Load, random.Random], str]:
    """With `appendfsync always` it ends itself at the first write it cannot sync, rather than to break its word."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        time.sleep(3)
        site.server_disk.fill()
        eventually(lambda: not site.server.is_running, 30)
        time.sleep(2)
        site.server_disk.empty()
        site.server.start()
        return f"Redis ended by itself and was started again, {load.refusals} refusals"

    return act


def server_refuses(seconds: float) -> Callable[[Site, Load, random.Random], str]:
    """With `appendfsync everysec` it lives on, and refuses every write until there is room."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        time.sleep(3)
        refusals = load.refusals
        site.server_disk.fill()
        time.sleep(seconds)
        site.server_disk.empty()
        return f"{seconds:g} s, {load.refusals - refusals} refusals"

    return act
