"""Terminal output of the set-up commands: the progress of each step, and errors."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

from app.core.errors import PyxecError

__all__ = ["SetupError", "Step", "Steps", "exit_on_error"]

_TITLE_WIDTH = 22


class SetupError(PyxecError):
    """The machine cannot be set up. The message states what is missing, or contains the end of a log."""


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print a :class:`PyxecError` of the block to stderr and exit with status 1."""
    try:
        yield
    except PyxecError as e:
        console = Console(stderr=True)
        console.print("[red]error:[/]", end=" ")
        console.print(str(e), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


class Step:
    """A step of a set-up, created by :class:`Steps`. Its methods are thread-safe.

    Attributes:
        title: Name of the step.
        outcome: Text that is printed when the step succeeds.
    """

    def __init__(self, title: str, console: Console, progress: Progress, print_every: float | None = None) -> None:
        self.title = title
        self.outcome = ""
        self._console = console
        self._progress = progress
        self._started = time.monotonic()
        self._task: TaskID = progress.add_task(title, total=1.0, detail="")
        # None on a terminal, which shows the progress bar.
        self._print_every = None if console.is_terminal else print_every
        self._printed = 0.0

    def advance(self, fraction: float, detail: str = "") -> None:
        """Update the progress bar.

        Args:
            fraction: Completed part of the step, between 0 and 1.
            detail: Current activity, shown to the right of the bar.
        """
        self._progress.update(self._task, completed=fraction, detail=escape(detail))
        if self._print_every is not None and fraction >= self._printed + self._print_every:
            self._printed = fraction - fraction % self._print_every
            self._console.print(f"  {escape(self.title):<{_TITLE_WIDTH + 2}} {fraction:.0%}", highlight=False)

    def succeed(self, outcome: str = "") -> None:
        """Replace the progress bar by a line with the outcome and the duration."""
        self._finish("[green]✓[/]", outcome)

    def fail(self) -> None:
        """Replace the progress bar by a line that marks the step as failed. The caller reports the reason."""
        self._finish("[red]✗[/]", "")

    def _finish(self, mark: str, outcome: str) -> None:
        seconds = time.monotonic() - self._started
        self._progress.remove_task(self._task)
        self._progress.refresh()  # without it, the line below is printed above the removed bar
        line = f"  {mark} {escape(self.title):<{_TITLE_WIDTH}} {escape(outcome)}"
        self._console.print(f"{line} [dim]{seconds:.1f} s[/]", highlight=False, soft_wrap=True)


class Steps:
    """The steps of a set-up.

    Example::

        with Steps(Console()) as steps, steps.step("engine") as step:
            step.outcome = start_engine()

    Only a terminal shows progress bars. Other outputs show one line for each finished step, and the percentage of some
    steps.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        detail_column = Column(no_wrap=True, overflow="ellipsis", ratio=1)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", table_column=Column(width=_TITLE_WIDTH)),
            BarColumn(bar_width=24),
            TaskProgressColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}[/]", table_column=detail_column),
            console=console,
            expand=True,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def start(self, title: str, print_every: float | None = None) -> Step:
        """Start a step that the caller finishes with :meth:`Step.succeed` or :meth:`Step.fail`.

        Args:
            title: Name of the step.
            print_every: Without a terminal, print a line whenever this fraction of the step is done. None prints none.
        """
        return Step(title, self.console, self._progress, print_every)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Start a step that succeeds at the end of the block, or fails if the block raises."""
        step = self.start(title)
        try:
            yield step
        except BaseException:
            step.fail()
            raise
        step.succeed(step.outcome)
