"""``make lock``: writes each ``requirements*.lock``. What is locked keeps its version for as long as it fits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deploy.supply.pins import LOCKED

__all__ = ["lock"]

_OLDEST_PYTHON = "3.11"


def lock(root: Path) -> None:
    """Lock all requirements, for every platform.

    Raises:
        subprocess.CalledProcessError: they do not fit together; uv has said why.
    """
    uv = Path(sys.executable).with_name("uv")
    for number, name in enumerate(LOCKED):
        constraints = [part for before in LOCKED[:number] for part in ("--constraints", f"{before}.lock")]
        command: list[str | Path] = [uv, "pip", "compile", f"{name}.txt", "--output-file", f"{name}.lock", *constraints]
        options = ["--universal", "--python-version", _OLDEST_PYTHON, "--generate-hashes", "--quiet"]
        subprocess.run([*command, *options, "--custom-compile-command", "make lock"], cwd=root, check=True)


if __name__ == "__main__":
    try:
        lock(Path.cwd())
    except subprocess.CalledProcessError as e:
        sys.exit(e.returncode)
