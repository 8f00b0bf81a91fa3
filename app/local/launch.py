"""What is started on this machine and with which environment: the Procfile, and the two settings that shape it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from honcho.environ import parse_procfile

from app.local.address import service_url
from app.local.errors import SetupError
from app.local.valkey import embedded_url

__all__ = ["SERVER", "LaunchPlan", "launch_plan", "read_procfile"]

SERVER = "server"


@dataclass(frozen=True)
class LaunchPlan:
    """The commands by name, in the Procfile's order, the environment for all of them, and what they will listen on."""

    commands: Mapping[str, str]
    environment: Mapping[str, str]
    listens: Mapping[str, str]

    def check_addresses(self) -> None:
        """Find out whether the addresses are free: else another program would answer in our place.

        Raises:
            SetupError: one is taken; says which variable moves us elsewhere.
        """
        for variable, url in self.listens.items():
            parts = urlsplit(url)
            try:
                family = socket.AF_INET6 if ":" in (parts.hostname or "") else socket.AF_INET
                socket.create_server((parts.hostname or "", parts.port or 0), family=family).close()
            except OSError as e:
                where = f"{parts.hostname}:{parts.port}"
                raise SetupError(f"cannot listen on {where} ({e.strerror}): set {variable} to another one") from e


def launch_plan(root: Path, environment: Mapping[str, str]) -> LaunchPlan:
    """Plan for the repository at `root`. The embedded server is left out when ``REDIS_URL`` names another.

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
    return LaunchPlan(commands, merged, listens)


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
