"""A network of namespaces: a switch with a cable to each host, which can be disconnected.

The switch is a bridge in its own namespace, where the firewall of the machine does not apply. Everything is removed at
the end, and the configuration of the machine is not changed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from types import TracebackType

__all__ = ["Lan", "find_obstacle"]

_PREFIX_LENGTH = 24


def find_obstacle() -> str:
    """Return why no network can be created, or an empty string."""
    if os.geteuid() != 0:
        return "network namespaces require root"
    if shutil.which("ip") is None:
        return "network namespaces require iproute2"
    name = f"pyxec-{secrets.token_hex(3)}"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if done.returncode != 0:
        return f"network namespaces cannot be created: {done.stderr.strip()}"
    _ip("netns", "delete", name)
    return ""


class Lan:
    """A network of named hosts. The test process is connected to it at ``own_address``."""

    def __init__(self) -> None:
        self._tag = secrets.token_hex(2)
        # A random subnet, so that two networks can exist at once.
        self._subnet = f"10.213.{secrets.randbelow(256)}"
        self._switch = self.namespace("switch")
        self._addresses: dict[str, str] = {}
        self.own_address = f"{self._subnet}.254"

    def __enter__(self) -> Lan:
        _ip("netns", "add", self._switch)
        _ip("-n", self._switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self._switch, "link", "set", "bridge", "up")
        own = f"pyxec-{self._tag}"
        self._cable("tester", own, str(os.getpid()))
        _ip("address", "add", f"{self.own_address}/{_PREFIX_LENGTH}", "dev", own)
        _ip("link", "set", own, "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in ("switch", *self._addresses):
            subprocess.run(["ip", "netns", "delete", self.namespace(name)], check=False, capture_output=True)

    def namespace(self, name: str) -> str:
        """Return the name of the network namespace of a host."""
        return f"pyxec-{self._tag}-{name}"

    def join(self, name: str) -> str:
        """Add a host. Return its address."""
        namespace, address = self.namespace(name), f"{self._subnet}.{len(self._addresses) + 1}"
        _ip("netns", "add", namespace)
        self._addresses[name] = address
        self._cable(name, "eth0", namespace)
        _ip("-n", namespace, "address", "add", f"{address}/{_PREFIX_LENGTH}", "dev", "eth0")
        for link in ("lo", "eth0"):
            _ip("-n", namespace, "link", "set", link, "up")
        return address

    def disconnect(self, name: str) -> None:
        """Disconnect a host. Its connections stay open, but no packet passes."""
        _ip("-n", self._switch, "link", "set", name, "down")

    def reconnect(self, name: str) -> None:
        """Reconnect a host."""
        _ip("-n", self._switch, "link", "set", name, "up")

    def _cable(self, port: str, end: str, namespace: str) -> None:
        pair = ("type", "veth", "peer", "name", end, "netns", namespace)
        _ip("-n", self._switch, "link", "add", port, *pair)
        _ip("-n", self._switch, "link", "set", port, "master", "bridge", "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
