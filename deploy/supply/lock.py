"""`make lock`: writes the ``requirements*.lock`` files. A locked version changes only if a pin requires it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deploy.supply.pins import LOCKED

__all__ = ["write_locks"]

_MIN_PYTHON = "3.11"


def write_locks(root: Path) -> None:
    """Lock all requirements for all platforms.

    Raises:
        subprocess.CalledProcessError: The requirements contradict each other. uv has printed the reason.
    """
    uv = Path(sys.executable).with_name("uv")
    for number, name in enumerate(LOCKED):
        constraints = [part for before in LOCKED[:number] for part in ("--constraints", f"{before}.lock")]
        command: list[str | Path] = [uv, "pip", "compile", f"{name}.txt", "--output-file", f"{name}.lock", *constraints]
        options = ["--universal", "--python-version", _MIN_PYTHON, "--generate-hashes", "--quiet"]
        subprocess.run([*command, *options, "--custom-compile-command", "make lock"], cwd=root, check=True)


if __name__ == "__main__":
    try:
        write_locks(Path.cwd())
    except subprocess.CalledProcessError as e:
        sys.exit(e.returncode)
