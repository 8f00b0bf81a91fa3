"""Removal of sandboxes that outlived their worker."""

from __future__ import annotations

import os
import platform
import secrets
import subprocess
from collections.abc import Iterator

import docker
import pytest

from app.local.down import remove_orphans
from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from app.sandbox.images.installed import installed_images

pytestmark = pytest.mark.docker


@pytest.fixture
def client() -> Iterator[docker.APIClient]:
    client = connect_docker(engine_host())
    yield client
    client.close()


def exited_pid() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_remove_orphans_keeps_sandboxes_of_other_workers_hosts_and_namespaces(client: docker.APIClient) -> None:
    namespace, host = f"test-{secrets.token_hex(4)}", platform.node()
    image = installed_images(client)["bash"].image_id

    def create_container(namespace: str, worker: str) -> str:
        labels = {"org.pyxec": namespace, "org.pyxec.worker": worker}
        return str(client.create_container(image, labels=labels, network_disabled=True)["Id"])

    orphan = create_container(namespace, f"{host}:{exited_pid()}:ab")
    others = [
        create_container(namespace, f"{host}:{os.getpid()}:ab"),
        create_container(namespace, f"not-{host}:{exited_pid()}:ab"),
        create_container(namespace, "nonsense"),
        create_container(f"{namespace}-2", f"{host}:{exited_pid()}:ab"),
    ]
    try:
        assert remove_orphans(client, namespace) == 1

        remaining = {container["Id"] for container in client.containers(all=True)}
        assert orphan not in remaining
        assert remaining.issuperset(others)
    finally:
        for container in others:
            client.remove_container(container, force=True)
