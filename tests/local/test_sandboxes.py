"""Sandboxes that outlived their worker are removed; those of a living worker, or of another machine, are not."""

from __future__ import annotations

import os
import platform
import secrets
import subprocess
from collections.abc import Iterator

import docker
import pytest

from app.local.engine import engine_host
from app.local.sandboxes import remove_orphans
from app.sandbox.images.installed import installed_images

pytestmark = pytest.mark.docker


@pytest.fixture
def client() -> Iterator[docker.APIClient]:
    client = docker.APIClient(base_url=engine_host(), version="auto")
    yield client
    client.close()


def dead_pid() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_only_the_sandboxes_of_dead_workers_of_this_machine_are_removed(client: docker.APIClient) -> None:
    # Given one sandbox of a dead worker, one of a living one, one of a dead worker elsewhere, one of another namespace
    namespace, here = f"test-{secrets.token_hex(4)}", platform.node()
    image = installed_images(client)["bash"].image_id

    def sandbox(space: str, worker: str) -> str:
        labels = {"org.pyxec": space, "org.pyxec.worker": worker}
        return str(client.create_container(image, labels=labels, network_disabled=True)["Id"])

    orphan = sandbox(namespace, f"{here}:{dead_pid()}:ab")
    others = [
        sandbox(namespace, f"{here}:{os.getpid()}:ab"),
        sandbox(namespace, f"not-{here}:{dead_pid()}:ab"),
        sandbox(namespace, "nonsense"),
        sandbox(f"{namespace}-2", f"{here}:{dead_pid()}:ab"),
    ]
    try:
        # When the orphans are removed
        assert remove_orphans(client, namespace) == 1

        # Then all others are still there
        left = {container["Id"] for container in client.containers(all=True)}
        assert orphan not in left
        assert left.issuperset(others)
    finally:
        for container in others:
            client.remove_container(container, force=True)
