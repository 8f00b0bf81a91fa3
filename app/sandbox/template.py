"""Request bodies for the creation and the update of a container.

Everything except ``ContainerResources`` is constant. Source code, arguments, environment and input reach the container
later, through the runner. SECURITY.md explains the reason for each setting. The field names are those of
https://docs.docker.com/reference/api/engine/.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from app.core.limits import LIMITS
from app.sandbox.resources import ContainerResources
from app.sandbox.seccomp import cell_profile, seccomp_profile

__all__ = [
    "CELL_APPARMOR_PROFILE",
    "INSTALLATION_LABEL",
    "LABEL",
    "MAX_STACK_BYTES",
    "SANDBOX_UIDS",
    "WORKER_LABEL",
    "cell_creation_body",
    "creation_body",
    "update_body",
]

# The value of LABEL is the namespace of the installation, that of INSTALLATION_LABEL its id in Redis, and that of
# WORKER_LABEL the name of the worker.
LABEL: Final = "org.pyxec"
INSTALLATION_LABEL: Final = f"{LABEL}.installation"
WORKER_LABEL: Final = f"{LABEL}.worker"
# Each container gets one of these user ids, so that two jobs do not share the kernel's limits per user (inotify
# instances, pending signals, pipe pages). They are below 65536 because user namespaces often map only that many ids.
SANDBOX_UIDS: Final = range(20_000, 60_000)
MAX_STACK_BYTES: Final = int(LIMITS["stack_bytes"].maximum)
_STACK_BYTES: Final = 8 * 1024 * 1024
_SHM_BYTES: Final = 16 * 1024 * 1024
_TMP_BYTES: Final = 64 * 1024 * 1024
_MAX_OPEN_FILES: Final = int(LIMITS["open_files"].maximum)
_MAX_INODES: Final = 16_384
# From -1000 to 1000 (proc(5), oom_score_adj). Above Redis and the workers; the program of a job has 1000, so that the
# kernel kills it before the runner.
_OOM_SCORE_ADJ: Final = 900
# Sysctls of the network namespace of the container. Connections that wait to be accepted and connections in TIME_WAIT
# occupy kernel memory outside of the memory limit. Without TIME_WAIT, a test also cannot see the connections of the
# test before it.
_SYSCTLS: Final = {"net.core.somaxconn": "128", "net.ipv4.tcp_max_tw_buckets": "0"}
# The defaults of Docker Engine 20.10 to 28.5 (oci/defaults.go), because a list replaces them. Paths that do not exist
# are skipped.
_DEFAULT_MASKED_PATHS: Final = (
    *("/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
    *("/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats"),
    *("/sys/devices/virtual/powercap", "/sys/firmware"),
)
# Files that show what other processes of the host do (locks, keys, interrupts, disk and memory use), or its boot
# parameters and hardware.
_HOST_PATHS: Final = (
    *("/proc/buddyinfo", "/proc/cmdline", "/proc/diskstats", "/proc/iomem", "/proc/ioports", "/proc/kallsyms"),
    *("/proc/key-users", "/proc/locks", "/proc/modules", "/proc/partitions", "/proc/pressure", "/proc/schedstat"),
    *("/proc/softirqs", "/proc/swaps", "/proc/zoneinfo", "/sys/devices/virtual/dmi", "/sys/module"),
)
# Capabilities of PID 1 of a cell until it has read its cgroup and has changed its user (runner/cell/cell.h).
_CELL_CAPABILITIES: Final = ("CHOWN", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN")
#: Name of the AppArmor profile in deploy/apparmor/pyxec-cell. The engine's own profile denies mounts.
CELL_APPARMOR_PROFILE: Final = "pyxec-cell"
_CPU_FOLDER: Final = Path("/sys/devices/system/cpu")


def creation_body(
    image: str, resources: ContainerResources, labels: dict[str, str], runtime: str, uid: int
) -> dict[str, Any]:
    """Return the body for ``POST /containers/create``.

    Args:
        image: Id of an image of the catalogue.
        labels: LABEL, INSTALLATION_LABEL and WORKER_LABEL. They never contain values from a request.
        runtime: OCI runtime from the settings. Empty for the engine's default.
        uid: One of SANDBOX_UIDS.
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
        # The runner ignores other signals. Without this, an engine that shuts down waits 10 s for each idle container.
        "StopSignal": "SIGKILL",
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": _host_config(resources, runtime),
    }


