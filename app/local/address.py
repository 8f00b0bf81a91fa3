"""URLs of the services of this machine. `python -m app.local.address` prints the URL of the API."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from app.local.console import SetupError
from app.local.state import ProcessRecord, StateFolder

__all__ = ["SUPERVISOR_RECORD", "running_url", "service_url", "web_url"]

SUPERVISOR_RECORD = "supervisor"

_DEFAULT_BIND = "127.0.0.1:8080"
_DEFAULT_WEB_BIND = "127.0.0.1:8000"
_WILDCARDS = ("", "0.0.0.0", "[::]")  # noqa: S104 - compared, not bound


def service_url(environment: Mapping[str, str] = os.environ) -> str:
    """Return the URL of the API, which listens at ``PYXEC_HTTP_BIND``.

    Raises:
        SetupError: The variable is not an address and a port.
    """
    return _read_url("PYXEC_HTTP_BIND", _DEFAULT_BIND, environment)


def web_url(environment: Mapping[str, str] = os.environ) -> str:
    """Return the URL of the web page, which nginx serves at ``PYXEC_WEB_BIND``.

    Raises:
        SetupError: The variable is not an address and a port.
    """
    return _read_url("PYXEC_WEB_BIND", _DEFAULT_WEB_BIND, environment)


def running_url(state: StateFolder) -> str:
    """Return the URL of the running API, or the URL that it would have if it does not run."""
    record = ProcessRecord.read(state.record(SUPERVISOR_RECORD))
    return record.url if record is not None else service_url()


def _read_url(variable: str, default: str, environment: Mapping[str, str]) -> str:
    bind = environment.get(variable) or default
    host, colon, port = bind.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SetupError(f"{variable}={bind!r}: must be an address and a port, for example {default}")
    return f"http://{'127.0.0.1' if host in _WILDCARDS else host}:{port}"


if __name__ == "__main__":
    sys.stdout.write(running_url(StateFolder.for_checkout(Path.cwd())) + "\n")
