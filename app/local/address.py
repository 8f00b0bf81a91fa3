"""Where the service of this machine answers. `python -m app.local.address` prints it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from app.local.errors import SetupError
from app.local.state import ProcessRecord, StateFolder

__all__ = ["SUPERVISOR_RECORD", "running_url", "service_url", "web_url"]

SUPERVISOR_RECORD = "supervisor"

_DEFAULT_BIND = "127.0.0.1:8080"
_DEFAULT_WEB_BIND = "127.0.0.1:8000"
_EVERYWHERE = ("", "0.0.0.0", "[::]")  # noqa: S104 - recognised, not bound


def service_url(environment: Mapping[str, str] = os.environ) -> str:
    """The URL at which this machine reaches the API, from ``PYXEC_HTTP_BIND``: an address and a port.

    Raises:
        SetupError: it is something else.
    """
    return _url_of("PYXEC_HTTP_BIND", _DEFAULT_BIND, environment)


def web_url(environment: Mapping[str, str] = os.environ) -> str:
    """The URL of the web editor, from ``PYXEC_WEB_BIND``: an address and a port.

    Raises:
        SetupError: it is something else.
    """
    return _url_of("PYXEC_WEB_BIND", _DEFAULT_WEB_BIND, environment)


def running_url(state: StateFolder) -> str:
    """Where the service that runs now was told to answer; without one, where it would."""
    record = ProcessRecord.read(state.record(SUPERVISOR_RECORD))
    return record.url if record is not None else service_url()


def _url_of(variable: str, default: str, environment: Mapping[str, str]) -> str:
    bind = environment.get(variable) or default
    host, _, port = bind.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise SetupError(f"{variable}={bind!r}: must be an address and a port, like {default}")
    return f"http://{'127.0.0.1' if host in _EVERYWHERE else host}:{port}"


def main() -> None:
    """Print the URL of the service of this folder."""
    sys.stdout.write(running_url(StateFolder.of_repository(Path.cwd())) + "\n")


if __name__ == "__main__":
    main()
