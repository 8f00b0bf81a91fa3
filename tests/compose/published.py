"""deploy/compose.yaml with the images of a release, in a folder without a checkout, and the profile `monitoring`.

The files have no prefix `test_`, so that `make test` does not collect them. `make test-compose` names them.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from deploy.release.release import build_image, image_names
from tests.compose.project import Project, extra_ca
from tests.compose.releases import COMPOSE_RELEASES
from tests.ports import free_port
from tests.stack import ROOT, eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def image_prefix() -> Iterator[str]:
    """The prefix of the images of a release, which is built here. Other images of this version stay unchanged."""
    prefix = f"pyxec-test-{secrets.token_hex(3)}"
    images = image_names(ROOT, prefix)
    os.environ["PYXEC_EXTRA_CA"] = extra_ca()
    try:
        for service, image in images.items():
            build_image(ROOT, service, image)
        yield prefix
    finally:
        del os.environ["PYXEC_EXTRA_CA"]
        client = connect_docker(engine_host(), 300)
        for image in images.values():
            client.remove_image(image)
        client.close()


@pytest.mark.parametrize("release", COMPOSE_RELEASES)
def test_published_compose_file_runs_jobs_without_a_checkout(release: str, image_prefix: str, tmp_path: Path) -> None:
    # Given a folder with nothing but the Compose file
    shutil.copy(ROOT / "deploy" / "compose.yaml", tmp_path)
    project = Project(release, tmp_path, {"PYXEC_IMAGE_PREFIX": image_prefix})
    try:
        # When the service is started, then it runs jobs
        project.up()
        assert project.submit("print('published', 6 * 7)", wait=30)["stdout"] == "published 42\n"
        assert project.http.get("/").status_code == 200
    finally:
        project.down()
    assert project.remaining() == []


@pytest.mark.parametrize("release", COMPOSE_RELEASES)
def test_monitoring_profile_loads_the_alerts_and_down_removes_it(release: str) -> None:
    # Given the profile in the command only. Grafana cannot be obtained without a registry
    port = free_port()
    project = Project(release, settings={"PYXEC_PROMETHEUS_PORT": str(port)})
    services = ("redis", "api", "prometheus", "node-exporter")
    try:
        project.compose("--profile", "monitoring", "up", "--build", "-d", *services)
        # Then Prometheus scrapes both targets and has loaded the alerts
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False) as prometheus:
            eventually(lambda: set(read_targets(prometheus).values()) == {"up"}, 90, 0.5)
            assert read_targets(prometheus).keys() == {"pyxec", "node"}
            (group,) = prometheus.get("/rules").json()["data"]["groups"]
            assert {rule["name"] for rule in group["rules"]} >= {"PyxecDown", "PyxecDisk"}
            query = {"query": 'node_filesystem_avail_bytes{mountpoint="/"} > 0'}
            assert prometheus.get("/query", params=query).json()["data"]["result"]
        # When `down` is called without the profile, then Compose 1 removes all services, and Compose 2 leaves those of
        # the profile running
        project.compose("down")
        left = [service for service in services if project.containers(service)]
        assert left == ([] if release == "1.29" else ["prometheus", "node-exporter"])
    finally:
        # And with COMPOSE_PROFILES, as in `.env`, `down` removes every container and network
        project.settings["COMPOSE_PROFILES"] = "monitoring"
        project.down()
    assert project.remaining() == []


def read_targets(prometheus: httpx.Client) -> dict[str, str]:
    """Return the health of each target, by job. Empty while Prometheus starts."""
    try:
        targets: list[dict[str, Any]] = prometheus.get("/targets").json()["data"]["activeTargets"]
    except httpx.TransportError:
        return {}
    return {target["labels"]["job"]: target["health"] for target in targets}
