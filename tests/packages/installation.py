"""`pip install .` in a checkout: a working command line of the server, in a virtual environment of its own.

The file has no prefix `test_`, so that `make test` does not collect it. `make test-packages` names it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.resources import LANGUAGES
from pyxec.version import VERSION
from tests.sdk.test_distribution import run
from tests.stack import ROOT

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `pyxec` of an environment into which the checkout was installed."""
    environment = tmp_path_factory.mktemp("server") / "venv"
    run(sys.executable, "-m", "venv", environment)
    run(environment / "bin" / "pip", "install", "-q", "--disable-pip-version-check", ".")
    return environment / "bin" / "pyxec"


def test_server_has_the_version_and_all_commands(server: Path, tmp_path: Path) -> None:
    listed = run(server, "--help", cwd=tmp_path)

    assert run(server, "--version", cwd=tmp_path) == f"pyxec {VERSION}\n"
    assert [
        command for command in ("run", "submit", "images", "keys", "queues", "doctor") if command not in listed
    ] == []


def test_images_command_has_the_catalogue(server: Path, tmp_path: Path) -> None:
    listed = run(server, "images", "list", "--all", cwd=tmp_path, COLUMNS="200")

    assert [file.stem for file in LANGUAGES.glob("*.toml") if file.stem not in listed] == []


def test_images_command_builds_and_finds_the_images_of_the_checkout_current(server: Path, tmp_path: Path) -> None:
    """The installed sources have the digests of the checkout, so that nothing is built again."""
    built = run(server, "images", "build", "--json", "bash", cwd=tmp_path, XDG_STATE_HOME=str(tmp_path))

    here = run(sys.executable, "-m", "app.cli", "images", "build", "--json", "bash", cwd=ROOT)
    assert built == here


def test_up_names_the_missing_checkout(server: Path, tmp_path: Path) -> None:
    done = subprocess.run([server, "up"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "git clone" in done.stderr


def test_processes_of_the_service_start(server: Path, tmp_path: Path) -> None:
    """The gateway and the worker import, and read the catalogue of the package."""
    python = server.with_name("python")

    printed = run(python, "-c", "import app.asgi, app.worker; print(app.resources.LANGUAGES)", cwd=tmp_path)

    assert Path(printed.strip()).is_relative_to(server.parents[1])
