"""The requirements: what is wanted (``requirements*.txt``) and all that comes along (``requirements*.lock``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["LOCKED", "SHIPPED", "Pin", "read_lock", "read_wishes"]

# Each is locked against those before it, so that all of them fit into one environment.
LOCKED: Final = (
    "requirements",
    "requirements-telemetry",
    "requirements-web",
    "requirements-build",
    "requirements-dev",
)
# What a running service is made of, or its page is built with; the others never leave a developer's machine.
SHIPPED: Final = LOCKED[:3]

_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
_HASH: Final = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Pin:
    """One package in one version; ``hashes`` are those of all files that may be installed (``sha256:...``)."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()


def read_wishes(path: Path) -> list[Pin]:
    """The pins of a ``requirements*.txt``, without hashes.

    Raises:
        ValueError: a line is neither a pin, nor a comment, nor another file.
    """
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    return [_pin(line, path) for line in lines if line and not line.startswith("-")]


def read_lock(path: Path) -> list[Pin]:
    """The pins of a ``requirements*.lock``.

    Raises:
        ValueError: as above.
    """
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [_pin(line, path) for line in text.splitlines() if line.strip()]


def _pin(line: str, path: Path) -> Pin:
    found = _PIN.match(line)
    if found is None:
        raise ValueError(f"{path.name}: {line!r} pins no version")
    name = re.sub(r"[-_.]+", "-", found["name"]).lower()
    return Pin(name, found["version"], tuple(_HASH.findall(line)))
