"""The steps of a set-up on the screen: each with a bar while it works, and one line with its time when it is done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

__all__ = ["Step", "Steps"]

_TITLE_WIDTH = 22
_REST_OF_THE_LINE = Column(no_wrap=True, overflow="ellipsis", ratio=1)


class Step:
    """One step. Made by :class:`Steps`; may be used from any thread."""

    def __init__(self, title: str, console: Console, progress: Progress) -> None:
        self.title = title
        self.outcome = ""
        self._console = console
        self._progress = progress
        self._started = time.monotonic()
        self._task: TaskID = progress.add_task(title, total=1.0, detail="")

    def advance(self, fraction: float, detail: str = "") -> None:
        """Show that `fraction` of the step (0 to 1) is done, and what it does now."""
        self._progress.update(self._task, completed=fraction, detail=escape(detail))

    def done(self, outcome: str = "") -> None:
        """Show that the step has ended well."""
        self._end("[green]✓[/]", outcome)

    def failed(self) -> None:
        """Show that the step has ended badly; the reason is told by whoever catches the error."""
        self._end("[red]✗[/]", "")

    def _end(self, mark: str, outcome: str) -> None:
        seconds = time.monotonic() - self._started
        self._progress.remove_task(self._task)
        self._progress.refresh()  # else the line below is printed above a bar that is already gone
        line = f"  {mark} {escape(self.title):<{_TITLE_WIDTH}} {escape(outcome)}"
        self._console.print(f"{line} [dim]{seconds:.1f} s[/]", highlight=False, soft_wrap=True)


class Steps:
    """All steps of one set-up: ``with Steps(console) as steps: with steps.step("engine") as step: ...``."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", table_column=Column(width=_TITLE_WIDTH)),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}[/]", table_column=_REST_OF_THE_LINE),
            console=console,
            expand=True,
            transient=True,
            # Where no person watches, the lines of the finished steps are all there is to show.
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, title: str) -> Step:
        """Begin a step that someone else ends: for steps that go on side by side."""
        return Step(title, self.console, self._progress)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """A step that ends with the block; what the block puts into ``step.outcome`` is shown."""
        step = self.begin(title)
        try:
            yield step
        except BaseException:
            step.failed()
            raise
        step.done(step.outcome)
