"""Describes the machine of a measurement."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import docker

__all__ = ["describe_machine"]


def describe_machine(client: docker.APIClient) -> dict[str, str]:
    """Return CPU, memory, kernel, Python version, engine and runtime."""
    version: dict[str, Any] = client.version(api_version=False)
    info: dict[str, Any] = client.info()
    parts = {part["Name"]: part["Version"] for part in version.get("Components", ())}
    return {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{int(info['MemTotal']) / 2**30:.1f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "engine": f"{version['Version']}, {info['DefaultRuntime']} {parts.get(info['DefaultRuntime'], '')}".rstrip(),
        "storage": f"{info['Driver']}, cgroup v{info.get('CgroupVersion', '?')}",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
