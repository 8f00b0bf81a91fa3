"""The launch plan: the processes of the Procfile that run on this machine, their environment and their addresses."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from honcho.environ import parse_procfile

from app.local.address import service_url, web_url
from app.local.console import SetupError
from app.local.nginx import API_SOCKET, create_api_socket_folder
from app.local.packages import find_program
from app.local.state import StateFolder
from app.local.valkey import embedded_url
from app.local.web import is_page_built

__all__ = [
    "SERVER",
    "WEB",
    "LaunchPlan",
    "check_addresses",
    "create_launch_plan",
    "read_addresses",
    "read_procfile",
]

SERVER = "server"
WEB = "web"

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class LaunchPlan:
    """The processes to run.

    Attributes:
        commands: Shell commands by name, in the order of the Procfile.
        environment: Environment variables of all commands.
        listens: URLs at which the commands listen, by the variable that sets the address.
    """

    commands: Mapping[str, str]
    environment: Mapping[str, str]
    listens: Mapping[str, str]


def read_addresses(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the URLs at which Pyxec listens, by the variable that sets the address.

    Raises:
        SetupError: A variable is invalid, or two variables set the same address.
    """
    addresses = {"PYXEC_HTTP_BIND": service_url(environment), "PYXEC_WEB_BIND": web_url(environment)}
    if not environment.get("REDIS_URL"):
        addresses["VALKEY_PORT"] = embedded_url(environment)
    ports: dict[int | None, str] = {}
    for variable, url in addresses.items():
        other = ports.setdefault(urlsplit(url).port, variable)
        if other != variable:
            raise SetupError(f"{other} and {variable} set the same port: set one of them to another port")
    return addresses


def check_addresses(listens: Mapping[str, str], timeout_seconds: float = 0) -> None:
    """Check that no other program uses the addresses.

    Args:
        listens: URLs by the variable that sets the address.
        timeout_seconds: Time to wait for a program that is stopping.

    Raises:
        SetupError: An address is in use. The message names the variable that changes it.
    """
    deadline = time.monotonic() + timeout_seconds
    for variable, url in listens.items():
        while (error := _try_listening(url)) is not None:
            if time.monotonic() >= deadline:
                raise SetupError(f"cannot listen at {url} ({error}): set {variable} to another address")
            time.sleep(_POLL_SECONDS)


def create_launch_plan(root: Path, environment: Mapping[str, str]) -> LaunchPlan:
    """Create the plan for the checkout at `root`.

    The embedded server is omitted if ``REDIS_URL`` is set. The web server is omitted if nginx or the built page is
    missing.

    Raises:
        SetupError: The Procfile is missing or invalid, or a setting is invalid.
    """
    commands = read_procfile(root / "Procfile")
    path = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    merged = {**environment, "PATH": path, "PYTHONUNBUFFERED": "1"}
    listens = read_addresses(environment)
    if environment.get("REDIS_URL"):
        commands.pop(SERVER, None)
    else:
        merged["REDIS_URL"] = listens["VALKEY_PORT"]
        # All processes run on this machine. The embedded server has less memory than the disk has room.
        state = StateFolder.for_checkout(root)
        merged.setdefault("PYXEC_FILES", f"dir:{state.data('files')}")
        merged.setdefault("PYXEC_FILE_CACHE", str(state.data("file-cache")))
    if find_program("nginx") is None or not is_page_built(root):
        commands.pop(WEB, None)
    if WEB not in commands:
        listens.pop("PYXEC_WEB_BIND")
    else:
        # nginx connects to a socket that only its user can open, and the API takes the client's address from the
        # X-Forwarded-For header of these requests. Any program of this machine can connect to the port of the API.
        merged["PYXEC_HTTP_SOCKET"] = str(create_api_socket_folder(root).relative_to(root) / API_SOCKET)
        proxies = environment.get("PYXEC_TRUSTED_PROXIES")
        merged["PYXEC_TRUSTED_PROXIES"] = f"{proxies},unix" if proxies else "unix"
    return LaunchPlan(commands, merged, listens)


def read_procfile(path: Path) -> dict[str, str]:
    """Read the commands of a Procfile by name, in the order of the file.

    Raises:
        SetupError: The file is missing, invalid or empty.
    """
    try:
        commands: dict[str, str] = dict(parse_procfile(path.read_text()).processes)
    except (OSError, AssertionError) as e:  # the parser asserts that names are unique
        raise SetupError(f"{path} cannot be read: {e}") from e
    if not commands:
        raise SetupError(f"{path} contains no process")
    return commands


def _try_listening(url: str) -> str | None:
    """Return why a server cannot listen at an address, or None."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 0
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as e:
        return str(e.strerror).partition(" (while attempting")[0]  # added by create_server, with the address
    return None
