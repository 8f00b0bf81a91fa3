"""Kernel memory of sockets on the host, which cgroup v1 does not count as memory of a job."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["KernelMemoryPeak", "measure_kernel_memory", "read_socket_buffer_bytes", "read_socket_slab_bytes"]

PAGE_BYTES = 4096
SAMPLE_SECONDS = 0.02
# Names of slab caches, without the suffix of IPv6.
SOCKET_CACHES = ("TCP", "UDP", "request_sock_TCP", "tw_sock_TCP", "skbuff_head_cache", "skbuff_small_head")


class KernelMemoryPeak:
    """The highest increase since the start of the measurement, in bytes."""

    def __init__(self) -> None:
        self._before = self._read()
        self.increase_bytes = 0

    def sample(self) -> None:
        self.increase_bytes = max(self.increase_bytes, self._read() - self._before)

    def _read(self) -> int:
        return read_socket_buffer_bytes() + read_socket_slab_bytes()


@contextmanager
def measure_kernel_memory() -> Iterator[KernelMemoryPeak]:
    """Sample the kernel memory of all sockets of the host."""
    peak, ended = KernelMemoryPeak(), threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            peak.sample()

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peak
    finally:
        ended.set()
        sampler.join()


def read_socket_buffer_bytes() -> int:
    """Return the queues of all TCP and UDP sockets. ``mem`` counts the pages of all network namespaces."""
    total = 0
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        words = line.split()
        if "mem" in words:
            total += int(words[words.index("mem") + 1]) * PAGE_BYTES
    return total


def read_socket_slab_bytes() -> int:
    """Return the size of all socket structures. 0 if the tests do not run as root."""
    try:
        lines = Path("/proc/slabinfo").read_text().splitlines()[2:]
    except PermissionError:
        return 0
    caches = (line.split() for line in lines)
    return sum(int(cache[1]) * int(cache[3]) for cache in caches if cache[0].removesuffix("v6") in SOCKET_CACHES)
