"""A private Docker Engine of the drill, with the images that its jobs need, a slow proxy, and small disks."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docker

from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from tests.proxy import FaultProxy
from tests.sandbox.engine_fixture import PrivateEngine, missing_requirement
from tests.stack import eventually

__all__ = ["DrillEngine", "EngineProxy", "SmallDisk", "missing_for_engine"]

_LOAD_SECONDS = 600
# Workers create containers by the id of the image for up to 10 s after its last tag was removed.
_REMOVE_SECONDS = 60
# How a request of the API of the engine starts. The data of an attached container is framed and does not.
_METHODS = (b"GET /", b"POST /", b"DELETE /", b"HEAD /", b"PUT /")

missing_for_engine = missing_requirement


class SmallDisk:
    """A tmpfs that can be filled.

    Args:
        folder: Mount point.
        megabytes: Size in MiB.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "drill", str(folder)], check=True)

    def fill(self) -> None:
        """Write to the disk until it is full."""
        with (self.folder / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(b"\0" * 4096)

    def empty(self) -> None:
        (self.folder / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False)


class DrillEngine:
    """A dockerd process.

    Args:
        data: Folder for images and containers.
        languages: Languages whose images are copied from the engine of this machine.
    """

    def __init__(self, data: Path, languages: Sequence[str]) -> None:
        # The path of a Unix socket is limited to 107 bytes (unix(7)).
        self._data = data
        self._run = tempfile.TemporaryDirectory(prefix="pyxec-drill-", dir="/run", ignore_cleanup_errors=True)
        self._engine = PrivateEngine(Path(self._run.name), data, ["--cgroup-parent=/pyxec-drill"])
        self.host = self._engine.host
        self.start()
        for language in languages:
            self.load_image(language)

    def start(self) -> None:
        self._engine.start().close()

    def stop(self) -> None:
        self._engine.stop()

    def kill(self) -> None:
        self._engine.kill()

    def suspend(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        self.resume()
        self._engine.stop()
        self._engine.kill_shims()
        # A dockerd that is killed leaves its folder as a mount point.
        subprocess.run(["umount", "--lazy", str(self._data)], check=False, capture_output=True)
        self._run.cleanup()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((Path(self._run.name) / "docker.pid").read_text()), number)

    def load_image(self, language: str) -> None:
        """Copy the image of a language from the engine of this machine."""
        reading, writing = os.pipe()
        loader = threading.Thread(target=self._save, args=(_image_name(language), writing))
        loader.start()
        client = connect_docker(self.host, _LOAD_SECONDS)
        with contextlib.closing(client), os.fdopen(reading, "rb") as archive:
            list(client.load_image(archive))
        loader.join()

    def remove_image(self, language: str) -> None:
        """Remove the image of a language. Return when no container uses it any more and it is deleted."""
        with contextlib.closing(connect_docker(self.host, _LOAD_SECONDS)) as client:
            image_id = client.inspect_image(_image_name(language))["Id"]
            client.remove_image(_image_name(language), force=True)
            eventually(lambda: _try_remove(client, image_id), _REMOVE_SECONDS, 0.2)

    @staticmethod
    def _save(image: str, writing: int) -> None:
        client = connect_docker(engine_host(), _LOAD_SECONDS)
        with contextlib.closing(client), os.fdopen(writing, "wb") as archive:
            for part in client.get_image(image):
                archive.write(part)


def _try_remove(client: docker.APIClient, image_id: str) -> bool:
    """Remove an image without tags. Return whether it is gone: a container may still use it."""
    try:
        client.remove_image(image_id, force=True)
    except docker.errors.ImageNotFound:
        return True
    except docker.errors.APIError:
        return False
    return True


def _image_name(language: str) -> str:
    return f"pyxec/{language}:latest"


class EngineProxy(FaultProxy):
    """A proxy in front of an engine that delays every request.

    Args:
        url: Address of the engine.

    Attributes:
        delay_seconds: The delay. It can be changed at any time.
    """

    def __init__(self, url: str) -> None:
        super().__init__(Path(url.removeprefix("unix://")))
        self.delay_seconds = 0.0

    def _pump(self, source: Any, sink: Any, loss: str) -> None:
        super()._pump(_DelayingSocket(source, self) if loss == "lose_requests" else source, sink, loss)


class _DelayingSocket:
    """The part of a socket that a proxy uses. It delays received requests."""

    def __init__(self, source: Any, proxy: EngineProxy) -> None:
        self._source = source
        self._proxy = proxy
        self.shutdown = source.shutdown

    def recv(self, size: int) -> bytes:
        data: bytes = self._source.recv(size)
        if data.startswith(_METHODS):
            time.sleep(self._proxy.delay_seconds)
        return data
