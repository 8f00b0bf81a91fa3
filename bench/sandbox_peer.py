"""One sandbox library from the package index, measured in its own Python: `python sandbox_peer.py LIBRARY IMAGE`.

Each line on stdin is one run of the program; each line on stdout is what came of it, as JSON: ``seconds`` and
``stdout``, or ``error``. Runs with the libraries' own environment, so it imports nothing of this repository.
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
    """A fresh container for each run: create, upload, start, attach, remove."""
    library: Any = importlib.import_module("epicbox")
    library.configure(profiles=[library.Profile("python", image)])
    files = [{"name": "main.py", "content": PROGRAM.encode()}]
    limits = {"cputime": 10, "realtime": 10, "memory": 256, "processes": 64}

    def run() -> str:
        result = library.run("python", "python3 main.py", files=files, limits=limits)
        return str(result["stdout"].decode())

    return run


def llm_sandbox(image: str) -> Run:
    """A fresh session for each run, without the virtual environment that it would make from the network."""
    library: Any = importlib.import_module("llm_sandbox")

    def run() -> str:
        with library.SandboxSession(
            lang="python", image=image, keep_template=True, skip_environment_setup=True
        ) as session:
            return str(session.run(PROGRAM).stdout)

    return run


def main() -> None:
    """Serve until stdin ends."""
    library, image = sys.argv[1:]
    # What the library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    run: Run | None = None
    for _ in sys.stdin:
        try:
            run = run or globals()[library](image)
            began = time.perf_counter()
            stdout = run()
            answer: dict[str, Any] = {"seconds": time.perf_counter() - began, "stdout": stdout}
        except Exception as e:  # noqa: BLE001 - whatever it is, it is the answer
            answer = {"error": f"{type(e).__name__}: {e}"}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
