"""`make test-engines`: runs tests/sandbox and tests/adversarial on other versions and configurations of Docker.

    python -m tests.engines [--only NAME,...] [--list] [PYTEST_ARGUMENT...]

The engines have their own sockets, images and containers, create no firewall rules and are stopped at the end. Their
images are copied from the engine of this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from app.local.console import SetupError, Steps, exit_on_error
from app.local.state import StateFolder
from app.local.test_tools import ensure_test_tools
from tests.engines.suite_engine import SuiteEngine, ensure_root, start_suite_engine
from tests.engines.suite_run import (
    Result,
    exclusive_lock,
    print_table,
    provide_images,
    run_pytest,
    select_suites,
)
from tests.engines.variants import VARIANTS, Variant
from tests.sandbox.engine.version_proxy import version_proxy

_ROOT = Path(__file__).resolve().parents[2]
_TOOLS = {"mmdebstrap": ("mmdebstrap", "debian-archive-keyring"), "unshare": ("util-linux",)}
# As Docker 29: https://docs.docker.com/engine/release-notes/29/.
_PROXY_OLDEST = (1, 44)
_PROXY_NEWEST = (1, 52)


def main() -> int:
    """Test the selected variants one after another. Return 1 if a test failed or an engine did not start."""
    parser = argparse.ArgumentParser(prog="make test-engines", description="Tests other versions of Docker.")
    parser.add_argument("--only", default="", metavar="NAME,...", help="names of variants")
    parser.add_argument("--list", action="store_true", help="only print the names")
    options, pytest_arguments = parser.parse_known_args()
    names = [name for name in options.only.split(",") if name] or list(VARIANTS)
    console = Console()
    if unknown := [name for name in names if name not in VARIANTS]:
        parser.error(f"--only: {', '.join(unknown)}: must be one of {', '.join(VARIANTS)}")
    if options.list:
        console.print("\n".join(names))
        return 0
    state = StateFolder.for_checkout(_ROOT)
    # SIGTERM stops the engines as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with exit_on_error(), Steps(console) as steps:
        if os.geteuid() != 0:
            raise SetupError("make test-engines starts Docker Engines. It requires root")
        ensure_test_tools(state, steps, _TOOLS)
    results: list[Result] = []
    with exclusive_lock(state.path / "engines.lock"):
        try:
            for name in names:
                console.rule(name)
                results.append(_test_variant(VARIANTS[name], state, pytest_arguments))
        finally:
            print_table(console, results)
    return 0 if len(results) == len(names) and all(result.is_success for result in results) else 1


def _test_variant(variant: Variant, state: StateFolder, pytest_arguments: list[str]) -> Result:
    started = time.monotonic()
    data = state.data(f"engine-{variant.suite}{'-containerd' if variant.has_containerd_store else ''}")
    version = ""
    try:
        root = ensure_root(variant.suite, state.path / "engines")
        with start_suite_engine(variant, root, data) as engine:
            version = str(engine.client.version()["Version"])
            provide_images(engine.client)
            with _proxied_host(variant, engine) as host:
                environment = {
                    "DOCKER_HOST": host,
                    "PYXEC_CONTAINER_RUNTIME": variant.runtime,
                    "PYXEC_TEST_DOCKERD": shlex.join(engine.launcher),
                }
                result = run_pytest(variant.name, version, environment, select_suites(pytest_arguments))
    except Exception as e:  # noqa: BLE001 - the other variants are tested nevertheless
        traceback.print_exc()
        return Result(variant.name, version, seconds=time.monotonic() - started, error=f"{type(e).__name__}: {e}")
    return result


@contextlib.contextmanager
def _proxied_host(variant: Variant, engine: SuiteEngine) -> Iterator[str]:
    if not variant.has_proxy:
        yield engine.host
        return
    with tempfile.TemporaryDirectory(prefix="pyxec-", dir="/run") as folder:
        socket = engine.host.removeprefix("unix://")
        with version_proxy(Path(folder), socket, _PROXY_OLDEST, _PROXY_NEWEST) as proxy:
            yield proxy.url


if __name__ == "__main__":
    sys.exit(main())
