"""The requirements that a Docker Engine must meet, checked before the first job with ``/version`` and ``/info``."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from app.core.errors import EngineUnavailable, UnsupportedEngine
from app.sandbox.engine.api_version import negotiate_version
from app.sandbox.engine.engine_process import find_engine_root
from app.sandbox.engine.errors import EngineResponseError, translate_engine_errors
from app.sandbox.engine.http import EngineHttpClient

__all__ = ["EngineDescription", "EngineFault", "check_engine_requirements", "describe_engine", "find_faults"]

# In an entry of the field Runtimes: gVisor's binary is runsc, its containerd shim is io.containerd.runsc.v1.
_GVISOR_MARKS: Final = ("runsc", "gvisor")
# Fields of /info that are true if the engine can set the limit, the limited resource, and the cgroup controller. The
# limit of swap is missing: without it, the memory of a sandbox is still limited.
_LIMITS: Final = (
    ("MemoryLimit", "memory", "memory"),
    ("PidsLimit", "processes", "pids"),
    ("CpuCfsQuota", "CPU time", "cpu"),
)
_TIMEOUT_SECONDS: Final = 5.0


@dataclass(frozen=True)
class EngineDescription:
    """The two documents that describe an engine.

    Attributes:
        api_version: The negotiated API version.
        version: Response to ``GET /version`` (schema SystemVersion of the Docker Engine API).
        info: Response to ``GET /info`` (schema SystemInfo).
        root: Root of the file system in which the engine runs. None if this process has no access to it.
    """

    api_version: str
    version: Mapping[str, Any]
    info: Mapping[str, Any]
    root: Path | None = None

    def runtime_name(self, setting: str) -> str:
        """Return the runtime of the sandboxes: the setting, or the default runtime of the engine if it is empty."""
        return setting or str(self.info.get("DefaultRuntime", ""))

    def shares_local_kernel(self) -> bool:
        """Return whether the engine appears to run on the kernel of this process, possibly in another container.

        Compares the kernel release, the number of processors and the size of the memory: the API names no boot id, and
        a socket on this machine can lead to another one.
        """
        local_memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return (self.info.get("KernelVersion"), self.info.get("MemTotal")) == (os.uname().release, local_memory)


@dataclass(frozen=True)
class EngineFault:
    """A requirement that an engine does not meet.

    Attributes:
        subject: Name of the check in the report of ``pyxec doctor``.
        sentence: The fault and what to do.
    """

    subject: str
    sentence: str


def check_engine_requirements(
    base_url: str, runtime: str = "", timeout_seconds: float = _TIMEOUT_SECONDS
) -> EngineDescription:
    """Check that an engine can run sandboxes. Sends two requests.

    Args:
        base_url: Address of the engine, as in DOCKER_HOST.
        runtime: OCI runtime of the sandboxes. Empty for the engine's default.
        timeout_seconds: Time-out of each request.

    Returns:
        The description of the engine.

    Raises:
        UnsupportedEngine: The configuration must change. The message contains a line with one sentence for each fault.
        EngineUnavailable: The engine does not answer, which may be temporary.
    """
    description = describe_engine(base_url, timeout_seconds)
    if faults := find_faults(description, runtime):
        raise UnsupportedEngine("\n".join(fault.sentence for fault in faults))
    return description


def describe_engine(base_url: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> EngineDescription:
    """Read the description of an engine.

    Raises:
        UnsupportedEngine: There is no common API version, or this process has no permission to use the engine.
        EngineUnavailable: The engine does not answer, which may be temporary.
    """
    with closing(EngineHttpClient(base_url, timeout_seconds)) as client, translate_engine_errors("describe engine"):
        try:
            version = _parse_object(client.request("GET", "/version"))
            api_version = negotiate_version(version)
            info = _parse_object(client.request("GET", f"/v{api_version}/info"))
            return EngineDescription(api_version, version, info, find_engine_root(base_url))
        except PermissionError as e:
            raise UnsupportedEngine(
                f"no permission to use the Docker Engine at {base_url}: run as root or as a member of the group that "
                "owns the socket"
            ) from e
        except (OSError, http.client.HTTPException) as e:
            raise EngineUnavailable(f"no Docker Engine answers at {base_url}: {e or type(e).__name__}") from e
        except EngineResponseError as e:
            if e.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                raise
            raise UnsupportedEngine(
                f"the Docker Engine at {base_url} refuses requests (status {e.status}: {e}): permit them in its "
                "authorization plugin or proxy"
            ) from e


def find_faults(description: EngineDescription, runtime: str) -> Sequence[EngineFault]:
    """Return the requirements that a reachable engine does not meet.

    Args:
        runtime: OCI runtime of the sandboxes. Empty for the engine's default.
    """
    checks = (
        _find_platform_fault(description.info),
        _find_runtime_fault(description, runtime),
        _find_cgroup_fault(description.info),
        _find_seccomp_fault(description.info),
    )
    return [fault for fault in checks if fault is not None]


def _find_platform_fault(info: Mapping[str, Any]) -> EngineFault | None:
    if info.get("OSType", "linux") == "linux":
        return None
    return EngineFault(
        "Docker Engine",
        f"the Docker Engine runs {info['OSType']} containers: set DOCKER_HOST to an engine for Linux containers",
    )


def _find_runtime_fault(description: EngineDescription, setting: str) -> EngineFault | None:
    installed: Mapping[str, Any] = description.info.get("Runtimes") or {}
    name = description.runtime_name(setting)
    if name not in installed:
        return EngineFault(
            "OCI runtime",
            f"the OCI runtime {name!r} is not installed in this Docker Engine ({', '.join(sorted(installed))}): "
            "install it and add it to the engine, or set PYXEC_CONTAINER_RUNTIME to another one",
        )
    marks = f"{name} {json.dumps(installed[name])}".lower()
    if any(mark in marks for mark in _GVISOR_MARKS):
        return EngineFault(
            "OCI runtime",
            f"the OCI runtime {name!r} is gVisor, in which a job can forge its result: set PYXEC_CONTAINER_RUNTIME to "
            "runc, crun or kata",
        )
    path = str(installed[name].get("path") or "")
    if path.startswith("/") and description.root is not None and not os.path.lexists(f"{description.root}{path}"):
        return EngineFault(
            "OCI runtime",
            f"the OCI runtime {name!r} is missing, because {path} does not exist: install it, correct its path in the "
            "configuration of the Docker Engine, or set PYXEC_CONTAINER_RUNTIME to another one",
        )
    return None


def _find_cgroup_fault(info: Mapping[str, Any]) -> EngineFault | None:
    missing = [(resource, controller) for field, resource, controller in _LIMITS if not info.get(field)]
    if not missing:
        return None
    resources = ", ".join(resource for resource, _ in missing)
    controllers = ", ".join(controller for _, controller in missing)
    return EngineFault(
        "cgroups",
        f"the Docker Engine cannot limit {resources}: enable the cgroup controllers {controllers} on its host, or "
        "delegate them to a rootless engine, and restart it",
    )


def _find_seccomp_fault(info: Mapping[str, Any]) -> EngineFault | None:
    options = [str(option).removeprefix("name=").partition(",")[0] for option in info.get("SecurityOptions") or ()]
    if "seccomp" in options:
        return None
    return EngineFault(
        "system call filter",
        "the Docker Engine does not support seccomp: use a kernel with CONFIG_SECCOMP_FILTER and an engine that is "
        "built with seccomp",
    )


def _parse_object(response: bytes) -> Mapping[str, Any]:
    """Return a JSON object. A server that is not an engine may send other JSON, which contains no field."""
    document: Any = json.loads(response)
    return document if isinstance(document, dict) else {}