def cell_creation_body(
    image: str,
    resources: ContainerResources,
    labels: dict[str, str],
    runtime: str,
    cell_uid: int,
    job_uid: int,
    *,
    has_apparmor: bool,
) -> dict[str, Any]:
    """Return the body for the creation of a cell.

    PID 1 starts as root and mounts the file systems of each job. The paths below /proc are masked in the jobs, because
    the kernel refuses a new /proc while paths of an old one are masked.

    Args:
        image: Id of an image of the catalogue.
        resources: Limits of the cell. Those of a job may be lower. ``processes`` includes PID 1 of the cell.
        labels: As for `creation_body`.
        runtime: As for `creation_body`.
        cell_uid: One of SANDBOX_UIDS, the user of PID 1.
        job_uid: Another one, the user of the jobs.
        has_apparmor: Whether the host of the engine uses AppArmor.
    """
    body = creation_body(image, resources, labels, runtime, cell_uid)
    in_proc = [path for path in _masked_paths() if path.startswith("/proc/")]
    options = ["no-new-privileges", f"seccomp={cell_profile()}"]
    if has_apparmor:
        options.append(f"apparmor={CELL_APPARMOR_PROFILE}")
    host_config = {
        **body["HostConfig"],
        "CapAdd": list(_CELL_CAPABILITIES),
        "SecurityOpt": options,
        "Tmpfs": {},
        "MaskedPaths": [path for path in _masked_paths() if not path.startswith("/proc/")],
        "ReadonlyPaths": [],
    }
    entrypoint = ["/pyxec-runner", "--cell", str(cell_uid), str(job_uid), *in_proc]
    return {**body, "User": "0:0", "Entrypoint": entrypoint, "HostConfig": host_config}


def update_body(resources: ContainerResources) -> dict[str, int]:
    """Return the body for ``POST /containers/{id}/update``."""
    return {
        "Memory": resources.memory_bytes,
        "MemorySwap": resources.memory_bytes,
        "PidsLimit": resources.processes,
        "NanoCpus": resources.nano_cpus,
    }


def _host_config(resources: ContainerResources, runtime: str) -> dict[str, Any]:
    return {
        **update_body(resources),
        "AutoRemove": True,
        "NetworkMode": "none",
        "CapDrop": ["ALL"],
        "Privileged": False,
        "SecurityOpt": ["no-new-privileges", f"seccomp={seccomp_profile()}"],
        "ReadonlyRootfs": True,
        "Tmpfs": {"/work": _tmpfs(resources.disk_bytes), "/tmp": _tmpfs(_TMP_BYTES)},  # noqa: S108 - a mount point
        "IpcMode": "private",
        "ShmSize": _SHM_BYTES,
        "OomKillDisable": False,
        "OomScoreAdj": _OOM_SCORE_ADJ,
        "CgroupnsMode": "private",
        "LogConfig": {"Type": "none"},
        "Sysctls": _SYSCTLS,
        "MaskedPaths": list(_masked_paths()),
        "RestartPolicy": {"Name": "no"},
        "Ulimits": [
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "nofile", "Soft": _MAX_OPEN_FILES, "Hard": _MAX_OPEN_FILES},
            {"Name": "fsize", "Soft": resources.disk_bytes, "Hard": resources.disk_bytes},
            {"Name": "stack", "Soft": _STACK_BYTES, "Hard": MAX_STACK_BYTES},
        ],
        **({"Runtime": runtime} if runtime else {}),
    }


def _tmpfs(size_bytes: int) -> str:
    return f"rw,nosuid,nodev,exec,mode=1777,size={size_bytes},nr_inodes={_MAX_INODES}"


@cache
def _masked_paths() -> tuple[str, ...]:
    # Engine 28 masks the last ones. They depend on the CPUs, which are known only if the engine runs on this host.
    thermal = map(str, sorted(_CPU_FOLDER.glob("cpu*/thermal_throttle")))
    return (*_DEFAULT_MASKED_PATHS, *_HOST_PATHS, *thermal)
