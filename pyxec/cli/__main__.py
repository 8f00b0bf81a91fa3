"""Entry point of the client: ``pyxec`` of the distribution ``pyxec``, or ``python -m pyxec.cli``."""

from __future__ import annotations

from pyxec.cli.client_commands import create_app
from pyxec.cli.entry_point import run_app

__all__ = ["app", "main"]

app = create_app()


def main() -> None:
    """Run one command and exit with its exit code."""
    run_app(app)


if __name__ == "__main__":
    main()
