"""Reports of npm about the packages of the web page."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from app.local.console import SetupError
from app.local.web import run_npm

__all__ = ["read_npm_report"]


def read_npm_report(web: Path, *arguments: str) -> dict[str, Any]:
    """Run an npm command on the lock file of the page and return the JSON that it prints, even if the command fails.

    Raises:
        SetupError: Node.js is missing, or npm printed no JSON.
    """
    done = run_npm([*arguments, "--package-lock-only"], web, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError as e:
        raise SetupError(f"npm {' '.join(arguments)} failed:\n{done.stderr[-2000:]}") from e
    return report
