"""Network links from processes to Redis that can be cut: a proxy, or a pair of virtual Ethernet devices."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any, Protocol

from tests.proxy import FaultProxy

# A locally administered address that no device has: the kernel of the receiver drops packets to it.
_NO_DEVICE = "02:00:00:00:00:99"

__all__ = ["Link", "Network", "ProxyLink", "VethLink", "missing_for_networks"]


class Link(Protocol):
    """A link to Redis.

    Attributes:
        url: URL of Redis for the process that uses the link.
    """

    url: str

    def cut(self) -> None:
        """Drop all packets without closing connections."""

    def restore(self) -> None:
        """Restore the link."""

    def close(self) -> None:
        """Remove the link."""


class _GatedProxy(FaultProxy):
    """A proxy that can also hold back traffic.

    Attributes:
        trigger: The proxy holds back all replies from the request on that contains these bytes.
        gates: Set while traffic of a direction passes.
    """

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.trigger = b""
        self.gates = {"lose_requests": threading.Event(), "lose_replies": threading.Event()}
        for gate in self.gates.values():
            gate.set()

    def check_request(self, data: bytes) -> None:
        """Hold back replies if this request contains the trigger."""
        if self.trigger and self.trigger in data:
            self.gates["lose_replies"].clear()

    def _pump(self, source: Any, sink: socket.socket, loss: str) -> None:
        super()._pump(_ObservedSocket(source, self.check_request) if loss == "lose_requests" else source, sink, loss)

    def _take(self, loss: str) -> bool:
        if loss in self.gates:
            self.gates[loss].wait()
        return super()._take(loss)


class _ObservedSocket:
    """The part of a socket that a proxy uses, with a callback for received data."""

    def __init__(self, source: socket.socket, on_data: Callable[[bytes], None]) -> None:
        self._on_data = on_data
        self._source = source
        self.shutdown = source.shutdown

    def recv(self, size: int) -> bytes:
        data = self._source.recv(size)
        self._on_data(data)
        return data


class ProxyLink:
    """A link through a proxy. Traffic that is held back arrives later if the connection still exists, as with TCP.

    Attributes:
        proxy: Loses and repeats requests and replies.
    """

    def __init__(self, port: int) -> None:
        self.proxy = _GatedProxy(port)
        self.proxy.__enter__()
        self.url = f"redis://127.0.0.1:{self.proxy.port}/0"

    def cut(self) -> None:
        for gate in self.proxy.gates.values():
            gate.clear()

    def hold_reply_to(self, request: bytes) -> None:
        """Hold back all replies from the next request on that contains these bytes. Redis executes the requests."""
        self.proxy.trigger = request

    @property
    def holds_replies(self) -> bool:
        return not self.proxy.gates["lose_replies"].is_set()

    def restore(self) -> None:
        self.proxy.trigger = b""
        for gate in self.proxy.gates.values():
            gate.set()

    def close(self) -> None:
        self.restore()
        self.proxy.__exit__(None, None, None)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def missing_for_networks() -> str:
    """Return what is missing for network namespaces, an empty string if they are available."""
    if os.geteuid() != 0:
        return "network namespaces require root"
    name = f"pxd{os.getpid()}t"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except (OSError, subprocess.CalledProcessError):
        return "network namespaces are not available"
    return ""


class Network:
    """A network namespace for Redis. Each process reaches it through its own link."""

    def __init__(self) -> None:
        self.name = f"pxd{os.getpid()}"
        _ip("netns", "add", self.name)
        _ip("-n", self.name, "link", "set", "lo", "up")
        self._links: list[VethLink] = []
        # For the checker; it is never cut.
        self.host = self.create_link(0).host

    @property
    def launcher(self) -> tuple[str, ...]:
        """Command prefix that starts a process in the namespace."""
        return ("ip", "netns", "exec", self.name)

    def create_link(self, port: int) -> VethLink:
        self._links.append(VethLink(self.name, len(self._links) + 1, port))
        return self._links[-1]

    def close(self) -> None:
        for cable in self._links:  # the kernel removes them much later than the namespace
            cable.close()
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self.name)


class VethLink:
    """A pair of virtual Ethernet devices. While it is cut, it drops every packet, or those of one direction."""

    def __init__(self, namespace: str, number: int, port: int) -> None:
        self._namespace = namespace
        self._near, self._far = f"{namespace}n{number}", f"{namespace}f{number}"
        self._process_host = f"10.231.{number}.1"
        self.host = f"10.231.{number}.2"
        self.url = f"redis://{self.host}:{port}/0"
        _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", namespace)
        _ip("addr", "add", f"{self._process_host}/30", "dev", self._near)
        _ip("link", "set", self._near, "up")
        _ip("-n", namespace, "addr", "add", f"{self.host}/30", "dev", self._far)
        self.restore()

    def cut(self) -> None:
        _ip("-n", self._namespace, "link", "set", self._far, "down")

    def cut_to_server(self) -> None:
        """Drop the packets to Redis. Those from Redis still arrive."""
        _ip("neigh", "replace", self.host, "lladdr", _NO_DEVICE, "dev", self._near, "nud", "permanent")

    def cut_from_server(self) -> None:
        """Drop the packets from Redis. Those to Redis still arrive."""
        _ip(*self._in_namespace("replace"), "lladdr", _NO_DEVICE, "dev", self._far, "nud", "permanent")

    def restore(self) -> None:
        for arguments in (
            ("neigh", "del", self.host, "dev", self._near),
            (*self._in_namespace("del"), "dev", self._far),
        ):
            with contextlib.suppress(subprocess.CalledProcessError):  # there is no such entry
                _ip(*arguments)
        _ip("-n", self._namespace, "link", "set", self._far, "up")

    def close(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("link", "del", self._near)

    def _in_namespace(self, command: str) -> tuple[str, ...]:
        return ("-n", self._namespace, "neigh", command, self._process_host)
