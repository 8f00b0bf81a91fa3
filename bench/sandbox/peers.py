"""epicbox and llm-sandbox from PyPI, on the same engine and image.

They run in a virtual environment of their own, because they require other versions of some libraries. Their image is
the Python image without the runner: it has no entry point, runs as root, has a command `python` and stops at SIGKILL.
With another stop signal, llm-sandbox would wait 10 s for each container.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import docker
import requests
from docker.errors import DockerException

from app.core.errors import PyxecError

__all__ = ["PEERS", "Peer", "open_peers"]

# epicbox does not support urllib3 2.
_PINS: Final = ("epicbox==1.1.0", "llm-sandbox==0.3.46", "docker==7.2.0", "urllib3<2")
PEERS: Final = {"epicbox": "epicbox 1.1.0", "llm_sandbox": "llm-sandbox 0.3.46"}
_ENVIRONMENT: Final = Path(__file__).resolve().parents[2] / ".pyxec" / "bench-venv"
_SCRIPT: Final = Path(__file__).with_name("peer.py")
_IMAGE: Final = "pyxec-bench/python"
_DOCKERFILE: Final = """
FROM pyxec/python:latest
USER root
RUN command -v python > /dev/null || ln -s "$(command -v python3)" /usr/local/bin/python
WORKDIR /
ENTRYPOINT []
CMD ["sh"]
STOPSIGNAL SIGKILL
"""
_BUILD_SECONDS: Final = 120


class Peer:
    """One library in a process of its own, which runs during the whole benchmark, so that imports are not measured."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = process

    def measure(self, expected_output: str) -> float:
        """Run the program once; return the seconds.

        Raises:
            PyxecError: It failed or printed something else.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        response = json.loads(self._process.stdout.readline() or '{"error": "process ended"}')
        if response.get("stdout") != expected_output:
            raise PyxecError(f"{self.name}: {response.get('error') or 'printed ' + repr(response.get('stdout'))}")
        return float(response["seconds"])


@contextmanager
def open_peers(client: docker.APIClient, docker_host: str) -> Iterator[list[Peer]]:
    """Start all libraries.

    Raises:
        PyxecError: Their environment or their image cannot be created.
    """
    _create_environment()
    _build_image(client)
    with ExitStack() as stack:
        yield [Peer(title, stack.enter_context(_start_process(name, docker_host))) for name, title in PEERS.items()]


@contextmanager
def _start_process(library: str, docker_host: str) -> Iterator[subprocess.Popen[str]]:
    command = [str(_python()), str(_SCRIPT), library, _IMAGE]
    environment = {**os.environ, "DOCKER_HOST": docker_host}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _python() -> Path:
    return _ENVIRONMENT / "bin" / "python"


def _create_environment() -> None:
    stamp = _ENVIRONMENT / ".pins"
    if stamp.exists() and stamp.read_text() == "\n".join(_PINS):
        return
    _run(sys.executable, "-m", "venv", str(_ENVIRONMENT))
    _run(str(_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_PINS)
    stamp.write_text("\n".join(_PINS))


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise PyxecError(f"{' '.join(command[:4])} ... failed: {result.stderr.strip()[-300:]}")


def _build_image(client: docker.APIClient) -> None:
    try:
        log = client.build(
            fileobj=io.BytesIO(_DOCKERFILE.encode()), tag=_IMAGE, rm=True, network_mode="none", timeout=_BUILD_SECONDS
        )
        errors = [str(line["error"]) for line in map(json.loads, _lines(log)) if "error" in line]
    except (DockerException, requests.RequestException) as e:
        raise PyxecError(f"the image for the peers cannot be built: {e}") from e
    if errors:
        raise PyxecError(f"the image for the peers cannot be built: {errors[0]}")


def _lines(log: Iterator[bytes]) -> Iterator[bytes]:
    yield from b"".join(log).splitlines()
