"""Ports for the servers that tests start."""

from __future__ import annotations

import itertools
import os
import random
import socket
from typing import Final

# Below the range of ephemeral ports (32768 on Linux), so that the kernel takes no port between its choice and its use.
# The bus port of a cluster node, 10,000 above its port, is in no range that another server of a test uses.
_FIRST_PORT: Final = 11_000
_PORTS_PER_PROCESS: Final = 3_000
_PROCESS_NUMBER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_offsets = itertools.count(random.randrange(_PORTS_PER_PROCESS))


def free_port() -> int:
    """Return a port that is not in use and that is not returned again soon. Each pytest process has its own range."""
    while True:
        port = _FIRST_PORT + _PROCESS_NUMBER * _PORTS_PER_PROCESS + next(_offsets) % _PORTS_PER_PROCESS
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
