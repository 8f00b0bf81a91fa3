"""Hosts on a network of their own, and a visitor who asks what runs on them."""

from __future__ import annotations

import contextlib
import functools
import secrets
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

import docker

from tests.hosts.lan import Lan
from tests.hosts.lan import why_not as why_no_lan
from tests.hosts.machine import Machine
from tests.hosts.visitor import Visitor
from tests.sandbox.engine_fixture import missing_requirement as why_no_engine

__all__ = ["Hosts", "why_not"]


@functools.cache
def why_not() -> str:
    """What is missing for them; empty when nothing is."""
    return why_no_lan() or why_no_engine()


class Hosts(Visitor, ABC):
    """Everything is started when entered; whatever was started, made or mounted is gone when it is left.

    Parameters:
        folder: for logs and data.
        name: of the folder for sockets, which must be short.
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
            print(self.logs())  # noqa: T201 - what pytest shows beside the failure
            self.stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def add(self, name: str) -> Machine:
        """One more host, with nothing on it."""
        machine = self.machines[name] = Machine(self.lan, name, self.folder, self._run)
        self.stack.callback(machine.remove)
        return machine

    @abstractmethod
    def start(self) -> None:
        """Make the hosts, and start what runs on them; return once it can be used."""

    def running(self, name: str) -> list[str]:
        """The sandboxes of this host in which a program runs, beside the runner."""
        engine = self.machines[name].engine
        boxes = [box["Id"] for box in engine.containers(filters={"label": ["org.pyxec"]})]
        return [box for box in boxes if _processes(engine, box) > 1]

    def logs(self) -> str:
        """The end of each, for people."""
        return "\n".join(machine.logs() for machine in self.machines.values())


def _processes(engine: docker.APIClient, container: str) -> int:
    try:
        return len(engine.top(container)["Processes"])
    except docker.errors.APIError:  # it went away in between
        return 0
