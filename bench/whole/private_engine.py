"""A private Docker Engine in its own control group, so that its processor time can be measured separately."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import docker
import requests
from docker.errors import DockerException

from app.core.errors import PyxecError
from app.sandbox.engine.client import connect_docker
from bench.processes import children, cpu_ms
from bench.whole.control_group import ControlGroup

__all__ = ["PrivateEngine", "private_engine"]

# Not below the repository: the path of a Unix socket has at most 107 bytes. The data is kept, so that images are copied
# only once.
_RUN: Final = Path("/run/pyxec-bench-engine")
_DATA: Final = Path(__file__).resolve().parents[2] / ".pyxec" / "data" / "bench-engine"
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 30
_COPY_SECONDS: Final = 600
# Joins the control group before it executes dockerd, so that all processes of the engine are in the group.
_LAUNCH: Final = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); os.execvp(sys.argv[2], sys.argv[2:])"


@dataclass(frozen=True)
class PrivateEngine:
    """A running private engine.

    Attributes:
        host: Address, as in DOCKER_HOST.
        daemon: Process id of dockerd.
        engine: Control group of the engine.
        jobs: Parent control group of all containers.
    """

    host: str
    daemon: int
    client: docker.APIClient
    engine: ControlGroup
    jobs: ControlGroup

    def cpu_ms(self) -> dict[str, float]:
        """Return the processor time in milliseconds by component.

        ``containers`` is the time in the control groups of the containers: the last part of runc, the runner and the
        program.
        """
        containerd = sum(cpu_ms(pid) for pid in children(self.daemon))
        dockerd = cpu_ms(self.daemon)
        rest = self.engine.cpu_ms() - dockerd - containerd
        return {"dockerd": dockerd, "containerd": containerd, "shims and runc": rest, "containers": self.jobs.cpu_ms()}

    @contextmanager
    def record_created_containers(self) -> Iterator[list[object]]:
        """Yield a list that gets an item for each created container, from the event stream of the engine."""
        api: Any = self.client
        events = api.events(filters={"type": "container", "event": "create"})
        created: list[object] = []
        listener = threading.Thread(target=lambda: created.extend(events), daemon=True)
        listener.start()
        try:
            yield created
        finally:
            events.close()
            listener.join(_STOP_SECONDS)


@contextmanager
def private_engine(source: docker.APIClient, images: list[str]) -> Iterator[PrivateEngine]:
    """Start an engine with images that are copied from another engine; stop it at the end.

    Raises:
        PyxecError: The engine cannot be started here.
    """
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise PyxecError("a private engine requires root and dockerd")
    top, engine, jobs = (ControlGroup(f"/pyxec-bench{below}") for below in ("", "/engine", "/jobs"))
    engine.create()
    jobs.create()
    for folder in (_RUN, _DATA):
        folder.mkdir(parents=True, exist_ok=True)
    with (_RUN / "docker.log").open("wb") as log:
        daemon = subprocess.Popen(_command(engine, jobs), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        client = _client(daemon)
        _copy(source, client, images)
        yield PrivateEngine(_host(), daemon.pid, client, engine, jobs)
    finally:
        _stop(daemon)
        for group in (jobs, engine, top):
            group.remove()


def _host() -> str:
    return f"unix://{_RUN}/docker.sock"


def _command(engine: ControlGroup, jobs: ControlGroup) -> list[str]:
    # With --bridge=none, the engine would delete the bridge of the engine of this machine.
    options = ["--iptables=false", "--ip6tables=false", "--shutdown-timeout=1", f"--cgroup-parent={jobs.path}"]
    paths = [f"--host={_host()}", f"--data-root={_DATA}", f"--exec-root={_RUN}/exec", f"--pidfile={_RUN}/docker.pid"]
    return [sys.executable, "-c", _LAUNCH, str(engine.members), "dockerd", *paths, *options]


def _client(daemon: subprocess.Popen[bytes]) -> docker.APIClient:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and daemon.poll() is None:
        try:
            return connect_docker(_host(), _COPY_SECONDS)
        except (DockerException, requests.RequestException):
            time.sleep(0.1)
    raise PyxecError(f"the private engine does not start; see {_RUN}/docker.log")


def _copy(source: docker.APIClient, target: docker.APIClient, images: list[str]) -> None:
    """Copy the images that the target does not have in the same version, as one archive."""
    absent = [image for image in images if _image_id(source, image) != _image_id(target, image)]
    if not absent:
        return
    api: Any = source
    archive = api._get(api._url("/images/get"), params=[("names", name) for name in absent], stream=True)
    api._raise_for_status(archive)
    loaded: Any = target
    for _ in loaded.load_image(archive.iter_content(1 << 20)):
        pass


def _image_id(client: docker.APIClient, name: str) -> str | None:
    images: list[dict[str, str]] = client.images(name)
    return images[0]["Id"] if images else None


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
