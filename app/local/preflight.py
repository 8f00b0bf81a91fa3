"""Checks ports and the access to the engine before `make up` installs anything: `python3 app/local/preflight.py`.

It runs with the Python of the system, before there is an environment: it uses only the standard library of Python 3.9.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["find_obstacles"]

# The defaults of app/local/address.py, app/local/valkey.py and app/local/engine.py.
_HTTP_BIND = "127.0.0.1:8080"
_WEB_BIND = "127.0.0.1:8000"
_REDIS_PORT = "6399"
_DOCKER_HOST = "unix:///var/run/docker.sock"
_TIMEOUT_SECONDS = 0.5


def find_obstacles(root: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each occupied port, and one if the engine runs and this user may not use it.

    An engine that does not run is not an obstacle, because `make up` starts or installs it.
    """
    if not _is_running(root):
        for variable, bind in _binds(environment).items():
            error = _try_listening(bind)
            if error is not None:
                yield f"{bind} is in use ({error}): stop the other program, or set {variable}"
    host = environment.get("DOCKER_HOST") or _DOCKER_HOST
    if host.startswith("unix://") and not _may_connect(host[len("unix://") :]):
        yield f"no access to the Docker Engine at {host}: run `sudo usermod -aG docker $USER`, then log in again"


def _is_running(root: Path) -> bool:
    """Return whether the supervisor of this checkout runs, whose processes occupy the ports."""
    try:
        record = json.loads((root / ".pyxec" / "run" / "supervisor.json").read_text())
        return Path(f"/proc/{record['pid']}").exists()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _binds(environment: Mapping[str, str]) -> dict[str, str]:
    binds = {
        "PYXEC_HTTP_BIND": environment.get("PYXEC_HTTP_BIND") or _HTTP_BIND,
        "PYXEC_WEB_BIND": environment.get("PYXEC_WEB_BIND") or _WEB_BIND,
    }
    if not environment.get("REDIS_URL"):
        binds["VALKEY_PORT"] = f"127.0.0.1:{environment.get('VALKEY_PORT') or _REDIS_PORT}"
    return binds


def _try_listening(bind: str) -> str | None:
    """Return why a server cannot listen at ``address:port``, or None. `make up` reports an invalid address later."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    if not port.isdigit() or not 0 < int(port) < 65536:
        return None
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, int(port)))
            listener.listen()
        except OSError as e:
            return e.strerror
    return None


def _may_connect(path: str) -> bool:
    """Return False if a socket exists and its permissions refuse this user."""
    try:
        if stat.S_ISSOCK(Path(path).stat().st_mode):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(_TIMEOUT_SECONDS)
                client.connect(path)
    except PermissionError:
        return False
    except OSError:  # no engine runs
        return True
    return True


if __name__ == "__main__":
    obstacles = list(find_obstacles(Path.cwd(), os.environ))
    for sentence in obstacles:
        sys.stderr.write(f"error: {sentence}\n")
    sys.exit(1 if obstacles else 0)
