"""epicbox and llm-sandbox, as the package index has them, on the same engine and image.

They live in an environment of their own, which is never one of ours: each wants versions of libraries that we do not
use. The image is the language's own with what they need instead of our runner: no entry point, the super-user, `python`
as a name, and an end at the first signal, without which llm-sandbox would wait ten seconds for each container to stop.
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

# epicbox calls urllib3 in a way that its version 2 no longer knows.
_PINS: Final = ("epicbox==1.1.0", "llm-sandbox==0.3.46", "docker==7.2.0", "urllib3<2")
PEERS: Final = {"epicbox": "epicbox 1.1.0", "llm_sandbox": "llm-sandbox 0.3.46"}
_ENVIRONMENT: Final = Path(__file__).resolve().parents[1] / ".pyxec" / "bench-venv"
_SCRIPT: Final = Path(__file__).with_name("sandbox_peer.py")
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
    """One library in a process that lives as long as the benchmark: what it imports is not measured."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = process

    def seconds(self, printed: str) -> float:
        """Run the program once.

        Raises:
            PyxecError: it failed, or printed something else.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "it ended"}')
        if answer.get("stdout") != printed:
            raise PyxecError(f"{self.name}: {answer.get('error') or 'printed ' + repr(answer.get('stdout'))}")
        return float(answer["seconds"])


@contextmanager
def open_peers(client: docker.APIClient, docker_host: str) -> Iterator[list[Peer]]:
    """All of them, ready to run.

    Raises:
        PyxecError: their environment or their image cannot be made, with the reason.
    """
    _make_environment()
    _make_image(client)
    with ExitStack() as stack:
        yield [Peer(title, stack.enter_context(_serving(name, docker_host))) for name, title in PEERS.items()]


@contextmanager
def _serving(library: str, docker_host: str) -> Iterator[subprocess.Popen[str]]:
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


def _make_environment() -> None:
    stamp = _ENVIRONMENT / ".pins"
    if stamp.exists() and stamp.read_text() == "\n".join(_PINS):
        return
    _run(sys.executable, "-m", "venv", str(_ENVIRONMENT))
    _run(str(_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_PINS)
    stamp.write_text("\n".join(_PINS))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise PyxecError(f"{' '.join(command[:4])} ... failed: {done.stderr.strip()[-300:]}")


def _make_image(client: docker.APIClient) -> None:
    try:
        said = client.build(
            fileobj=io.BytesIO(_DOCKERFILE.encode()), tag=_IMAGE, rm=True, network_mode="none", timeout=_BUILD_SECONDS
        )
        errors = [str(line["error"]) for line in map(json.loads, _lines(said)) if "error" in line]
    except (DockerException, requests.RequestException) as e:
        raise PyxecError(f"the image for the peers cannot be built: {e}") from e
    if errors:
        raise PyxecError(f"the image for the peers cannot be built: {errors[0]}")


def _lines(said: Iterator[bytes]) -> Iterator[bytes]:
    yield from b"".join(said).splitlines()
