"""First process of the namespaces of a guest: starts user-mode Linux and forwards a Unix socket to the guest's engine.

    python -m tests.cgroup2.namespace ROOT DISK SOCKET INIT

The network, process and mount namespaces belong to the guest: the machine keeps its addresses, routes and mounts.
The end of this process ends the guest.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

__all__ = ["GUEST_ADDRESS", "KERNEL", "PORT", "PREFIX"]

KERNEL: Final = "linux.uml"
GUEST_ADDRESS: Final = "10.99.77.2"
PREFIX: Final = 30
PORT: Final = 2375
_HOST_ADDRESS: Final = "10.99.77.1"
_INTERFACE: Final = "guest0"
_MEMORY: Final = "6G"
_CONNECT_SECONDS: Final = 10
_CHUNK_BYTES: Final = 256 * 1024


def main() -> int:
    """Run the guest until it powers off. Return the exit code of its kernel."""
    root, disk, socket_path, init = sys.argv[1:]
    _create_interface()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(socket_path)
    Path(socket_path).chmod(0o600)
    listener.listen(128)
    threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    # hostfs and the transport "tap": https://docs.kernel.org/virt/uml/user_mode_linux_howto_v2.html
    command = [
        *(KERNEL, f"mem={_MEMORY}", "root=/dev/root", "rootfstype=hostfs", f"rootflags={root}", "rw", f"ubd0={disk}"),
        *(f"vec0:transport=tap,ifname={_INTERFACE},depth=128,gro=1", f"init={init}"),
        *("con=null", "con0=null,fd:1", "con1=null,fd:1", "systemd.mask=systemd-networkd-wait-online.service"),
    ]
    # The memory of the guest is a file in TMPDIR.
    environment = {"PATH": os.environ["PATH"], "TMPDIR": "/dev/shm", "HOME": str(Path(disk).parent)}
    guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)
    signal.signal(signal.SIGTERM, lambda number, frame: guest.kill())
    return guest.wait()


def _create_interface() -> None:
    for arguments in (
        f"tuntap add {_INTERFACE} mode tap",
        f"addr add {_HOST_ADDRESS}/{PREFIX} dev {_INTERFACE}",
        f"link set {_INTERFACE} up",
    ):
        subprocess.run(["ip", *arguments.split()], check=True)


def _accept(listener: socket.socket) -> None:
    while True:
        client = listener.accept()[0]
        try:
            engine = socket.create_connection((GUEST_ADDRESS, PORT), timeout=_CONNECT_SECONDS)
        except OSError:
            client.close()  # the engine has not started
            continue
        engine.settimeout(None)
        engine.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, target in ((client, engine), (engine, client)):
            threading.Thread(target=_forward, args=(source, target), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    """Forward one direction of a connection, including its end: the runner reads the end of its stdin."""
    try:
        while data := source.recv(_CHUNK_BYTES):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for connection in (source, target):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    sys.exit(main())
