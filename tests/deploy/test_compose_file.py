"""docker-compose.yml without starting it. `make test-compose` starts it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from app.config import Settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
# The socket of the engine is mounted at its default path.
_NOT_PASSED = {"DOCKER_HOST"}


def run_command(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_compose_file_is_valid() -> None:
    command = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
    done = run_command(*command, "config", "--quiet")

    assert (done.returncode, done.stderr) == (0, "")


def test_compose_file_passes_every_setting() -> None:
    passed = set(re.findall(r"^ +([A-Z][A-Z_]+):", TEXT, re.MULTILINE))

    assert {str(field.validation_alias) for field in Settings.model_fields.values()} - _NOT_PASSED <= passed


def test_services_have_distinct_images() -> None:
    images = re.findall(r"^    image: (\S+)$", TEXT, re.MULTILINE)

    assert len(images) == len(set(images)) == len(re.findall(r"^  [a-z]+:\n    image:", TEXT, re.MULTILINE))


def test_services_have_no_container_name() -> None:
    assert "container_name" not in TEXT


def test_only_the_web_port_is_published() -> None:
    assert re.findall(r"^    ports: .*$", TEXT, re.MULTILINE) == ['    ports: ["${PYXEC_WEB_PORT:-80}:8080"]']


def test_build_context_contains_no_secrets_and_no_local_files() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()

    assert {".git", ".venv", ".pyxec", "**/node_modules"} <= set(ignored)
    assert "deploy/extra-ca.crt" in (ROOT / ".gitignore").read_text().split()
    assert (ROOT / "deploy" / "no-extra-ca.crt").read_bytes() == b""
