"""The Docker Engine: which parts it is made of, and whether its limits can work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import docker
import requests
from docker.errors import DockerException

from app.cli.checks.finding import Finding, failed, found, passed, warned
from app.cli.checks.versions import has_runc_escape, version_of

__all__ = ["check_engine"]

OLDEST_API: Final = (1, 41, 0)


def check_engine(docker_host: str, timeout_seconds: float, runtime: str) -> Iterator[Finding]:
    """Version, OCI runtime, cgroups, security modules.

    Parameters:
        runtime: the OCI runtime that sandboxes are made with; empty means the engine's default.
    """
    try:
        client = docker.APIClient(base_url=docker_host, version="auto", timeout=int(timeout_seconds))
        version, info = client.version(api_version=False), client.info()
    except (DockerException, requests.RequestException, OSError) as e:
        yield failed("Docker Engine", f"{e}; say where it is with DOCKER_HOST")
        return
    api = str(version.get("ApiVersion", ""))
    yield found("Docker Engine", version_of(api) >= OLDEST_API, f"{version.get('Version')}, API {api}; 1.41 is needed")
    yield from _runtime(version, info, runtime or str(info.get("DefaultRuntime", "")))
    yield _cgroups(info)
    yield _security(info)


def _runtime(version: Mapping[str, Any], info: Mapping[str, Any], runtime: str) -> Iterator[Finding]:
    if runtime not in info.get("Runtimes", {}):
        yield failed("OCI runtime", f"{runtime} is not known to this engine")
        return
    parts = {part["Name"]: str(part["Version"]) for part in version.get("Components", ())}
    if runtime not in ("runc", "io.containerd.runc.v2"):
        yield passed("OCI runtime", runtime)
    elif has_runc_escape(version_of(parts.get("runc", ""))):
        told = parts.get("runc", "of unknown version")
        yield warned(
            "OCI runtime", f"runc {told}: before 1.2.8 and 1.3.3 it can be escaped, unless your vendor fixed it"
        )
    else:
        yield passed("OCI runtime", f"runc {parts['runc']}")


def _cgroups(info: Mapping[str, Any]) -> Finding:
    missing = [name for name in ("MemoryLimit", "SwapLimit", "PidsLimit", "CpuCfsQuota") if not info.get(name)]
    told = f"version {info.get('CgroupVersion', '?')}, driver {info.get('CgroupDriver', '?')}"
    if "SwapLimit" in missing and len(missing) == 1:
        return warned("cgroups", f"{told}; no swap accounting: a sandbox may swap beyond its memory limit")
    return found("cgroups", not missing, f"{told}{'; missing: ' if missing else ''}{', '.join(missing)}")


def _security(info: Mapping[str, Any]) -> Finding:
    options = [str(option).removeprefix("name=").partition(",")[0] for option in info.get("SecurityOptions", ())]
    told = ", ".join(options) or "none"
    if "seccomp" not in options:
        return failed("system call filter", f"the engine has no seccomp; it has: {told}")
    return passed("system call filter", told)
