"""The command of `make test-engines` and `make test-cgroup2`: runs suites on one engine after another."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from app.local.console import SetupError, Steps, exit_on_error
from app.local.state import StateFolder
from app.local.test_tools import ensure_test_tools
from tests.engines.suite_run import SUITES, Result, exclusive_lock, print_table, run_pytest, select_suites

__all__ = ["StartedEngine", "SuiteCommand"]

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class StartedEngine:
    """An engine that suites can use.

    Attributes:
        version: Version that the engine reports, for the table of results.
        environment: Variables of pytest, in addition to those of this process.
        suites: Arguments of pytest, unless the caller has selected tests.
    """

    version: str
    environment: Mapping[str, str]
    suites: Sequence[str] = SUITES


@dataclass(frozen=True)
class SuiteCommand:
    """A command that starts engines one after another and runs suites on each of them.

    Attributes:
        target: Target of the Makefile.
        description: What the command does, for ``--help``.
        needs_root_because: What requires root.
        tools: Programs and their packages; see ``ensure_test_tools``.
        runs: Names of the runs that a name selects. A run is selected by its own name, or as one of a group.
        start: Starts the engine of a run until the context ends.
    """

    target: str
    description: str
    needs_root_because: str
    tools: Mapping[str, tuple[str, ...]]
    runs: Mapping[str, Sequence[str]]
    start: Callable[[str, StateFolder, argparse.Namespace], AbstractContextManager[StartedEngine]]

    def create_parser(self) -> argparse.ArgumentParser:
        """Return a parser of the common options. All other arguments are passed to pytest."""
        parser = argparse.ArgumentParser(prog=f"make {self.target}", description=self.description)
        parser.add_argument("--only", default="", metavar="NAME,...", help=f"some of {', '.join(self.runs)}")
        parser.add_argument("--list", action="store_true", help="only print the names")
        return parser

    def main(self, parser: argparse.ArgumentParser) -> int:
        """Run the selected suites. Return 1 if a test failed or an engine did not start."""
        options, pytest_arguments = parser.parse_known_args()
        names = [name for name in options.only.split(",") if name]
        if unknown := [name for name in names if name not in self.runs]:
            parser.error(f"--only: {', '.join(unknown)}: must be some of {', '.join(self.runs)}")
        every_run = dict.fromkeys(run for runs in self.runs.values() for run in runs)
        chosen = {run for name in names or self.runs for run in self.runs[name]}
        selected = [run for run in every_run if run in chosen]
        console = Console()
        if options.list:
            console.print("\n".join(selected))
            return 0
        state = StateFolder.for_checkout(_ROOT)
        # SIGTERM stops the engines as Ctrl-C does.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        with exit_on_error(), Steps(console) as steps:
            if os.geteuid() != 0:
                raise SetupError(f"make {self.target} {self.needs_root_because}. It requires root")
            ensure_test_tools(state, steps, self.tools)
        results: list[Result] = []
        with exclusive_lock(state.path / f"{self.target}.lock"):
            try:
                for run in selected:
                    console.rule(run)
                    results.append(self._test(run, state, options, pytest_arguments))
            finally:
                print_table(console, results)
        return 0 if all(result.is_success for result in results) else 1

    def _test(
        self, run: str, state: StateFolder, options: argparse.Namespace, pytest_arguments: Sequence[str]
    ) -> Result:
        started_at = time.monotonic()
        version = ""
        try:
            with self.start(run, state, options) as engine:
                version = engine.version
                return run_pytest(run, version, engine.environment, select_suites(pytest_arguments, engine.suites))
        except Exception as e:  # noqa: BLE001 - the other engines are tested nevertheless
            traceback.print_exc()
            return Result(run, version, seconds=time.monotonic() - started_at, error=f"{type(e).__name__}: {e}")
