"""Checks the Docker Engine: API version, kernel, OCI runtime, cgroups and security modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from app.cli.checks.finding import Finding, failed, passed, skipped, warned
from app.cli.checks.versions import has_runc_escape, parse_version
from app.core.errors import EngineUnavailable, UnsupportedEngine
from app.sandbox.engine.requirements import EngineDescription, describe_engine, find_faults

__all__ = ["check_core_pattern", "check_engine"]

# Names of runc in the field Runtimes of /info: the second one is its containerd shim.
_RUNC_NAMES: Final = ("runc", "io.containerd.runc.v2")
_CORE_PATTERN: Final = Path("/proc/sys/kernel/core_pattern")


def check_engine(docker_host: str, timeout_seconds: float, runtime: str) -> Iterator[Finding]:
    """Check the engine and the kernel of its host.

    Args:
        docker_host: Address of the engine, as in DOCKER_HOST.
        timeout_seconds: Time-out of each request.
        runtime: OCI runtime of the sandboxes; empty for the engine's default.
    """
    try:
        engine = describe_engine(docker_host, timeout_seconds)
    except UnsupportedEngine as e:
        yield failed("Docker Engine", str(e))
        return
    except EngineUnavailable as e:
        yield failed("Docker Engine", f"{e}; start it, or set DOCKER_HOST to its address")
        return
    faults = {fault.subject: failed(fault.subject, fault.sentence) for fault in find_faults(engine, runtime)}
    checks = (
        _describe_versions(engine),
        _describe_kernel(engine.info),
        _check_runtime(engine, runtime),
        _check_swap(engine.info),
        _describe_security_options(engine.info),
    )
    yield from (faults.get(finding.check, finding) for finding in checks)
    yield check_core_pattern(engine)


def check_core_pattern(engine: EngineDescription, path: Path = _CORE_PATTERN) -> Finding:
    """Warn about a piped core_pattern, which runs a program as root on the engine's host.

    See core(5), "Piping core dumps to a program". The pattern is not in the API of the engine.
    """
    if not engine.shares_local_kernel():
        return skipped("core dumps", "the engine runs on another machine: read /proc/sys/kernel/core_pattern there")
    try:
        pattern = path.read_text().strip()
    except OSError as e:
        return skipped("core dumps", str(e))
    if not pattern.startswith("|"):
        return passed("core dumps", f"core_pattern is {pattern or 'empty'}")
    program = pattern[1:].split()[:1]
    return warned(
        "core dumps", f"core_pattern is piped to {' '.join(program)}: a crash in a sandbox starts it on the host"
    )


def _describe_versions(engine: EngineDescription) -> Finding:
    about = engine.version
    offered = f"{about.get('MinAPIVersion') or '?'} to {about.get('ApiVersion')}"
    return passed("Docker Engine", f"{about.get('Version')}, API {offered}, used: {engine.api_version}")


def _describe_kernel(info: Mapping[str, Any]) -> Finding:
    fields = ("OperatingSystem", "OSType", "KernelVersion", "Architecture")
    return passed("kernel of the engine", ", ".join(str(info.get(field) or "?") for field in fields))


def _check_runtime(engine: EngineDescription, setting: str) -> Finding:
    runtime = engine.runtime_name(setting)
    if runtime not in _RUNC_NAMES:
        return passed("OCI runtime", runtime)
    components = {part["Name"]: str(part["Version"]) for part in engine.version.get("Components") or ()}
    version = components.get("runc", "of unknown version")
    if has_runc_escape(parse_version(version)):
        return warned(
            "OCI runtime", f"runc {version}: before 1.2.8 and 1.3.3 it permits a container escape, unless patched"
        )
    return passed("OCI runtime", f"runc {version}")


def _check_swap(info: Mapping[str, Any]) -> Finding:
    description = f"version {info.get('CgroupVersion', '?')}, driver {info.get('CgroupDriver', '?')}"
    if not info.get("SwapLimit"):
        return warned("cgroups", f"{description}; no swap accounting: a sandbox can swap beyond its memory limit")
    return passed("cgroups", description)


def _describe_security_options(info: Mapping[str, Any]) -> Finding:
    options = [str(option).removeprefix("name=").partition(",")[0] for option in info.get("SecurityOptions") or ()]
    return passed("system call filter", ", ".join(options))
