"""Mounts the cgroup file systems on a machine without an init system that mounts them."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Final

from app.local.console import SetupError

__all__ = ["ensure_cgroups"]

_CGROUP_ROOT: Final = Path("/sys/fs/cgroup")
_CONTROLLERS: Final = Path("/proc/cgroups")
# Limits of a sandbox.
_REQUIRED: Final = frozenset({"memory", "pids", "cpu"})
# MS_NOSUID | MS_NODEV | MS_NOEXEC of mount(2)
_MOUNT_FLAGS: Final = 2 | 4 | 8


def ensure_cgroups() -> None:
    """Mount the cgroup file systems unless they are mounted: version 2, or version 1 if it has the controllers.

    Raises:
        SetupError: The memory, pids or cpu controller is not available, or the mount is refused.
    """
    if _find_controllers() >= _REQUIRED:
        return
    if _CGROUP_ROOT.is_dir() and not any(_CGROUP_ROOT.iterdir()):
        _mount_all()
    missing = _REQUIRED - _find_controllers()
    if missing:
        raise SetupError(
            f"the cgroup controllers {', '.join(sorted(missing))} are not available below {_CGROUP_ROOT}: enable them "
            "in the kernel or, in a container, mount the file system there"
        )


def _find_controllers() -> set[str]:
    """Return the controllers of the mounted hierarchies."""
    controllers = {name for name in _REQUIRED if (_CGROUP_ROOT / name / "cgroup.procs").exists()}
    with contextlib.suppress(OSError):
        controllers |= set((_CGROUP_ROOT / "cgroup.controllers").read_text().split())
    return controllers


def _mount_all() -> None:
    with contextlib.suppress(OSError):
        _mount("cgroup2", _CGROUP_ROOT, "")
        if _find_controllers() >= _REQUIRED:
            return
        _libc().umount(os.fsencode(_CGROUP_ROOT))
    # The controllers belong to hierarchies of version 1, as on Debian before release 11.
    with contextlib.suppress(OSError):
        _mount("tmpfs", _CGROUP_ROOT, "mode=755")
        for name in _read_enabled_controllers():
            folder = _CGROUP_ROOT / name
            folder.mkdir(exist_ok=True)
            try:
                _mount("cgroup", folder, name)
            except OSError:
                folder.rmdir()


def _read_enabled_controllers() -> list[str]:
    # cgroups(7): name, hierarchy, number of cgroups, enabled
    rows = [line.split() for line in _CONTROLLERS.read_text().splitlines() if not line.startswith("#")]
    return [name for name, *_, enabled in rows if enabled == "1"]


def _mount(kind: str, target: Path, options: str) -> None:
    """Mount a file system with mount(2). A minimal system does not contain the command.

    Raises:
        OSError: The kernel refused the mount.
    """
    if _libc().mount(kind.encode(), os.fsencode(target), kind.encode(), _MOUNT_FLAGS, options.encode()) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(target))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
