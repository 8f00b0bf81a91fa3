"""A private Docker Engine of the drill, with the image that its jobs need, and small disks."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from tests.sandbox.engine_fixture import PrivateEngine, missing_requirement

__all__ = ["DrillEngine", "SmallDisk", "missing_for_engine"]

_IMAGE = "pyxec/bash:latest"
_LOAD_SECONDS = 600

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
    """

    def __init__(self, data: Path) -> None:
        # The path of a Unix socket is limited to 107 bytes (unix(7)).
        self._run = tempfile.TemporaryDirectory(prefix="pyxec-drill-", dir="/run", ignore_cleanup_errors=True)
        self._engine = PrivateEngine(Path(self._run.name), data, ["--cgroup-parent=/pyxec-drill"])
        self.host = self._engine.host
        self.start()
        self._load()

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
        self._run.cleanup()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((Path(self._run.name) / "docker.pid").read_text()), number)

    def _load(self) -> None:
        reading, writing = os.pipe()
        loader = threading.Thread(target=self._save, args=(writing,))
        loader.start()
        client = connect_docker(self.host, _LOAD_SECONDS)
        with contextlib.closing(client), os.fdopen(reading, "rb") as archive:
            list(client.load_image(archive))
        loader.join()

    def _save(self, writing: int) -> None:
        client = connect_docker(engine_host(), _LOAD_SECONDS)
        with contextlib.closing(client), os.fdopen(writing, "wb") as archive:
            for part in client.get_image(_IMAGE):
                archive.write(part)
