"""Releases of Compose that docker-compose.yml is tested with, from the Debian archive."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Final

from tests.debian_archive import unpack_package

__all__ = ["COMPOSE_RELEASES", "find_compose"]

# The last release in Python, the release of Debian 13, and the current one. The suite of Debian that contains it.
COMPOSE_RELEASES: Final[Mapping[str, str]] = {"1.29": "bookworm", "2.26": "trixie", "2.x": "sid"}

_PACKAGE: Final = "docker-compose"
_PLUGIN: Final = "usr/libexec/docker/cli-plugins/docker-compose"
_SCRIPT: Final = "usr/bin/docker-compose"
_LIBRARIES: Final = f"{platform.machine()}-linux-gnu"


def find_compose(release: str) -> tuple[list[str], dict[str, str]]:
    """Return the command of a release of Compose, and the environment variables that it needs. Download it once.

    Args:
        release: A key of :data:`COMPOSE_RELEASES`.
    """
    root = unpack_package(COMPOSE_RELEASES[release], _PACKAGE)
    plugin = root / _PLUGIN
    if plugin.exists():
        return [str(plugin)], {}
    # The scripts and the interpreter of release 1 use the libraries that were unpacked with them. lib64/ contains a
    # link to the loader of the machine, which may not match.
    loader, python = next(root.glob(f"lib/{_LIBRARIES}/ld-linux*")), next(root.glob("usr/bin/python3.[0-9]*"))
    libraries = f"{root}/usr/lib/{_LIBRARIES}:{root}/lib/{_LIBRARIES}"
    command = [str(loader), "--library-path", libraries, str(python), "-s", str(root / _SCRIPT)]
    return command, {"PYTHONHOME": str(root / "usr")}
