"""The start of the gateway with an invalid setting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

# For the imports of the gateway on a busy machine.
EXIT_SECONDS = 60
# gunicorn's Arbiter.APP_LOAD_ERROR: it stops instead of starting the worker again.
APP_LOAD_ERROR = 4


def test_gateway_ends_with_the_invalid_settings_when_a_setting_is_invalid(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "gunicorn", "--workers=1", "--worker-class=app.asgi.Worker",
        "--logger-class=app.asgi.GunicornLogger",
        f"--bind=unix:{tmp_path / 's'}", "--no-control-socket", "app.asgi:create()",
    ]  # fmt: skip
    settings = {"PYXEC_LEASE_SECONDS": "never", "PYXEC_MAX_DELIVERIES": "-1"}

    ended = subprocess.run(
        command, env={**os.environ, **settings}, timeout=EXIT_SECONDS, capture_output=True, text=True
    )

    assert ended.returncode == APP_LOAD_ERROR
    assert "Traceback" not in ended.stdout + ended.stderr
    # The last lines of the log name each setting, its value and what is allowed.
    problems = [json.loads(line)["error"] for line in (ended.stdout + ended.stderr).splitlines()[-2:]]
    assert problems == [
        "PYXEC_LEASE_SECONDS='never': must be a number between 1 and 600",
        "PYXEC_MAX_DELIVERIES='-1': must be an integer between 1 and 100",
    ]
