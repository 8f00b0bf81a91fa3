"""The limits that a job can set, as the command line describes them.

The table repeats names and descriptions of ``app.core.limits``, which is not part of this distribution. A test compares
both tables.
"""

from __future__ import annotations

from typing import Final

__all__ = ["LIMIT_DESCRIPTIONS"]

#: Description of each limit by its name in the API.
LIMIT_DESCRIPTIONS: Final = {
    "wall_seconds": "elapsed time of each phase",
    "cpu_seconds": "processor time of each phase, all its processes together",
    "memory_bytes": "memory of the whole sandbox, its files too",
    "processes": "processes and threads at one time",
    "output_bytes": "stdout and stderr together, each phase",
    "disk_bytes": "files under /work",
    "open_files": "open file descriptors of one process",
    "stack_bytes": "stack of the main thread of each process",
}
