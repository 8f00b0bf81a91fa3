"""Packages of other releases of Debian, unpacked below ``.pyxec`` without an installation.

The packages and the apt configuration of the machine stay unchanged. Only its proxy settings are used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from app.local.state import StateFolder, lock_folder
from tests.stack import ROOT

__all__ = ["DEBIAN_KEYRING", "DEBIAN_MIRROR", "unpack_package"]

DEBIAN_MIRROR: Final = "http://deb.debian.org/debian"
DEBIAN_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"


def unpack_package(suite: str, package: str) -> Path:
    """Return a folder with the files of a package and of all its dependencies. Download them on first use.

    Args:
        suite: Release of Debian, for example ``trixie``.
        package: Name of the package.
    """
    folder = StateFolder.for_checkout(ROOT).data("debian") / f"{package}-{suite}"
    folder.mkdir(exist_ok=True)
    root = folder / "root"
    with lock_folder(folder):  # tests run in two processes
        if not root.exists():
            _download(suite, package, folder)
            _unpack(folder, root)
    return root


def _download(suite: str, package: str, folder: Path) -> None:
    """Download a package and its dependencies, as if no package were installed."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"deb [signed-by={DEBIAN_KEYRING}] {DEBIAN_MIRROR} {suite} main\n")
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
    _run([*apt_get, "install", "-y", "--no-install-recommends", "--download-only", package])


def _unpack(folder: Path, root: Path) -> None:
    draft = folder / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    for archive in sorted((folder / "archives").glob("*.deb")):
        _run(["dpkg", "-x", str(archive), str(draft)])
    draft.rename(root)
    shutil.rmtree(folder / "archives")
    shutil.rmtree(folder / "lists")


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, env={**os.environ, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-1000:]}{done.stderr[-1000:]}"
