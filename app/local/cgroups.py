"""The control groups that an engine needs. An init system mounts them; a bare container or chroot has none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

__all__ = ["ensure_cgroups"]

_ROOT = Path("/sys/fs/cgroup")


def ensure_cgroups() -> None:
    """Mount the control groups where nobody has; needs root. What cannot be mounted shows in the engine's own log."""
    if _are_mounted():
        return
    if shutil.which("cgroupfs-mount"):
        subprocess.run(["cgroupfs-mount"], check=False, capture_output=True)
    if not _are_mounted():
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(_ROOT)], check=False, capture_output=True)


def _are_mounted() -> bool:
    return (_ROOT / "cgroup.controllers").exists() or (_ROOT / "memory" / "cgroup.procs").exists()
