"""`make test-cgroup2`: runs tests/sandbox and tests/adversarial with cgroup version 2, for both cgroup drivers.

    python -m tests.cgroup2 [--only NAME,...] [--patience N] [--list] [PYTEST_ARGUMENT...]

The engines run in guests with user-mode Linux, which has one slow processor. The tests run on this machine and multiply
their time-outs by PYXEC_TEST_PATIENCE. The images are copied from the engine of this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping

from app.local.state import StateFolder
from app.sandbox.engine.client import connect_docker
from tests.cgroup2.machine import TOOLS, start_machine
from tests.cgroup2.variants import RUNS
from tests.engines.suite_command import StartedEngine, SuiteCommand
from tests.engines.suite_run import provide_images
from tests.patience import VARIABLE

# Containers run at a third of the speed of the machine, and all of them share one processor with the engine.
_DEFAULT_PATIENCE = 3


@contextlib.contextmanager
def _start_engine(name: str, state: StateFolder, options: argparse.Namespace) -> Iterator[StartedEngine]:
    run = RUNS[name]
    with start_machine(run.variant, state.path / "cgroup2", provide_images) as host:
        with contextlib.closing(connect_docker(host)) as client:
            details = client.info()
        version = f"{details['ServerVersion']}, {details['CgroupDriver']}, cgroup v{details['CgroupVersion']}"
        environment = {
            "DOCKER_HOST": host,
            "PYXEC_CONTAINER_RUNTIME": run.variant.runtime,
            VARIABLE: str(options.patience),
        }
        yield StartedEngine(version, environment, run.paths)


def _runs_by_name() -> Mapping[str, list[str]]:
    """Return the runs by their own names and by the names of their engines."""
    runs = {name: [name] for name in RUNS}
    for name, run in RUNS.items():
        runs.setdefault(run.variant.name, []).append(name)
    return runs


_COMMAND = SuiteCommand(
    target="test-cgroup2",
    description="Tests the sandbox with cgroup version 2.",
    needs_root_because="creates network interfaces and mounts in namespaces",
    tools=TOOLS,
    runs=_runs_by_name(),
    start=_start_engine,
)


def main() -> int:
    """Run the selected suites. Return 1 if a test failed or an engine did not start."""
    parser = _COMMAND.create_parser()
    parser.add_argument(
        "--patience", type=float, default=_DEFAULT_PATIENCE, help="factor for the time-outs of the tests"
    )
    return _COMMAND.main(parser)


if __name__ == "__main__":
    sys.exit(main())
