"""The ways by which a process reaches Redis, each of which can be cut: a proxy, or a cable between two networks."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any, Protocol

from tests.proxy import FaultProxy

__all__ = ["Cable", "Link", "Network", "ProxyLink", "why_no_networks"]


class Link(Protocol):
    """Attributes: url: of Redis, for who is at the near end."""

    url: str

    def cut(self) -> None:
        """From now on nothing comes through, and nobody is told."""

    def mend(self) -> None:
        """It does again."""

    def close(self) -> None:
        """For good."""


class _Valve(FaultProxy):
    """Lets through, holds back, or loses.

    Attributes:
        bait: the request with these bytes is the last one whose reply is let through: that one's is held back already.
    """

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.bait = b""
        self.gates = {"lose_requests": threading.Event(), "lose_replies": threading.Event()}
        for gate in self.gates.values():
            gate.set()

    def look(self, data: bytes) -> None:
        """At a request, before it is passed on."""
        if self.bait and self.bait in data:
            self.gates["lose_replies"].clear()

    def _pump(self, source: Any, sink: socket.socket, loss: str) -> None:
        super()._pump(_Watched(source, self.look) if loss == "lose_requests" else source, sink, loss)

    def _take(self, loss: str) -> bool:
        if loss in self.gates:
            self.gates[loss].wait()
        return super()._take(loss)


class _Watched:
    """A socket, as far as a pump needs one, whose data is looked at."""

    def __init__(self, source: socket.socket, look: Callable[[bytes], None]) -> None:
        self._look = look
        self._source = source
        self.shutdown = source.shutdown

    def recv(self, size: int) -> bytes:
        data = self._source.recv(size)
        self._look(data)
        return data


class ProxyLink:
    """What is held back comes later, as TCP has it, unless the connection is gone by then.

    Attributes:
        proxy: loses and repeats what it is told to.
    """

    def __init__(self, port: int) -> None:
        self.proxy = _Valve(port)
        self.proxy.__enter__()
        self.url = f"redis://127.0.0.1:{self.proxy.port}/0"

    def cut(self) -> None:
        for gate in self.proxy.gates.values():
            gate.clear()

    def hold_reply_to(self, request: bytes) -> None:
        """From the next request with these bytes on, what is asked for is done, and nobody learns of it."""
        self.proxy.bait = request

    @property
    def holds_replies(self) -> bool:
        return not self.proxy.gates["lose_replies"].is_set()

    def mend(self) -> None:
        self.proxy.bait = b""
        for gate in self.proxy.gates.values():
            gate.set()

    def close(self) -> None:
        self.mend()
        self.proxy.__exit__(None, None, None)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def why_no_networks() -> str:
    """What is missing to have them; empty when nothing is."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"pxd{os.getpid()}t"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except (OSError, subprocess.CalledProcessError):
        return "there are no network namespaces here"
    return ""


class Network:
    """A network namespace for Redis; everybody reaches it by a cable of his own."""

    def __init__(self) -> None:
        self.name = f"pxd{os.getpid()}"
        _ip("netns", "add", self.name)
        _ip("-n", self.name, "link", "set", "lo", "up")
        self._cables: list[Cable] = []
        # The one of who judges: it is never cut.
        self.home = self.cable(0).host

    @property
    def launcher(self) -> tuple[str, ...]:
        """Starts a process in it."""
        return ("ip", "netns", "exec", self.name)

    def cable(self, port: int) -> Cable:
        self._cables.append(Cable(self.name, len(self._cables) + 1, port))
        return self._cables[-1]

    def close(self) -> None:
        for cable in self._cables:  # the kernel takes its time to do so with the namespace
            cable.close()
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self.name)


class Cable:
    """A pair of virtual Ethernet devices. Cut, it swallows every packet in silence."""

    def __init__(self, namespace: str, number: int, port: int) -> None:
        self._namespace = namespace
        self._near, self._far = f"{namespace}n{number}", f"{namespace}f{number}"
        self.host = f"10.231.{number}.2"
        self.url = f"redis://{self.host}:{port}/0"
        _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", namespace)
        _ip("addr", "add", f"10.231.{number}.1/30", "dev", self._near)
        _ip("link", "set", self._near, "up")
        _ip("-n", namespace, "addr", "add", f"{self.host}/30", "dev", self._far)
        self.mend()

    def cut(self) -> None:
        _ip("-n", self._namespace, "link", "set", self._far, "down")

    def mend(self) -> None:
        _ip("-n", self._namespace, "link", "set", self._far, "up")

    def close(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("link", "del", self._near)
