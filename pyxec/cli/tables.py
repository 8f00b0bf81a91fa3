"""Prints tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

__all__ = ["print_table"]


def print_table(table: Table, if_empty: str) -> None:
    """Print a table, or the sentence ``if_empty`` if it has no rows."""
    if table.row_count:
        Console().print(table)
    else:
        Console().print(if_empty, markup=False, highlight=False, soft_wrap=True)
