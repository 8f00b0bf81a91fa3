"""The table of a drill, on the screen and in docs/reliability.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["Row", "format_row", "write_row"]

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- drill -->", "<!-- /drill -->"
_COLUMNS = ("scenario", "fault and effect", "accepted", "finished", "dead letters", "violations", "seconds", "run")
_HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|"


@dataclass(frozen=True)
class Row:
    """The result of one scenario.

    Attributes:
        name: Name of the scenario.
        fault: Description of the fault.
        summary: What the fault affected.
        accepted, finished, dead: Number of accepted messages and how they ended.
        violations: One line for each violation of an invariant.
        seconds: Duration.
        skipped: Why the scenario was not run, empty if it was.
    """

    name: str
    fault: str
    summary: str = ""
    accepted: int = 0
    finished: int = 0
    dead: int = 0
    violations: Sequence[str] = field(default_factory=list)
    seconds: int = 0
    skipped: str = ""


def format_row(row: Row) -> str:
    """Return the text for the screen, with one line for each violation."""
    if row.skipped:
        return f"  {row.name:<18} skipped: {row.skipped}"
    counts = (
        f"{row.accepted:>5} accepted {row.finished:>5} finished {row.dead:>4} dead {len(row.violations):>3} violations"
    )
    lines = [f"  {row.name:<18}{counts} {row.seconds:>4} s   {row.summary}"]
    return "\n".join([*lines, *(f"      {line}" for line in row.violations)])


def write_row(row: Row) -> None:
    """Write a row into the table of the page. It replaces the row with the same name."""
    before, rest = _PAGE.read_text("utf-8").split(_BEGIN)
    table, after = rest.split(_END)
    lines = {line.split(" | ")[0]: line for line in table.splitlines()[3:] if line.startswith("| ")}
    line = _line(row)
    lines[line.split(" | ")[0]] = line
    _PAGE.write_text("\n".join([f"{before}{_BEGIN}", _HEAD, *lines.values(), f"{_END}{after}"]), "utf-8")


def _line(row: Row) -> str:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    if row.skipped:
        return f"| {row.name} | {row.fault}: skipped, {row.skipped} | | | | | | {today} |"
    effect = f"{row.fault}: {row.summary}" if row.summary else row.fault
    numbers = (row.accepted, row.finished, row.dead, len(row.violations), row.seconds, today)
    return f"| {row.name} | {effect} | {' | '.join(map(str, numbers))} |"
