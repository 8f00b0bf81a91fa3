"""Ports for the servers that tests start."""

from __future__ import annotations

import itertools
import os
import random
import socket
from typing import Final

# Below the ports that the kernel gives to outgoing connections, so that none of them is taken between the choice and
# its use. So is what a node of a cluster takes besides, 10,000 above its port, where no other server of a test is.
_FIRST: Final = 11_000
_EACH: Final = 3_000
_PROCESS: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_numbers = itertools.count(random.randrange(_EACH))


def free_port() -> int:
    """One that nobody listens on, and that nobody is given again soon: each pytest process has a range of its own."""
    while True:
        port = _FIRST + _PROCESS * _EACH + next(_numbers) % _EACH
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
