"""The Docker Engine of this machine: `make up` connects to it, and installs and starts it if necessary."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import docker
import requests
from docker.errors import DockerException

from app.core.errors import EngineUnavailable, UnsupportedEngine
from app.local.cgroups import ensure_cgroups
from app.local.console import SetupError, Step
from app.local.packages import PACKAGES, find_install_obstacle, has_systemd, install_packages
from app.local.state import ProcessRecord, StateFolder, tail
from app.sandbox.engine.client import connect_docker
from app.sandbox.engine.requirements import EngineDescription, check_engine_requirements

__all__ = ["DEFAULT_HOST", "RECORD", "connect", "engine_host", "ensure_engine"]

DEFAULT_HOST = "unix:///var/run/docker.sock"
RECORD = "engine"

_START_SECONDS = 60.0
_POLL_SECONDS = 0.1
# Sandboxes have no network and builds use the network of the host, so the engine needs neither iptables nor a bridge.
_WITHOUT_IPTABLES = ("--iptables=false", "--ip6tables=false")
_WITHOUT_NETWORK = ("--bridge=none", *_WITHOUT_IPTABLES)
_SHARED_BRIDGE = Path("/sys/class/net/docker0")


def engine_host() -> str:
    """Return the URL of the engine: ``DOCKER_HOST`` or the default socket."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_HOST


def connect(host: str) -> docker.APIClient | None:
    """Return a client of the engine at `host`, or None if no engine responds.

    Raises:
        SetupError: The engine and Pyxec have no API version in common.
    """
    try:
        return connect_docker(host)
    except (DockerException, requests.RequestException):
        return None
    except EngineUnavailable as e:
        raise SetupError(str(e)) from e


def ensure_engine(state: StateFolder, step: Step) -> docker.APIClient:
    """Return a client of a running engine. Install and start the engine if necessary.

    Raises:
        SetupError: No engine runs and none can be started.
        app.core.errors.UnsupportedEngine: The engine does not meet the requirements. The message states what to do.
    """
    host = engine_host()
    try:
        engine, origin = _check_requirements(host), "was running"
    except UnsupportedEngine:
        raise
    except EngineUnavailable:
        socket = _socket_path(host)
        _ensure_installed(state, step)
        if connect(host) is None:
            _start(socket, state, step)
        engine, origin = _check_requirements(host), "started"
    step.outcome = f"{engine.version['Version']}, {origin}"
    return connect_docker(host)


def _check_requirements(host: str) -> EngineDescription:
    return check_engine_requirements(host, os.environ.get("PYXEC_CONTAINER_RUNTIME", ""))


def _socket_path(host: str) -> Path:
    if not host.startswith("unix://"):
        raise SetupError(f"no Docker Engine responds at DOCKER_HOST={host}. Start it there, or unset DOCKER_HOST")
    return Path(host.removeprefix("unix://"))


def _ensure_installed(state: StateFolder, step: Step) -> None:
    if shutil.which("dockerd"):
        if os.geteuid() != 0:
            raise SetupError("Docker Engine is installed but does not respond. Starting it requires root")
        return
    obstacle = find_install_obstacle()
    if obstacle:
        raise SetupError(f"missing: Docker Engine 20.10 or later. Install and start it ({obstacle})")
    install_packages(PACKAGES["dockerd"], state.log("apt"), step)


def _start(socket: Path, state: StateFolder, step: Step) -> docker.APIClient:
    if has_systemd() and engine_host() == DEFAULT_HOST:
        subprocess.run(["systemctl", "start", "docker"], check=False, stdin=subprocess.DEVNULL)
        return _wait_for_unit(step)
    ensure_cgroups()
    log = state.log("dockerd")
    for options in _start_options(socket, state):
        client = _start_daemon(socket, options, log, state, step)
        if client is not None:
            return client
    raise SetupError(f"Docker Engine does not start. End of {log}:\n{tail(log)}")


def _start_options(socket: Path, state: StateFolder) -> list[tuple[str, ...]]:
    """Return the sets of options to try, in order.

    An engine at another socket than the default one gets its own folders, so that it can run next to another engine.
    """
    if f"unix://{socket}" == DEFAULT_HOST:
        return [(), _WITHOUT_NETWORK]
    # The sockets of the engine are below its exec-root, and the path of a socket is limited to 107 bytes (unix(7)).
    name = hashlib.sha256(str(socket).encode()).hexdigest()[:8]
    private = (f"--data-root={state.data('engine')}", f"--exec-root=/run/pyxec-{name}")
    # With --bridge=none the engine deletes docker0 when it starts, which is the bridge of the machine's own engine.
    network = _WITHOUT_IPTABLES if _SHARED_BRIDGE.exists() else _WITHOUT_NETWORK
    return [(*private, f"--pidfile=/run/pyxec-{name}.pid", *network)]


def _start_daemon(
    socket: Path, options: tuple[str, ...], log: Path, state: StateFolder, step: Step
) -> docker.APIClient | None:
    """Start dockerd in its own session. Return None if it does not respond in time."""
    socket.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        daemon = subprocess.Popen(
            ["dockerd", f"--host=unix://{socket}", *options],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    ProcessRecord.create(daemon.pid).write(state.record(RECORD))
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and daemon.poll() is None:
        client = connect(f"unix://{socket}")
        if client is not None:
            return client
        _sleep(deadline, step)
    daemon.kill()
    daemon.wait()
    state.record(RECORD).unlink(missing_ok=True)
    return None


def _wait_for_unit(step: Step) -> docker.APIClient:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        client = connect(DEFAULT_HOST)
        if client is not None:
            return client
        _sleep(deadline, step)
    raise SetupError("Docker Engine does not start. See `journalctl -u docker`")


def _sleep(deadline: float, step: Step) -> None:
    step.advance(1 - (deadline - time.monotonic()) / _START_SECONDS, "starting dockerd")
    time.sleep(_POLL_SECONDS)
