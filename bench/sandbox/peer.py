"""Measures a sandbox library in its own virtual environment: `python sandbox_peer.py LIBRARY IMAGE`.

For each line on stdin, it runs the program once and writes one line of JSON: ``seconds`` and ``stdout``, or ``error``.
It imports nothing of this repository, because the environment contains only the library.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

__all__: list[str] = []

PROGRAM = "print(6 * 7)"
Run = Callable[[], str]


def epicbox(image: str) -> Run:
    """Return a function that runs the program in a new container: create, upload, start, attach, remove."""
    library: Any = importlib.import_module("epicbox")
    library.configure(profiles=[library.Profile("python", image)])
    files = [{"name": "main.py", "content": PROGRAM.encode()}]
    limits = {"cputime": 10, "realtime": 10, "memory": 256, "processes": 64}

    def run() -> str:
        result = library.run("python", "python3 main.py", files=files, limits=limits)
        return str(result["stdout"].decode())

    return run


def llm_sandbox(image: str) -> Run:
    """Return a function that runs the program in a new session, without creating a virtual environment."""
    library: Any = importlib.import_module("llm_sandbox")

    def run() -> str:
        with library.SandboxSession(
            lang="python", image=image, keep_template=True, skip_environment_setup=True
        ) as session:
            return str(session.run(PROGRAM).stdout)

    return run


def main() -> None:
    """Run the program for each line of stdin."""
    library, image = sys.argv[1:]
    # Redirect the output of the library to stderr.
    responses = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    run: Run | None = None
    for _ in sys.stdin:
        try:
            run = run or globals()[library](image)
            started_at = time.perf_counter()
            stdout = run()
            response: dict[str, Any] = {"seconds": time.perf_counter() - started_at, "stdout": stdout}
        except Exception as e:  # noqa: BLE001 - any error is reported
            response = {"error": f"{type(e).__name__}: {e}"}
        responses.write(json.dumps(response) + "\n")


if __name__ == "__main__":
    main()
