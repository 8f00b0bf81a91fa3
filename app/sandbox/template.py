"""The body of every container creation: constant, but for the numbers in ``ContainerNumbers``.

Nothing that a client sends reaches the engine in any other way: source, arguments, environment and input arrive later,
through the runner. The reasons for each setting are in SECURITY.md.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from app.core.limits import LIMITS, Limits
from app.sandbox.seccomp import seccomp_profile

__all__ = ["LABEL", "SANDBOX_UIDS", "ContainerResources", "creation_body", "update_body"]

LABEL: Final = "org.pyxec"
# One of these for each container, so that what the kernel counts by user (inotify instances, pending signals, pages in
# pipes) is never shared by two jobs. Below 65536, or an engine with remapped or rootless users could not map it.
SANDBOX_UIDS: Final = range(20_000, 60_000)
SHM_BYTES: Final = 16 * 1024 * 1024
TMP_BYTES: Final = 64 * 1024 * 1024
MAX_OPEN_FILES: Final = int(LIMITS["open_files"].maximum)
MAX_STACK_BYTES: Final = 128 * 1024 * 1024
# The runner itself is a process of the container, and it keeps one for the fork of the next phase.
RUNNER_PROCESSES: Final = 2
INODES: Final = 16_384


@dataclass(frozen=True)
class ContainerResources:
    """All that differs between the containers of one language. ``disk_bytes`` is fixed when the container is made,
    the others can be changed while it waits."""

    memory_bytes: int
    processes: int
    disk_bytes: int
    nano_cpus: int

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or value <= 0:
                raise ValueError(f"{field.name} must be a positive whole number, not {value!r}")

    @classmethod
    def of(cls, limits: Limits, cpus: float) -> ContainerResources:
        """The numbers for these limits, clamped to the table once more: this is the last gate before the engine."""
        return cls(
            memory_bytes=_clamped("memory_bytes", limits.memory_bytes),
            processes=_clamped("processes", limits.processes) + RUNNER_PROCESSES,
            disk_bytes=_clamped("disk_bytes", limits.disk_bytes),
            nano_cpus=int(cpus * 1_000_000_000),
        )


def _clamped(name: str, value: int) -> int:
    allowed = LIMITS[name]
    return int(min(max(value, allowed.minimum), allowed.maximum))


def creation_body(
    image: str, numbers: ContainerResources, labels: dict[str, str], runtime: str, uid: int
) -> dict[str, Any]:
    """The JSON for ``POST /containers/create``.

    Parameters:
        image: an image id or reference of our own catalogue.
        labels: what the reaper goes by; never anything from a client.
        runtime: the OCI runtime, from the operator's settings; empty for the engine's default.
        uid: one of SANDBOX_UIDS.
    """
    return {
        "Image": image,
        "User": f"{uid}:{uid}",
        "Hostname": "sandbox",
        "WorkingDir": "/work",
        "Env": [],
        "Labels": labels,
        "NetworkDisabled": True,
        "Tty": False,
        # The runner heeds no other: an engine that shuts down would wait ten seconds for each that is idle.
        "StopSignal": "SIGKILL",
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": _host_config(numbers, runtime),
    }


def update_body(numbers: ContainerResources) -> dict[str, int]:
    """The JSON for ``POST /containers/{id}/update``."""
    return {
        "Memory": numbers.memory_bytes,
        "MemorySwap": numbers.memory_bytes,
        "PidsLimit": numbers.processes,
        "NanoCpus": numbers.nano_cpus,
    }


def _host_config(numbers: ContainerResources, runtime: str) -> dict[str, Any]:
    return {
        **update_body(numbers),
        "AutoRemove": True,
        "NetworkMode": "none",
        "CapDrop": ["ALL"],
        "Privileged": False,
        "SecurityOpt": ["no-new-privileges", f"seccomp={seccomp_profile()}"],
        "ReadonlyRootfs": True,
        "Tmpfs": {
            "/work": f"rw,nosuid,nodev,exec,mode=1777,size={numbers.disk_bytes},nr_inodes={INODES}",
            "/tmp": f"rw,nosuid,nodev,exec,mode=1777,size={TMP_BYTES},nr_inodes={INODES}",  # noqa: S108 - a mount point
        },
        "IpcMode": "private",
        "ShmSize": SHM_BYTES,
        "OomKillDisable": False,
        # Before Redis and the workers. The program raises its own to 1000: it goes before the runner that reports it.
        "OomScoreAdj": 900,
        "CgroupnsMode": "private",
        "LogConfig": {"Type": "none"},
        "RestartPolicy": {"Name": "no"},
        "Ulimits": [
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "nofile", "Soft": MAX_OPEN_FILES, "Hard": MAX_OPEN_FILES},
            {"Name": "fsize", "Soft": numbers.disk_bytes, "Hard": numbers.disk_bytes},
            {"Name": "stack", "Soft": 8 * 1024 * 1024, "Hard": MAX_STACK_BYTES},
        ],
        **({"Runtime": runtime} if runtime else {}),
    }
