"""`make test-engines`: runs tests/sandbox and tests/adversarial on other versions and configurations of Docker.

    python -m tests.engines [--only NAME,...] [--list] [PYTEST_ARGUMENT...]

The engines have their own sockets, images and containers, create no firewall rules and are stopped at the end. Their
images are copied from the engine of this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.local.state import StateFolder
from tests.engines.suite_command import StartedEngine, SuiteCommand
from tests.engines.suite_engine import SuiteEngine, ensure_root, start_suite_engine
from tests.engines.suite_run import provide_images
from tests.engines.variants import VARIANTS, Variant
from tests.sandbox.engine.version_proxy import version_proxy

_TOOLS = {"mmdebstrap": ("mmdebstrap", "debian-archive-keyring"), "unshare": ("util-linux",)}
# As Docker 29: https://docs.docker.com/engine/release-notes/29/.
_PROXY_OLDEST = (1, 44)
_PROXY_NEWEST = (1, 52)


@contextlib.contextmanager
def _start_engine(name: str, state: StateFolder, options: argparse.Namespace) -> Iterator[StartedEngine]:
    variant = VARIANTS[name]
    data = state.data(f"engine-{variant.suite}{'-containerd' if variant.has_containerd_store else ''}")
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
            yield StartedEngine(version, environment)


@contextlib.contextmanager
def _proxied_host(variant: Variant, engine: SuiteEngine) -> Iterator[str]:
    if not variant.has_proxy:
        yield engine.host
        return
    with tempfile.TemporaryDirectory(prefix="pyxec-", dir="/run") as folder:
        socket = engine.host.removeprefix("unix://")
        with version_proxy(Path(folder), socket, _PROXY_OLDEST, _PROXY_NEWEST) as proxy:
            yield proxy.url


_COMMAND = SuiteCommand(
    target="test-engines",
    description="Tests other versions of Docker.",
    needs_root_because="starts Docker Engines",
    tools=_TOOLS,
    runs={name: [name] for name in VARIANTS},
    start=_start_engine,
)

if __name__ == "__main__":
    sys.exit(_COMMAND.main(_COMMAND.create_parser()))
