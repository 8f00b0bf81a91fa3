"""Checks the Docker Engine: version, OCI runtime, cgroups and security modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import requests
from docker.errors import DockerException

from app.cli.checks.finding import Finding, failed, passed, passed_if, warned
from app.cli.checks.versions import has_runc_escape, parse_version
from app.core.errors import EngineUnavailable
from app.sandbox.engine.client import connect_docker

__all__ = ["check_engine"]


def check_engine(docker_host: str, timeout_seconds: float, runtime: str) -> Iterator[Finding]:
    """Check the engine.

    Args:
        docker_host: Address of the engine, as in DOCKER_HOST.
        timeout_seconds: Time-out of each request.
        runtime: OCI runtime of the sandboxes; empty for the engine's default.
    """
    try:
        client = connect_docker(docker_host, timeout_seconds)
        version, info = client.version(api_version=False), client.info()
    except EngineUnavailable as e:
        yield failed("Docker Engine", str(e))
        return
    except (DockerException, requests.RequestException, OSError) as e:
        yield failed("Docker Engine", f"{e}; set DOCKER_HOST to its address")
        return
    offered = f"{version.get('MinAPIVersion', '?')} to {version.get('ApiVersion')}"
    yield passed("Docker Engine", f"{version.get('Version')}, API {offered}, used: {client.api_version}")
    yield from _check_runtime(version, info, runtime or str(info.get("DefaultRuntime", "")))
    yield _check_cgroups(info)
    yield _check_seccomp(info)


def _check_runtime(version: Mapping[str, Any], info: Mapping[str, Any], runtime: str) -> Iterator[Finding]:
    if runtime not in info.get("Runtimes", {}):
        yield failed("OCI runtime", f"the runtime {runtime} is not installed in this engine")
        return
    parts = {part["Name"]: str(part["Version"]) for part in version.get("Components", ())}
    if runtime not in ("runc", "io.containerd.runc.v2"):
        yield passed("OCI runtime", runtime)
    elif has_runc_escape(parse_version(parts.get("runc", ""))):
        runc = parts.get("runc", "of unknown version")
        yield warned(
            "OCI runtime",
            f"runc {runc}: before 1.2.8 and 1.3.3 it permits a container escape, unless patched",
        )
    else:
        yield passed("OCI runtime", f"runc {parts['runc']}")


def _check_cgroups(info: Mapping[str, Any]) -> Finding:
    missing = [name for name in ("MemoryLimit", "SwapLimit", "PidsLimit", "CpuCfsQuota") if not info.get(name)]
    description = f"version {info.get('CgroupVersion', '?')}, driver {info.get('CgroupDriver', '?')}"
    if "SwapLimit" in missing and len(missing) == 1:
        return warned("cgroups", f"{description}; no swap accounting: a sandbox can swap beyond its memory limit")
    return passed_if("cgroups", not missing, f"{description}{'; missing: ' if missing else ''}{', '.join(missing)}")


def _check_seccomp(info: Mapping[str, Any]) -> Finding:
    options = [str(option).removeprefix("name=").partition(",")[0] for option in info.get("SecurityOptions", ())]
    description = ", ".join(options) or "none"
    if "seccomp" not in options:
        return failed("system call filter", f"the engine does not support seccomp. Security options: {description}")
    return passed("system call filter", description)
