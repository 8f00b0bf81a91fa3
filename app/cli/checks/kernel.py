"""The kernel below: its version, and what it does with a core dump."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

from app.cli.checks.finding import Finding, passed, skipped, warned

__all__ = ["check_kernel"]


def check_kernel(core_pattern: Path = Path("/proc/sys/kernel/core_pattern")) -> Iterator[Finding]:
    """Tell the kernel; warn of a piped core_pattern, which starts a program as root outside of every container."""
    yield passed("kernel", f"{platform.system()} {platform.release()} {platform.machine()}")
    try:
        pattern = core_pattern.read_text().strip()
    except OSError as e:
        yield skipped("core dumps", str(e))
        return
    if pattern.startswith("|"):
        yield warned("core dumps", f"core_pattern is piped to {pattern[1:].split()[0]}: a crash in a sandbox runs it")
    else:
        yield passed("core dumps", f"core_pattern is {pattern or 'empty'}")
