"""The end of a process together with its parent."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

__all__ = ["stop_with_parent"]

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


def stop_with_parent(parent_pid: int) -> None:
    """Make the kernel send SIGTERM to this process when its parent exits.

    If a parent that starts and stops its children is killed, nothing else stops them: they would continue to work next
    to the processes that are started in their place.

    Args:
        parent_pid: Process id of the parent when it started this process.

    Raises:
        SystemExit: The parent has exited.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent_pid:
        raise SystemExit(1)
