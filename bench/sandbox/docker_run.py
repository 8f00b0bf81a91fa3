"""``docker run --rm``: the docker command if it is installed, otherwise the same calls to the engine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import cast

import docker
from docker.errors import NotFound

from app.core.errors import EngineUnavailable

__all__ = ["DockerRun", "docker_run"]

DockerRun = Callable[[str, list[str]], bytes]


def docker_run(client: docker.APIClient, docker_host: str) -> tuple[str, DockerRun]:
    """Return a description, and a function of image and command that returns stdout."""
    program = shutil.which("docker")
    if program is None:
        return "docker run --rm (its engine calls)", lambda image, command: _run_api_calls(client, image, command)
    return "docker run --rm", lambda image, command: _run_command(program, docker_host, image, command)


def _run_command(program: str, docker_host: str, image: str, command: list[str]) -> bytes:
    entrypoint, *arguments = command
    command_line = [program, "run", "--rm", "--entrypoint", entrypoint, image, *arguments]
    environment = {**os.environ, "DOCKER_HOST": docker_host}
    done = subprocess.run(command_line, capture_output=True, env=environment)
    if done.returncode != 0:
        raise EngineUnavailable(f"{' '.join(command_line)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _run_api_calls(client: docker.APIClient, image: str, command: list[str]) -> bytes:
    """Create, attach, start and wait for the removal, as the command does. ``--rm`` is AutoRemove."""
    entrypoint, *arguments = command
    host_config = client.create_host_config(auto_remove=True)
    container = client.create_container(image, arguments, entrypoint=[entrypoint], host_config=host_config)
    output = cast("Iterator[bytes]", client.attach(container, stdout=True, stderr=False, stream=True, logs=False))
    client.start(container)
    written = b"".join(output)
    with contextlib.suppress(NotFound):  # already removed
        client.wait(container, condition="removed")
    return written
