"""The table of a drill, for the screen and for docs/reliability.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["Row", "as_text", "write_page"]

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- drill -->", "<!-- /drill -->"
_COLUMNS = ("scenario", "what was done", "accepted", "finished", "dead letters", "violations", "seconds")
_HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|"


@dataclass(frozen=True)
class Row:
    """One scenario and what came of it; `skipped` says why nothing did."""

    name: str
    fault: str
    done: str = ""
    accepted: int = 0
    finished: int = 0
    dead: int = 0
    violations: Sequence[str] = field(default_factory=list)
    seconds: int = 0
    skipped: str = ""


def as_text(row: Row) -> str:
    """For the screen; every violation in a line of its own."""
    if row.skipped:
        return f"  {row.name:<18} not run: {row.skipped}"
    counts = (
        f"{row.accepted:>5} accepted {row.finished:>5} finished {row.dead:>4} dead {len(row.violations):>3} violations"
    )
    lines = [f"  {row.name:<18}{counts} {row.seconds:>4} s   {row.done}"]
    return "\n".join([*lines, *(f"      {line}" for line in row.violations)])


def write_page(rows: Sequence[Row]) -> None:
    """Put the table between its marks in the page."""
    before, rest = _PAGE.read_text("utf-8").split(_BEGIN)
    after = rest.split(_END)[1]
    table = "\n".join([_HEAD, *map(_line, rows)])
    _PAGE.write_text(f"{before}{_BEGIN}\n{_when()}\n\n{table}\n{_END}{after}", "utf-8")


def _line(row: Row) -> str:
    if row.skipped:
        return f"| {row.name} | {row.fault}: not run, {row.skipped} | | | | | |"
    what = f"{row.fault}: {row.done}" if row.done else row.fault
    figures = (row.accepted, row.finished, row.dead, len(row.violations), row.seconds)
    return f"| {row.name} | {what} | {' | '.join(map(str, figures))} |"


def _when() -> str:
    machine = f"{os.cpu_count()} processors, {platform.system()} {platform.release()}, load {os.getloadavg()[1]:.0f}"
    return f"Run of {datetime.now(UTC):%Y-%m-%d}, {machine}."
