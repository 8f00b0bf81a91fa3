"""A Docker Engine of one's own, in a control group of its own: so what it takes can be told from everything else."""

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
from bench.control_group import ControlGroup
from bench.processes import children, cpu_ms

__all__ = ["PrivateEngine", "private_engine"]

# The path of a socket may have 107 bytes only: not below the repository. Data stays, so that images are copied once.
_RUN: Final = Path("/run/pyxec-bench-engine")
_DATA: Final = Path(__file__).resolve().parents[1] / ".pyxec" / "data" / "bench-engine"
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 30
_COPY_SECONDS: Final = 600
# Joins the group, then becomes the engine: nothing that it ever starts is outside.
_LAUNCH: Final = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); os.execvp(sys.argv[2], sys.argv[2:])"


@dataclass(frozen=True)
class PrivateEngine:
    """One that answers at ``host``."""

    host: str
    daemon: int
    client: docker.APIClient
    engine: ControlGroup
    jobs: ControlGroup

    def cpu_ms(self) -> dict[str, float]:
        """By component. The containers' is what ran in their own groups: the end of runc's work, runner, program."""
        containerd = sum(cpu_ms(pid) for pid in children(self.daemon))
        dockerd = cpu_ms(self.daemon)
        rest = self.engine.cpu_ms() - dockerd - containerd
        return {"dockerd": dockerd, "containerd": containerd, "shims and runc": rest, "containers": self.jobs.cpu_ms()}

    @contextmanager
    def containers_made(self) -> Iterator[list[object]]:
        """Has one item for each container made since it was entered. Heard as they come: an engine keeps few events."""
        api: Any = self.client
        events, made = api.events(filters={"type": "container", "event": "create"}), list[object]()
        listener = threading.Thread(target=lambda: made.extend(events), daemon=True)
        listener.start()
        try:
            yield made
        finally:
            events.close()
            listener.join(_STOP_SECONDS)


@contextmanager
def private_engine(source: docker.APIClient, images: list[str]) -> Iterator[PrivateEngine]:
    """One with these images, copied from another engine; stopped at the end.

    Raises:
        PyxecError: it cannot be started here.
    """
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise PyxecError("an engine of its own needs root, and dockerd")
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
    # An engine told to have no bridge would delete the one of the machine's own engine.
    options = ["--iptables=false", "--ip6tables=false", "--shutdown-timeout=1", f"--cgroup-parent={jobs.path}"]
    places = [f"--host={_host()}", f"--data-root={_DATA}", f"--exec-root={_RUN}/exec", f"--pidfile={_RUN}/docker.pid"]
    return [sys.executable, "-c", _LAUNCH, str(engine.members), "dockerd", *places, *options]


def _client(daemon: subprocess.Popen[bytes]) -> docker.APIClient:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and daemon.poll() is None:
        try:
            return docker.APIClient(base_url=_host(), version="auto", timeout=_COPY_SECONDS)
        except (DockerException, requests.RequestException):
            time.sleep(0.1)
    raise PyxecError(f"an engine of its own does not start: see {_RUN}/docker.log")


def _copy(source: docker.APIClient, target: docker.APIClient, images: list[str]) -> None:
    """Those that the target does not have in the same version, in one archive."""
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
    found: list[dict[str, str]] = client.images(name)
    return found[0]["Id"] if found else None


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
