"""A network of real namespaces: a switch, and a cable from it to each host, which can be pulled out and put back.

The switch is a bridge in a namespace of its own: the machine's firewall, which may drop what bridges forward, has no
say in there. Everything goes when the network is left, and nothing of the machine's own is changed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from types import TracebackType

__all__ = ["Lan", "why_not"]

_PREFIX_LENGTH = 24


def why_not() -> str:
    """What is missing to make one; empty when nothing is."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need iproute2"
    name = f"pyxec-{secrets.token_hex(3)}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode != 0:
        return f"network namespaces cannot be made here: {made.stderr.strip()}"
    _ip("netns", "delete", name)
    return ""


class Lan:
    """Hosts are known by their names. The test itself is on it, too, at ``own_address``."""

    def __init__(self) -> None:
        self._tag = secrets.token_hex(2)
        # One of the many that nobody uses; two networks of this kind at a time do not meet.
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
        """The name of a host's network namespace."""
        return f"pyxec-{self._tag}-{name}"

    def join(self, name: str) -> str:
        """A new host; its address."""
        namespace, address = self.namespace(name), f"{self._subnet}.{len(self._addresses) + 1}"
        _ip("netns", "add", namespace)
        self._addresses[name] = address
        self._cable(name, "eth0", namespace)
        _ip("-n", namespace, "address", "add", f"{address}/{_PREFIX_LENGTH}", "dev", "eth0")
        for link in ("lo", "eth0"):
            _ip("-n", namespace, "link", "set", link, "up")
        return address

    def cut(self, name: str) -> None:
        """Pull the cable out: nothing passes, and nobody is told."""
        _ip("-n", self._switch, "link", "set", name, "down")

    def mend(self, name: str) -> None:
        """Put it back."""
        _ip("-n", self._switch, "link", "set", name, "up")

    def _cable(self, port: str, end: str, namespace: str) -> None:
        pair = ("type", "veth", "peer", "name", end, "netns", namespace)
        _ip("-n", self._switch, "link", "add", port, *pair)
        _ip("-n", self._switch, "link", "set", port, "master", "bridge", "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
