"""`make test-engines`: runs tests/sandbox and tests/adversarial on other versions and configurations of Docker.

    python -m tests.engines [--only NAME,...] [--list] [PYTEST_ARGUMENT...]

The engines have their own sockets, images and containers, create no firewall rules and are stopped at the end. Their
images are copied from the engine of this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
from rich.console import Console
from rich.table import Table

from app.local.console import SetupError, Steps, exit_on_error
from app.local.engine import engine_host
from app.local.state import StateFolder
from app.local.test_tools import ensure_test_tools
from app.sandbox.engine.client import connect_docker
from app.sandbox.images.build import ensure_images
from app.sandbox.images.build_context import ImageSources
from app.sandbox.images.catalogue import default_set, load_languages
from app.sandbox.images.docker_build import read_stream_error
from app.sandbox.images.installed import BASE_IMAGE, installed_images
from tests.engines.suite_engine import SuiteEngine, ensure_root, start_suite_engine
from tests.engines.variants import VARIANTS, Variant
from tests.sandbox.engine.version_proxy import version_proxy

_ROOT = Path(__file__).resolve().parents[2]
_SUITES = ("tests/sandbox", "tests/adversarial")
_TOOLS = {"mmdebstrap": ("mmdebstrap", "debian-archive-keyring"), "unshare": ("util-linux",)}
_ENGINE_SECONDS = 600
# As Docker 29: https://docs.docker.com/engine/release-notes/29/.
_PROXY_OLDEST = (1, 44)
_PROXY_NEWEST = (1, 52)


@dataclass(frozen=True)
class Result:
    """Result of both suites on one engine.

    Attributes:
        engine: Version that the engine reports. Empty if it did not start.
        error: Why the suites did not run. Empty if they ran.
    """

    variant: str
    engine: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    error: str = ""

    @property
    def is_success(self) -> bool:
        return not self.error and not self.failed and self.passed > 0


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
    with _exclusive_lock(state.path / "engines.lock"):
        try:
            for name in names:
                console.rule(name)
                results.append(_test_variant(VARIANTS[name], state, pytest_arguments))
        finally:
            _print_table(console, results)
    return 0 if len(results) == len(names) and all(result.is_success for result in results) else 1


@contextlib.contextmanager
def _exclusive_lock(path: Path) -> Iterator[None]:
    """Wait for another run: two engines cannot use one data folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _test_variant(variant: Variant, state: StateFolder, pytest_arguments: list[str]) -> Result:
    started = time.monotonic()
    data = state.data(f"engine-{variant.suite}{'-containerd' if variant.has_containerd_store else ''}")
    version = ""
    try:
        root = ensure_root(variant.suite, state.path / "engines")
        with start_suite_engine(variant, root, data) as engine:
            version = str(engine.client.version()["Version"])
            _provide_images(engine.client)
            with _proxied_host(variant, engine) as host:
                result = _run_pytest(variant, version, host, engine, pytest_arguments)
    except Exception as e:  # noqa: BLE001 - the other variants are tested nevertheless
        traceback.print_exc()
        return Result(variant.name, version, seconds=time.monotonic() - started, error=f"{type(e).__name__}: {e}")
    return result


def _provide_images(target: docker.APIClient) -> None:
    """Copy the base and the language images that differ from those of this machine; build those that are outdated."""
    with contextlib.closing(connect_docker(engine_host(), _ENGINE_SECONDS)) as source:
        if not target.images(BASE_IMAGE):
            _copy_images(source, target, [BASE_IMAGE])
        existing = {image.tag for image in installed_images(target).values()}
        wanted = [image for image in installed_images(source).values() if image.tag not in existing]
        tags = [tag for image in wanted for tag in (image.tag, f"pyxec/{image.language}:latest")]
        runners = {f"pyxec/runner:{image.runner}" for image in wanted}
        _copy_images(source, target, tags + [tag for tag in sorted(runners) if source.images(tag)])
    languages = default_set(load_languages(_ROOT / "languages"))
    built: set[str] = set()
    ensure_images(
        target,
        languages.values(),
        ImageSources.from_repository(_ROOT),
        lambda event: built.add(event.image) if event.stage == "built" else None,
    )
    Console().print(f"copied: {', '.join(tags) or 'nothing'}; built: {', '.join(sorted(built)) or 'nothing'}")


def _copy_images(source: docker.APIClient, target: docker.APIClient, names: list[str]) -> None:
    """Copy images in one archive, so that common layers are sent once."""
    if not names:
        return
    archive = source.get(
        f"{source.base_url}/v{source.api_version}/images/get", params=[("names", name) for name in names], stream=True
    )
    archive.raise_for_status()
    with archive:
        for message in target.load_image(archive.iter_content(1 << 20)):
            if error := read_stream_error(message):
                raise SetupError(f"the images cannot be loaded: {error}")


@contextlib.contextmanager
def _proxied_host(variant: Variant, engine: SuiteEngine) -> Iterator[str]:
    if not variant.has_proxy:
        yield engine.host
        return
    with tempfile.TemporaryDirectory(prefix="pyxec-", dir="/run") as folder:
        socket = engine.host.removeprefix("unix://")
        with version_proxy(Path(folder), socket, _PROXY_OLDEST, _PROXY_NEWEST) as proxy:
            yield proxy.url


def _run_pytest(variant: Variant, version: str, host: str, engine: SuiteEngine, arguments: list[str]) -> Result:
    environment = {
        **os.environ,
        "DOCKER_HOST": host,
        "PYXEC_CONTAINER_RUNTIME": variant.runtime,
        "PYXEC_TEST_DOCKERD": shlex.join(engine.launcher),
    }
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *select_suites(arguments)]
        with _killed_at_end(subprocess.Popen(command, cwd=_ROOT, env=environment)) as process:
            exit_code = process.wait()
        if not report.exists():
            return Result(variant.name, version, error=f"pytest ended with exit code {exit_code}")
        (suite,) = ET.parse(report).getroot().iter("testsuite")
    total, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    # A test that fails and whose teardown fails counts twice.
    passed = sum(1 for case in suite.iter("testcase") if len(case) == 0)
    assert total == len(list(suite.iter("testcase")))
    return Result(variant.name, version, passed, failed, skipped, time.monotonic() - started)


def select_suites(arguments: list[str]) -> list[str]:
    """Return the arguments of pytest, with both suites unless one of them is the path of a test."""
    has_path = any((_ROOT / argument.partition("::")[0]).exists() for argument in arguments if argument[:1] != "-")
    return arguments if has_path else [*arguments, *_SUITES]


@contextlib.contextmanager
def _killed_at_end(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        if process.poll() is None:
            # pytest stops its fixtures on SIGINT.
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _print_table(console: Console, results: list[Result]) -> None:
    table = Table("variant", "engine", "passed", "failed", "skipped", "seconds", "")
    for result in results:
        numbers = (str(result.passed), str(result.failed), str(result.skipped), f"{result.seconds:.0f}")
        table.add_row(result.variant, result.engine, *numbers, result.error)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
