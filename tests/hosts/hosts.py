"""Hosts in network namespaces, and a client of the service that runs on them."""

from __future__ import annotations

import contextlib
import functools
import secrets
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

import docker

from tests.hosts.client import JobClient
from tests.hosts.lan import Lan
from tests.hosts.lan import find_obstacle as find_lan_obstacle
from tests.hosts.machine import Machine
from tests.sandbox.engine_fixture import missing_requirement as find_engine_obstacle

__all__ = ["Hosts", "find_obstacle"]


@functools.cache
def find_obstacle() -> str:
    """Return why the tests cannot run on this machine, or an empty string."""
    return find_lan_obstacle() or find_engine_obstacle()


class Hosts(JobClient, ABC):
    """Starts hosts at the start of a block, and removes everything at its end.

    Args:
        folder: Folder for logs and data.
        name: Name of the folder for sockets. It must be short.
    """

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__()
        self.folder = folder
        self.machines: dict[str, Machine] = {}
        self._run = Path(f"/run/pyxec-{name}-{secrets.token_hex(2)}")
        self.stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self.stack.callback(shutil.rmtree, self._run, ignore_errors=True)
            self.lan = self.stack.enter_context(Lan())
            self.start()
        except BaseException:
            print(self.logs())  # noqa: T201 - what pytest shows with the failure
            self.stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def add(self, name: str) -> Machine:
        """Add a host without processes."""
        machine = self.machines[name] = Machine(self.lan, name, self.folder, self._run)
        self.stack.callback(machine.remove)
        return machine

    @abstractmethod
    def start(self) -> None:
        """Create the hosts and start their processes. Return when the service is ready."""

    def running(self, name: str) -> list[str]:
        """Return the ids of the sandboxes of a host in which a program runs."""
        engine = self.machines[name].engine
        sandboxes = [container["Id"] for container in engine.containers(filters={"label": ["org.pyxec"]})]
        return [sandbox for sandbox in sandboxes if _count_processes(engine, sandbox) > 1]

    def logs(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(machine.logs() for machine in self.machines.values())


def _count_processes(engine: docker.APIClient, container: str) -> int:
    try:
        return len(engine.top(container)["Processes"])
    except docker.errors.APIError:  # the container was removed
        return 0
