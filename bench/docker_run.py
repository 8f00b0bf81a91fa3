"""``docker run --rm``, as somebody would type it: with the docker command where there is one, else the same calls to
the engine."""

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
    """What is measured, in words, and a function of an image and a command that returns its stdout."""
    program = shutil.which("docker")
    if program is None:
        return "docker run --rm (its engine calls)", lambda image, command: _over_api(client, image, command)
    return "docker run --rm", lambda image, command: _over_command(program, docker_host, image, command)


def _over_command(program: str, docker_host: str, image: str, command: list[str]) -> bytes:
    entrypoint, *arguments = command
    typed = [program, "run", "--rm", "--entrypoint", entrypoint, image, *arguments]
    environment = {**os.environ, "DOCKER_HOST": docker_host}
    done = subprocess.run(typed, capture_output=True, env=environment)
    if done.returncode != 0:
        raise EngineUnavailable(f"{' '.join(typed)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _over_api(client: docker.APIClient, image: str, command: list[str]) -> bytes:
    """What the command does: create, attach, wait for the removal, start. AutoRemove is what ``--rm`` asks for."""
    entrypoint, *arguments = command
    host_config = client.create_host_config(auto_remove=True)
    container = client.create_container(image, arguments, entrypoint=[entrypoint], host_config=host_config)
    output = cast("Iterator[bytes]", client.attach(container, stdout=True, stderr=False, stream=True, logs=False))
    client.start(container)
    written = b"".join(output)
    with contextlib.suppress(NotFound):  # it was removed before we asked
        client.wait(container, condition="removed")
    return written
