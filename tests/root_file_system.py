"""Root file systems of releases of Debian and Ubuntu, made with mmdebstrap. Requires root."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.debian_archive import DEBIAN_KEYRING, DEBIAN_MIRROR, unpack_package

__all__ = ["RELEASES", "Release", "make_root"]

_TIMEOUT_SECONDS: Final = 900


@dataclass(frozen=True)
class Release:
    """A release of a distribution.

    Attributes:
        name: Name and version.
        suite: Code name in the archive.
        mirror: URL of the archive.
        components: Components of the archive, separated by spaces.
        has_updates: Whether the archive has a suite with updates of the release.
    """

    name: str
    suite: str
    mirror: str = DEBIAN_MIRROR
    components: str = "main"
    has_updates: bool = True


# By suite.
RELEASES: Final[Mapping[str, Release]] = {
    "bookworm": Release("Debian 12", "bookworm"),
    "trixie": Release("Debian 13", "trixie"),
    "unstable": Release("Debian unstable", "unstable", has_updates=False),
    "noble": Release("Ubuntu 24.04", "noble", "http://archive.ubuntu.com/ubuntu", "main universe"),
}


def make_root(release: Release, root: Path, packages: str, variant: Literal["apt", "essential", "minbase"]) -> None:
    """Make a root file system.

    Args:
        packages: Names of further packages, separated by commas.
        variant: Set of packages, see mmdebstrap(1).

    Raises:
        subprocess.CalledProcessError: mmdebstrap failed. Its output is in the exception.
    """
    keyring, include = DEBIAN_KEYRING, packages
    if release.mirror != DEBIAN_MIRROR:
        # Debian 12 does not contain the keys of Ubuntu.
        keyring = f"{unpack_package('trixie', 'ubuntu-keyring')}/usr/share/keyrings/ubuntu-archive-keyring.gpg"
        include += ",ubuntu-keyring"
    suites = (release.suite, f"{release.suite}-updates") if release.has_updates else (release.suite,)
    sources = "".join(f"deb [signed-by={keyring}] {release.mirror} {suite} {release.components}\n" for suite in suites)
    # A mirror may serve an outdated list of unstable, whose signature expires after a week.
    options = [] if release.has_updates else ['--aptopt=Acquire::Check-Valid-Until "false"']
    command = ["mmdebstrap", "--quiet", f"--variant={variant}", f"--include={include}", *options]
    subprocess.run(
        [*command, release.suite, str(root), "-"],
        check=True,
        input=sources,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
    )
    # The path of the keys in the new system.
    (root / "etc/apt/sources.list").write_text(sources.replace(keyring, f"/usr/share/keyrings/{Path(keyring).name}"))
