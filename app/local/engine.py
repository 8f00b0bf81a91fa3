"""The Docker Engine of this machine: found, or installed and started, and stopped again if it was us who started it."""

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

from app.local.cgroups import ensure_cgroups
from app.local.errors import SetupError
from app.local.packages import has_systemd, install_packages, why_not_installable
from app.local.state import ProcessRecord, StateFolder
from app.local.steps import Step

__all__ = ["DEFAULT_HOST", "connect", "engine_host", "ensure_engine"]

DEFAULT_HOST = "unix:///var/run/docker.sock"
RECORD = "engine"

_PACKAGES = ("docker.io", "iptables", "ca-certificates", "cgroupfs-mount")
_OLDEST_API = (1, 41)
_START_SECONDS = 60.0
_POLL_SECONDS = 0.1
# Sandboxes have no network and builds use the host's: the engine needs no iptables, and no bridge.
_WITHOUT_IPTABLES = ("--iptables=false", "--ip6tables=false")
_WITHOUT_NETWORK = ("--bridge=none", *_WITHOUT_IPTABLES)
_SHARED_BRIDGE = Path("/sys/class/net/docker0")


def engine_host() -> str:
    """Where the engine is: ``DOCKER_HOST``, or the usual socket."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_HOST


def connect(host: str) -> docker.APIClient | None:
    """A client of the engine at `host`, or None when none answers there."""
    try:
        return docker.APIClient(base_url=host, version="auto")
    except (DockerException, requests.RequestException):
        return None


def ensure_engine(state: StateFolder, step: Step) -> docker.APIClient:
    """Return a client of an engine that answers; install and start one where that can be done.

    Raises:
        SetupError: no engine, and one line on what is missing.
    """
    host = engine_host()
    client = connect(host)
    if client is not None:
        step.outcome = f"{_checked_version(client)}, was running"
        return client
    socket = _socket_path(host)
    if socket.exists() and not os.access(socket, os.W_OK):
        raise SetupError(f"{socket}: not allowed; use it as root, or join its group")
    _ensure_installed(state, step)
    client = connect(host) or _start(socket, state, step)
    step.outcome = f"{_checked_version(client)}, started"
    return client


def _socket_path(host: str) -> Path:
    if not host.startswith("unix://"):
        raise SetupError(f"no Docker Engine answers at DOCKER_HOST={host}: start it there, or unset DOCKER_HOST")
    return Path(host.removeprefix("unix://"))


def _ensure_installed(state: StateFolder, step: Step) -> None:
    if shutil.which("dockerd"):
        if os.geteuid() != 0:
            raise SetupError("Docker Engine is installed but does not answer, and starting it needs root")
        return
    obstacle = why_not_installable()
    if obstacle:
        raise SetupError(f"missing: Docker Engine 20.10 or newer; install and start it ({obstacle}, so we cannot)")
    install_packages(_PACKAGES, state.log("apt"), step)


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
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
    raise SetupError(f"Docker Engine does not start; its log is {log}\n{tail}")


def _start_options(socket: Path, state: StateFolder) -> list[tuple[str, ...]]:
    """What to try, in order. An engine at a socket of its own keeps everything to itself, next to any other engine."""
    if f"unix://{socket}" == DEFAULT_HOST:
        return [(), _WITHOUT_NETWORK]
    # The engine's own sockets lie below its exec-root, and a socket's path may have 107 bytes only.
    name = hashlib.sha256(str(socket).encode()).hexdigest()[:8]
    private = (f"--data-root={state.data('engine')}", f"--exec-root=/run/pyxec-{name}")
    # An engine told to have no bridge deletes docker0 as it starts, and with it the network of the machine's engine.
    network = _WITHOUT_IPTABLES if _SHARED_BRIDGE.exists() else _WITHOUT_NETWORK
    return [(*private, f"--pidfile=/run/pyxec-{name}.pid", *network)]


def _start_daemon(
    socket: Path, options: tuple[str, ...], log: Path, state: StateFolder, step: Step
) -> docker.APIClient | None:
    """Start one daemon that outlives us; None when it gives up."""
    socket.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        daemon = subprocess.Popen(
            ["dockerd", f"--host=unix://{socket}", *options],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    ProcessRecord.of(daemon.pid).write(state.record(RECORD))
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and daemon.poll() is None:
        client = connect(f"unix://{socket}")
        if client is not None:
            return client
        _pause(deadline, step)
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
        _pause(deadline, step)
    raise SetupError("Docker Engine does not start; see `journalctl -u docker`")


def _pause(deadline: float, step: Step) -> None:
    step.advance(1 - (deadline - time.monotonic()) / _START_SECONDS, "starting dockerd")
    time.sleep(_POLL_SECONDS)


def _checked_version(client: docker.APIClient) -> str:
    about = client.version()
    if tuple(map(int, about["ApiVersion"].split("."))) < _OLDEST_API:
        raise SetupError(f"Docker Engine {about['Version']} is too old: 20.10 or newer is needed")
    return str(about["Version"])
