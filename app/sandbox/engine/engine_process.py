"""The process of an engine on this machine."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Final

__all__ = ["find_engine_root"]

# The process that listens at the socket: systemd if it activates the engine (systemd.socket(5)).
_LISTENERS: Final = ("dockerd", "systemd")
_CREDENTIALS: Final = struct.Struct("3i")
_TIMEOUT_SECONDS: Final = 1.0


def find_engine_root(base_url: str) -> Path | None:
    """Return the root of the file system in which an engine runs, as a path below ``/proc``.

    Returns:
        None if the engine has no Unix socket, if a proxy listens at the socket, or if this process may not see the
        process of the engine: it runs in a container or without root privileges.
    """
    if not base_url.startswith("unix://"):
        return None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_TIMEOUT_SECONDS)
            connection.connect(base_url.removeprefix("unix://"))
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        # The credentials of the process that called listen (unix(7)); the pid is 0 outside of this pid namespace.
        process = Path("/proc", str(_CREDENTIALS.unpack(credentials)[0]))
        if (process / "comm").read_text().strip() not in _LISTENERS:
            return None
        root = process / "root"
        return root if any(root.iterdir()) else None
    except OSError:
        return None
