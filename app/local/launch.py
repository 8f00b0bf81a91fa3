"""What is started on this machine and with which environment: the Procfile, and the two settings that shape it."""

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
from app.local.errors import SetupError
from app.local.nginx import find_nginx
from app.local.valkey import embedded_url
from app.local.web_page import is_page_built

__all__ = ["SERVER", "WEB", "LaunchPlan", "launch_plan", "read_procfile"]

SERVER = "server"
WEB = "web"

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class LaunchPlan:
    """The commands by name, in the Procfile's order, the environment for all of them, and what they will listen on."""

    commands: Mapping[str, str]
    environment: Mapping[str, str]
    listens: Mapping[str, str]

    def check_addresses(self, patience_seconds: float = 0) -> None:
        """Find out whether the addresses are free: else another program would answer in our place.

        Parameters:
            patience_seconds: how long one may still be taken, by what is just stopping.

        Raises:
            SetupError: one is taken; says which variable moves us elsewhere.
        """
        deadline = time.monotonic() + patience_seconds
        for variable, url in self.listens.items():
            while (error := _listen_error(url)) is not None:
                if time.monotonic() >= deadline:
                    raise SetupError(f"cannot listen at {url} ({error.strerror}): set {variable} to another place")
                time.sleep(_POLL_SECONDS)


def launch_plan(root: Path, environment: Mapping[str, str]) -> LaunchPlan:
    """Plan for the repository at `root`. The embedded server is left out when ``REDIS_URL`` names another, the web
    server where there is no page to serve or no nginx to serve it.

    Raises:
        SetupError: there is no Procfile that can be used, or a setting is wrong.
    """
    commands = read_procfile(root / "Procfile")
    path = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    merged = {**environment, "PATH": path, "PYTHONUNBUFFERED": "1"}
    listens = {"PYXEC_HTTP_BIND": service_url(environment)}
    if environment.get("REDIS_URL"):
        commands.pop(SERVER, None)
    else:
        merged["REDIS_URL"] = listens["VALKEY_PORT"] = embedded_url(environment)
    if find_nginx() is None or not is_page_built(root):
        commands.pop(WEB, None)
    elif WEB in commands:
        listens["PYXEC_WEB_BIND"] = web_url(environment)
        # Behind our own nginx everyone would be 127.0.0.1: its word on who asks is believed.
        merged.setdefault("PYXEC_TRUSTED_PROXIES", "127.0.0.1")
    return LaunchPlan(commands, merged, listens)


def _listen_error(url: str) -> OSError | None:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 0
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as e:
        return e
    return None


def read_procfile(path: Path) -> dict[str, str]:
    """The commands of a Procfile by name, in its order.

    Raises:
        SetupError: there is none, or nothing in it.
    """
    try:
        processes: dict[str, str] = dict(parse_procfile(path.read_text()).processes)
    except (OSError, AssertionError) as e:
        raise SetupError(f"{path} cannot be read: {e}") from e
    if not processes:
        raise SetupError(f"{path} names no process")
    return processes
