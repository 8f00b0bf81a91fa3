"""Exit codes of ``pyxec run`` and ``pyxec tail``.

The exit code is the program's, if it has one. A program can exit with any of these codes; ``--json`` shows the
outcome.
"""

from __future__ import annotations

from typing import Final

from pyxec import FinishedResult

__all__ = ["CANCELLED", "EXIT_CODES", "NOT_STARTED", "OUTPUT_CLOSED", "SERVICE_FAILED", "exit_code"]

# Conventions of other tools: 124 to 126 as in timeout(1) and env(1), 130 = 128 + SIGINT, 141 = 128 + SIGPIPE.
SERVICE_FAILED: Final = 125
NOT_STARTED: Final = 126
CANCELLED: Final = 130
OUTPUT_CLOSED: Final = 141

EXIT_CODES: Final[dict[str, int]] = {
    "memory_limit": 121,
    "output_limit": 122,
    "compile_error": 123,
    "wall_time_limit": 124,
    "cpu_time_limit": 124,
    "infrastructure_error": SERVICE_FAILED,
    "cancelled": CANCELLED,
}


def exit_code(result: FinishedResult) -> int:
    """Return the exit code for a finished job. An unknown outcome counts as a failure of the service."""
    if result.outcome in EXIT_CODES:
        return EXIT_CODES[result.outcome]
    if result.outcome == "signaled" and result.signal is not None:
        return 128 + result.signal
    if result.outcome == "nonzero_exit" and result.exit_code is None:
        return NOT_STARTED
    return SERVICE_FAILED if result.exit_code is None else result.exit_code
