"""The table of a drill, for the screen and for docs/reliability.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["Row", "as_text", "write_row"]

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- drill -->", "<!-- /drill -->"
_COLUMNS = ("scenario", "what was done", "accepted", "finished", "dead letters", "violations", "seconds", "run")
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


def write_row(row: Row) -> None:
    """Put it into the page's table, in the place of the one of its name, or below the others."""
    before, rest = _PAGE.read_text("utf-8").split(_BEGIN)
    table, after = rest.split(_END)
    lines = {line.split(" | ")[0]: line for line in table.splitlines()[3:] if line.startswith("| ")}
    line = _line(row)
    lines[line.split(" | ")[0]] = line
    _PAGE.write_text("\n".join([f"{before}{_BEGIN}", _HEAD, *lines.values(), f"{_END}{after}"]), "utf-8")


def _line(row: Row) -> str:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    if row.skipped:
        return f"| {row.name} | {row.fault}: not run, {row.skipped} | | | | | | {today} |"
    what = f"{row.fault}: {row.done}" if row.done else row.fault
    figures = (row.accepted, row.finished, row.dead, len(row.violations), row.seconds, today)
    return f"| {row.name} | {what} | {' | '.join(map(str, figures))} |"
