"""The pins of ``requirements*.txt`` and of their lock files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["LOCKED", "SHIPPED", "Pin", "read_lock", "read_requirements"]

# Each file is locked with the constraints of those before it, so that one environment can contain all packages.
LOCKED: Final = (
    "requirements",
    "requirements-telemetry",
    "requirements-s3",
    "requirements-web",
    "requirements-build",
    "requirements-dev",
)
# Packages that run the service or build its page. The others are used for development only.
SHIPPED: Final = LOCKED[:4]

_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
_HASH: Final = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Pin:
    """A version of a Python package.

    Attributes:
        name: Normalized name of the package (PEP 503).
        version: The version.
        hashes: Hashes of the files that may be installed, for example ``sha256:...``.
    """

    name: str
    version: str
    hashes: tuple[str, ...] = ()


def read_requirements(path: Path) -> list[Pin]:
    """Read the pins of a ``requirements*.txt`` file, which have no hashes.

    Raises:
        ValueError: A line is neither a pin nor a comment nor a reference to another file.
    """
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    return [_parse_pin(line, path) for line in lines if line and not line.startswith("-")]


def read_lock(path: Path) -> list[Pin]:
    """Read the pins of a ``requirements*.lock`` file.

    Raises:
        ValueError: A line is neither a pin nor a comment.
    """
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [_parse_pin(line, path) for line in text.splitlines() if line.strip()]


def _parse_pin(line: str, path: Path) -> Pin:
    match = _PIN.match(line)
    if match is None:
        raise ValueError(f"{path.name}: {line!r} does not pin a version")
    name = re.sub(r"[-_.]+", "-", match["name"]).lower()
    return Pin(name, match["version"], tuple(_HASH.findall(line)))
