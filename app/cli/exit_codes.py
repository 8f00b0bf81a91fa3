"""What ``pyxec run`` and ``pyxec tail`` exit with: the program's own code where there is one.

A program may exit with any of these by itself; ``--json`` tells the two apart.
"""

from __future__ import annotations

from typing import Final

from pyxec import Ending

__all__ = ["CANCELLED", "EXIT_CODES", "NOT_STARTED", "OUTPUT_CLOSED", "SERVICE_FAILED", "exit_code"]

# 124 to 130 mean here what they mean to a shell, timeout(1) and env(1).
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


def exit_code(end: Ending) -> int:
    """The exit code for how a job ended; an outcome that this client does not know is the service's failure."""
    if end.outcome in EXIT_CODES:
        return EXIT_CODES[end.outcome]
    if end.outcome == "signaled" and end.signal is not None:
        return 128 + end.signal
    if end.outcome == "nonzero_exit" and end.exit_code is None:
        return NOT_STARTED
    return SERVICE_FAILED if end.exit_code is None else end.exit_code
