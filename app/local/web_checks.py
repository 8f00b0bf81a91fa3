"""`make web-test`: `python -m app.local.web_checks` lints, type-checks and unit-tests the web page's own code."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from app.core.errors import PyxecError
from app.local.api_types import check_api_types
from app.local.errors import exit_with
from app.local.state import StateFolder
from app.local.steps import Steps
from app.local.web_page import install_node_packages, npm

__all__ = ["check_page"]

_CHECKS = ("check", "test")


def check_page(root: Path, console: Console) -> None:
    """Run every check, one step each.

    Raises:
        SetupError: one failed; the message has the end of what it printed.
    """
    web, state = root / "web", StateFolder.of_repository(root)
    with Steps(console) as steps:
        with steps.step("web packages") as step:
            install_node_packages(web, state.log("npm"), step)
        with steps.step("web types") as step:
            check_api_types(web, state)
            step.outcome = "of this API"
        for script in _CHECKS:
            with steps.step(f"web {script}") as step:
                npm(["run", script], web, state.log(f"web-{script}"))
                step.outcome = "passed"


def main() -> None:
    """Check the page of the repository in this folder."""
    try:
        check_page(Path.cwd(), Console())
    except PyxecError as e:
        exit_with(e)


if __name__ == "__main__":
    main()
