"""docker-compose.yml without starting it. `make test-compose` starts it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.config import Settings, read_settings
from tests.compose.releases import COMPOSE_RELEASES, find_compose

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
# The socket of the engine is mounted at its default path.
# PYXEC_LANGUAGES needs a mounted folder: docs/languages.md.
_NOT_PASSED = {"DOCKER_HOST", "PYXEC_LANGUAGES"}


def run_compose(release: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command, variables = find_compose(release)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYXEC_", "COMPOSE_"))}
    return subprocess.run(
        [*command, "-p", "pyxec", *arguments],
        cwd=ROOT,
        env=environment | variables | settings,
        capture_output=True,
        text=True,
        timeout=60,
    )


def read_services(release: str) -> dict[str, Any]:
    """Return the services as a release of Compose reads them."""
    done = run_compose(release, "--profile", "monitoring", "config")
    assert done.returncode == 0, done.stderr
    services: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return services


@pytest.mark.parametrize("release", COMPOSE_RELEASES)
def test_compose_file_is_valid(release: str) -> None:
    done = run_compose(release, "config", "--quiet")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("release", COMPOSE_RELEASES)
def test_find_compose_returns_the_release(release: str) -> None:
    done = run_compose(release, "version", "--short")

    assert done.stdout.lstrip("v").startswith(release.removesuffix("x"))


@pytest.mark.parametrize("release", [release for release in COMPOSE_RELEASES if release != "1.29"])
def test_releases_read_the_same_services(release: str) -> None:
    expected, services = read_services("1.29"), read_services(release)

    assert services.keys() == expected.keys()
    for name, service in services.items():
        assert to_command(service) == to_command(expected[name]), name
        assert service.get("environment", {}) == expected[name].get("environment", {}), name
        for key in ("cap_drop", "cap_add", "read_only", "restart", "user", "tmpfs", "init"):
            value, other = service.get(key), expected[name].get(key)
            # Releases sort a list that another file may extend.
            assert (sorted(value) if isinstance(value, list) else value) == (
                sorted(other) if isinstance(other, list) else other
            ), (name, key)


def to_command(service: dict[str, Any]) -> list[str]:
    """Return the command as a list. Release 1 prints a text, which it splits when it starts the service."""
    command = service.get("command") or []
    return shlex.split(command) if isinstance(command, str) else [str(part) for part in command]


def test_compose_file_passes_every_setting() -> None:
    passed = set(re.findall(r"^ +([A-Z][A-Z0-9_]+):", TEXT, re.MULTILINE))

    assert {str(field.validation_alias) for field in Settings.model_fields.values()} - _NOT_PASSED <= passed


@pytest.mark.parametrize("release", COMPOSE_RELEASES)
def test_images_have_the_name_of_the_project(release: str) -> None:
    """Compose names an image after the project and the service, so that two checkouts do not overwrite their images."""
    files = ("docker-compose.yml", "docker-compose.override.yml", "deploy/caddy.yml")
    options = [part for file in files for part in ("-f", file)]
    done = run_compose(release, *options, "--profile", "monitoring", "config", PYXEC_DOMAIN="pyxec.example.org")
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]

    assert {name for name, service in services.items() if "build" not in service} == {"grafana"}
    for name, service in services.items():
        if name != "grafana":  # release 2 shows the name that it derives
            assert service.get("image", f"pyxec-{name}") == f"pyxec-{name}", name


@pytest.mark.parametrize("file", ["deploy/swarm.yml", "deploy/images.yml"])
def test_images_of_a_swarm_have_names(file: str) -> None:
    services = yaml.safe_load(TEXT)["services"]
    images = {name: service["image"] for name, service in yaml.safe_load((ROOT / file).read_text())["services"].items()}

    assert images == {name: f"${{PYXEC_IMAGE_PREFIX:-pyxec}}-{name}" for name in services}


@pytest.mark.parametrize("release", COMPOSE_RELEASES)
def test_images_of_a_swarm_can_be_built_with_compose(release: str) -> None:
    done = run_compose(release, "-f", "docker-compose.yml", "-f", "deploy/images.yml", "config", PYXEC_IMAGE_PREFIX="x")

    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert {name: service["image"] for name, service in services.items()} == {name: f"x-{name}" for name in services}


@pytest.mark.parametrize("release", COMPOSE_RELEASES)
def test_workers_are_scaled_by_a_setting(release: str) -> None:
    def replicas(**variables: str) -> int:
        done = run_compose(release, "config", **variables)
        assert done.returncode == 0, done.stderr
        return int(yaml.safe_load(done.stdout)["services"]["worker"]["deploy"]["replicas"])

    assert (replicas(), replicas(PYXEC_WORKERS="3")) == (1, 3)


@pytest.mark.parametrize("release", COMPOSE_RELEASES)
def test_tls_overlay_publishes_one_more_port_and_refuses_anonymous_callers(release: str) -> None:
    files = ("docker-compose.yml", "docker-compose.override.yml", "deploy/caddy.yml")
    options = [part for file in files for part in ("-f", file)]

    missing = run_compose(release, *options, "config")
    done = run_compose(release, *options, "config", PYXEC_DOMAIN="pyxec.example.org")

    assert missing.returncode != 0
    assert "PYXEC_DOMAIN" in missing.stderr
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    published = {name for name, service in services.items() if service.get("ports") and "profiles" not in service}
    assert published == {"web", "caddy"}
    environment = services["api"]["environment"]
    assert (environment["PYXEC_WEB_ADDRESS"], environment["PYXEC_ALLOWED_HOSTS"]) == ("0.0.0.0", "pyxec.example.org,")
    public = {"PYXEC_WEB_ADDRESS": environment["PYXEC_WEB_ADDRESS"]}
    assert not read_settings(public).anonymous


def test_services_have_no_container_name() -> None:
    assert "container_name" not in TEXT


def test_only_the_web_port_is_published() -> None:
    assert re.findall(r"^    ports: .*$", TEXT, re.MULTILINE) == [
        '    ports: ["${PYXEC_WEB_ADDRESS:-127.0.0.1}:${PYXEC_WEB_PORT:-80}:8080"]'
    ]


def test_build_context_contains_no_secrets_and_no_local_files() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()

    assert {".git", ".venv", ".pyxec", "**/node_modules"} <= set(ignored)
    assert "deploy/extra-ca.crt" in (ROOT / ".gitignore").read_text().split()
    assert (ROOT / "deploy" / "no-extra-ca.crt").read_bytes() == b""
