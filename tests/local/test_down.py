"""Removal of sandboxes that outlived their worker."""

from __future__ import annotations

import os
import platform
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from rich.console import Console

from app.local.down import bring_down, remove_orphans
from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from app.sandbox.images.installed import installed_images
from tests.sandbox.engine.version_proxy import version_proxy

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


def test_guarantee_4_remove_orphans_keeps_sandboxes_of_other_workers_hosts_and_installations(
    client: docker.APIClient,
) -> None:
    namespace, host = f"test-{secrets.token_hex(4)}", platform.node()
    image = installed_images(client)["bash"].image_id

    def create_container(namespace: str, worker: str, installation: str = "ours") -> str:
        labels = {"org.pyxec": namespace, "org.pyxec.worker": worker, "org.pyxec.installation": installation}
        return str(client.create_container(image, labels=labels, network_disabled=True)["Id"])

    orphan = create_container(namespace, f"{host}:{exited_pid()}:ab")
    others = [
        create_container(namespace, f"{host}:{os.getpid()}:ab"),
        create_container(namespace, f"not-{host}:{exited_pid()}:ab"),
        create_container(namespace, "nonsense"),
        create_container(f"{namespace}-2", f"{host}:{exited_pid()}:ab"),
        create_container(namespace, f"{host}:{exited_pid()}:ab", "another"),
    ]
    try:
        assert remove_orphans(client, namespace, "ours") == 1

        remaining = {container["Id"] for container in client.containers(all=True)}
        assert orphan not in remaining
        assert remaining.issuperset(others)
    finally:
        for container in others:
            client.remove_container(container, force=True)


def test_bring_down_succeeds_when_the_engine_has_no_api_version_in_common(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(record=True, width=200)
    engine = engine_host().removeprefix("unix://")
    with version_proxy(tmp_path, engine, oldest=(1, 52), newest=(1, 60)) as proxy:
        monkeypatch.setenv("DOCKER_HOST", proxy.url)

        bring_down(tmp_path, console)

    assert "sandboxes" in console.export_text()
