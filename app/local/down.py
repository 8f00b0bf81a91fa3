"""`make down`: stops the processes that `make up` started. Data and images stay."""

from __future__ import annotations

import os
import platform
import signal
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import redis
import requests
from docker.errors import DockerException
from rich.console import Console

from app.config import ConfigurationError, read_settings
from app.local import engine
from app.local.address import SUPERVISOR_RECORD
from app.local.console import SetupError, Steps, exit_on_error
from app.local.state import ProcessRecord, StateFolder, read_start_ticks
from app.local.valkey import embedded_url
from app.sandbox.template import INSTALLATION_LABEL, LABEL, WORKER_LABEL
from app.store.connection import create_client
from app.store.keys import StoreKeys

__all__ = ["bring_down", "remove_orphans", "stop_processes"]

# The supervisor stops its processes in three groups and gives each group 20 s. dockerd gives containers 15 s.
_SUPERVISOR_SECONDS = 75.0
_ENGINE_SECONDS = 30.0
_POLL_SECONDS = 0.05
_NAMESPACE = "pyxec"
_REDIS_TIMEOUT_SECONDS = 2.0


def bring_down(root: Path, console: Console) -> None:
    """Stop the supervisor, remove remaining sandboxes, and stop the engine if `make up` started it.

    Raises:
        SetupError: A process does not stop, or the engine does not remove a sandbox.
    """
    state = StateFolder.for_checkout(root)
    with Steps(console) as steps:
        installation = _read_installation(os.environ)  # while its Redis runs
        stop_processes(state, steps)
        with steps.step("sandboxes") as step:
            step.outcome = _remove_sandboxes(installation)
        _stop("Docker Engine", state.record(engine.RECORD), _ENGINE_SECONDS, steps)


def stop_processes(state: StateFolder, steps: Steps) -> None:
    """Stop the supervisor and its processes. Workers return the jobs that they cannot finish to the queue.

    Raises:
        SetupError: The supervisor does not stop.
    """
    _stop("processes", state.record(SUPERVISOR_RECORD), _SUPERVISOR_SECONDS, steps)


def _read_installation(environment: Mapping[str, str]) -> str | None:
    """Return the id of the installation, or None if its Redis does not answer or has no id."""
    try:
        url = environment.get("REDIS_URL") or embedded_url(environment)
        settings = read_settings({**environment, "REDIS_URL": url})
        with closing(create_client(settings.redis_url, _REDIS_TIMEOUT_SECONDS)) as client:
            reply: Any = client.get(StoreKeys(settings.namespace).installation)
    except (SetupError, ConfigurationError, redis.RedisError):
        return None
    return None if reply is None else str(reply.decode())


def _remove_sandboxes(installation: str | None) -> str:
    """Return the outcome. An engine that Pyxec cannot use has no sandboxes of Pyxec, and must not prevent its stop."""
    try:
        client = engine.connect(engine.engine_host())
    except SetupError as e:
        return f"skipped: {e}"
    if client is None:
        return "skipped: the engine does not respond"
    removed = remove_orphans(client, os.environ.get("PYXEC_NAMESPACE") or _NAMESPACE, installation)
    return f"{removed} removed" if removed else "none left"


def remove_orphans(client: docker.APIClient, namespace: str, installation: str | None = None) -> int:
    """Remove the sandboxes of an installation whose worker ran on this machine and no longer exists.

    Args:
        client: The engine. Other installations may use it.
        namespace: Namespace of the installation.
        installation: Id of the installation. None if it is not known: then the sandboxes of all installations with the
            namespace are checked.

    Returns:
        The number of removed containers.

    Raises:
        SetupError: The engine refused to remove a container.
    """
    labels = [f"{LABEL}={namespace}"]
    if installation is not None:
        labels.append(f"{INSTALLATION_LABEL}={installation}")
    try:
        containers = client.containers(all=True, filters={"label": labels})
        orphans = [item["Id"] for item in containers if _is_orphan(item["Labels"].get(WORKER_LABEL, ""))]
        for container in orphans:
            client.remove_container(container, force=True)
    except (DockerException, requests.RequestException) as e:
        raise SetupError(f"the engine does not remove sandboxes: {e}") from e
    return len(orphans)


def _is_orphan(worker: str) -> bool:
    # The name of a worker is ``host:pid:random``. This machine cannot know which workers of other hosts run.
    host, pid, _ = (*worker.split(":", 2), "", "")[:3]
    return host == platform.node() and pid.isdecimal() and read_start_ticks(int(pid)) is None


def _stop(title: str, path: Path, timeout_seconds: float, steps: Steps) -> None:
    record = ProcessRecord.read(path)
    if record is None:
        path.unlink(missing_ok=True)
        steps.console.print(f"  [dim]- {title}: not running, or not started by `make up`[/]", highlight=False)
        return
    with steps.step(title) as step:
        _terminate(title, record, timeout_seconds)
        path.unlink(missing_ok=True)
        step.outcome = "stopped"


def _terminate(title: str, record: ProcessRecord, timeout_seconds: float) -> None:
    os.kill(record.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_seconds
    while record.is_alive():
        if time.monotonic() > deadline:
            raise SetupError(f"{title} (pid {record.pid}) did not stop within {timeout_seconds:g} s")
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    with exit_on_error():
        bring_down(Path.cwd(), Console())
