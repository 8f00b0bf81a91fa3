"""Prints the table of all settings: `python -m app.config`."""

from __future__ import annotations

import sys

from app.config.table import settings_table

__all__ = ["main"]


def main() -> None:
    """Print the table in Markdown."""
    sys.stdout.write(settings_table() + "\n")


if __name__ == "__main__":
    main()
