"""Progress bars of uploads and downloads on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pyxec.files import OnProgress

__all__ = ["transfer_progress"]

# Below this size, a bar would appear and disappear at once.
_MIN_BYTES = 1024 * 1024


@contextmanager
def transfer_progress(title: str, total_bytes: int | None) -> Iterator[OnProgress]:
    """Show a progress bar if standard error is a terminal and the file is large.

    Args:
        title: What is transferred.
        total_bytes: Its size, or None if it is not known.

    Yields:
        The function to call with the number of bytes so far.
    """
    if not sys.stderr.isatty() or (total_bytes is not None and total_bytes < _MIN_BYTES):
        yield lambda count: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(escape(title), total=total_bytes)
        yield lambda count: progress.update(task, completed=count)
