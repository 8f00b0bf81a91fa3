"""docker-compose.yml as far as it can be told without starting it; `make test-compose` starts it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from app.config import Settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
#: The socket is mounted where the service looks for it.
_NOT_PASSED_ON = {"DOCKER_HOST"}


def checked_by(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_docker_compose_takes_it() -> None:
    command = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
    done = checked_by(*command, "config", "--quiet")

    assert (done.returncode, done.stderr) == (0, "")


def test_every_setting_reaches_the_processes() -> None:
    passed_on = set(re.findall(r"^ +([A-Z][A-Z_]+):", TEXT, re.MULTILINE))

    assert {str(field.validation_alias) for field in Settings.model_fields.values()} - _NOT_PASSED_ON <= passed_on


def test_no_two_services_write_one_image() -> None:
    images = re.findall(r"^    image: (\S+)$", TEXT, re.MULTILINE)

    assert len(images) == len(set(images)) == len(re.findall(r"^  [a-z]+:\n    image:", TEXT, re.MULTILINE))


def test_services_can_be_scaled() -> None:
    assert "container_name" not in TEXT


def test_only_one_port_is_published() -> None:
    assert re.findall(r"^    ports: .*$", TEXT, re.MULTILINE) == ['    ports: ["${PYXEC_WEB_PORT:-80}:8080"]']


def test_the_context_of_a_build_has_no_secrets_and_nothing_that_git_has_not() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()

    assert {".git", ".venv", ".pyxec", "**/node_modules"} <= set(ignored)
    assert "deploy/extra-ca.crt" in (ROOT / ".gitignore").read_text().split()
    assert (ROOT / "deploy" / "no-extra-ca.crt").read_bytes() == b""
