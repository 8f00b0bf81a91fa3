"""Checks the kernel: version and handling of core dumps."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

from app.cli.checks.finding import Finding, passed, skipped, warned

__all__ = ["check_kernel"]


def check_kernel(core_pattern: Path = Path("/proc/sys/kernel/core_pattern")) -> Iterator[Finding]:
    """Report the kernel version and warn about a piped core_pattern, which runs a program as root on the host.

    See core(5), "Piping core dumps to a program".
    """
    yield passed("kernel", f"{platform.system()} {platform.release()} {platform.machine()}")
    try:
        pattern = core_pattern.read_text().strip()
    except OSError as e:
        yield skipped("core dumps", str(e))
        return
    if pattern.startswith("|"):
        yield warned(
            "core dumps",
            f"core_pattern is piped to {pattern[1:].split()[0]}: a crash in a sandbox starts it on the host",
        )
    else:
        yield passed("core dumps", f"core_pattern is {pattern or 'empty'}")
