"""Releases of Compose that docker-compose.yml is tested with, from the Debian archive, without an installation.

The packages of a release are unpacked below ``.pyxec``. The packages and the apt configuration of the machine stay
unchanged. Only its proxy settings are used.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.local.state import StateFolder, lock_folder
from tests.stack import ROOT

__all__ = ["COMPOSE_RELEASES", "find_compose"]

# The last release in Python, the release of Debian 13, and the current one. The suite of Debian that contains it.
COMPOSE_RELEASES: Final[Mapping[str, str]] = {"1.29": "bookworm", "2.26": "trixie", "2.x": "sid"}

_MIRROR: Final = "http://deb.debian.org/debian"
_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
_PLUGIN: Final = "usr/libexec/docker/cli-plugins/docker-compose"
_SCRIPT: Final = "usr/bin/docker-compose"
_LIBRARIES: Final = f"{platform.machine()}-linux-gnu"


def find_compose(release: str) -> tuple[list[str], dict[str, str]]:
    """Return the command of a release of Compose, and the environment variables that it needs. Download it once.

    Args:
        release: A key of :data:`COMPOSE_RELEASES`.
    """
    folder = StateFolder.for_checkout(ROOT).data("compose") / release
    folder.mkdir(exist_ok=True)
    with lock_folder(folder):  # tests run in two processes
        root = folder / "root"
        if not root.exists():
            _unpack(COMPOSE_RELEASES[release], folder, root)
    plugin = root / _PLUGIN
    if plugin.exists():
        return [str(plugin)], {}
    # The scripts and the interpreter of release 1 use the libraries that were unpacked with them.
    loader, python = next(root.glob("lib64/ld-linux*")), next(root.glob("usr/bin/python3.[0-9]*"))
    libraries = f"{root}/usr/lib/{_LIBRARIES}:{root}/lib/{_LIBRARIES}"
    command = [str(loader), "--library-path", libraries, str(python), "-s", str(root / _SCRIPT)]
    return command, {"PYTHONHOME": str(root / "usr")}


def _unpack(suite: str, folder: Path, root: Path) -> None:
    """Download docker-compose and its dependencies from a suite, as if no package were installed, and unpack them."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {_MIRROR} {suite} main\n")
    options = {
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder,
        "Dir::Cache::archives": folder / "archives",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        # The user _apt cannot write to the folder.
        "APT::Sandbox::User": "root",
    }
    apt_get = ["apt-get", "-q", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]
    _run([*apt_get, "update"])
    _run([*apt_get, "install", "-y", "--no-install-recommends", "--download-only", "docker-compose"])
    draft = folder / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    for package in sorted((folder / "archives").glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(draft)])
    draft.rename(root)
    shutil.rmtree(folder / "archives")
    shutil.rmtree(folder / "lists")


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, env={**os.environ, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-1000:]}{done.stderr[-1000:]}"
