"""The table of a drill, on the screen and in docs/reliability.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["PAGE", "Row", "format_row", "write_row"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- drill -->", "<!-- /drill -->"
_COLUMNS = (
    "scenario",
    "fault and effect",
    "accepted",
    "finished",
    "dead letters",
    "lost",
    "duplicated",
    "violations",
    "started again",
    "recovery (s)",
    "duration (s)",
    "run",
)
_HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|"


@dataclass(frozen=True)
class Row:
    """The result of one scenario.

    Attributes:
        name: Name of the scenario.
        fault: Description of the fault.
        seed: Seed of the random choices.
        summary: What the fault affected.
        accepted, finished, dead: Number of accepted messages and how they ended.
        lost, duplicated: Number of messages that did not end, and of those that ended or were output more than once.
        violations: One line for each violation of an invariant.
        restarted: Number of messages that were started more than once.
        restarts: Number of lost attempts by reason.
        recovery_seconds: Time from the end of the last fault until all messages that were accepted before had ended.
        seconds: Duration.
        skipped: Why the scenario was not run, empty if it was.
    """

    name: str
    fault: str
    seed: int
    summary: str = ""
    accepted: int = 0
    finished: int = 0
    dead: int = 0
    lost: int = 0
    duplicated: int = 0
    violations: Sequence[str] = field(default_factory=list)
    restarted: int = 0
    restarts: Mapping[str, int] = field(default_factory=dict)
    recovery_seconds: float = 0.0
    seconds: int = 0
    skipped: str = ""


def format_row(row: Row) -> str:
    """Return the text for the screen, with one line for each violation."""
    if row.skipped:
        return f"  {row.name:<20} skipped: {row.skipped}"
    lines = [
        f"  {row.name:<20}{row.accepted:>5} accepted {row.finished:>5} finished {row.dead:>4} dead {row.lost:>3} lost "
        f"{row.duplicated:>3} duplicated {len(row.violations):>3} violations {row.seconds:>4} s",
        f"      {row.summary}",
        f"      started again: {_format_restarts(row)}; recovery {row.recovery_seconds:g} s",
    ]
    return "\n".join([*lines, *(f"      violation: {line}" for line in row.violations)])


def write_row(row: Row, page: Path = PAGE) -> None:
    """Write a row into the table of the page. It replaces the row with the same name."""
    before, rest = page.read_text("utf-8").split(_BEGIN)
    table, after = rest.split(_END)
    lines = {line.split(" | ")[0]: line for line in table.splitlines()[3:] if line.startswith("| ")}
    line = _format_line(row)
    lines[line.split(" | ")[0]] = line
    page.write_text("\n".join([f"{before}{_BEGIN}", _HEAD, *lines.values(), f"{_END}{after}"]), "utf-8")


def _format_line(row: Row) -> str:
    run = f"{datetime.now(UTC):%Y-%m-%d}, seed {row.seed}"
    if row.skipped:
        cells: Sequence[object] = (row.name, f"{row.fault}: skipped, {row.skipped}", *[""] * (len(_COLUMNS) - 3), run)
    else:
        cells = (
            row.name,
            f"{row.fault}: {row.summary}" if row.summary else row.fault,
            row.accepted,
            row.finished,
            row.dead,
            row.lost,
            row.duplicated,
            len(row.violations),
            _format_restarts(row),
            f"{row.recovery_seconds:g}",
            row.seconds,
            run,
        )
    return f"| {' | '.join(map(str, cells))} |"


def _format_restarts(row: Row) -> str:
    reasons = sorted(row.restarts.items(), key=lambda item: -item[1])
    text = ", ".join(f"{reason}: {count}" for reason, count in reasons)
    return f"{row.restarted} ({text})" if text else f"{row.restarted}"
