"""Runs the tests of the sandbox on another engine and counts their results."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import docker
from rich.console import Console
from rich.table import Table

from app.local.console import SetupError
from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from app.sandbox.images.build import ensure_images
from app.sandbox.images.build_context import ImageSources
from app.sandbox.images.catalogue import default_set, load_languages
from app.sandbox.images.docker_build import read_stream_error
from app.sandbox.images.installed import BASE_IMAGE, installed_images

__all__ = ["SUITES", "Result", "exclusive_lock", "print_table", "provide_images", "run_pytest", "select_suites"]

SUITES = ("tests/sandbox", "tests/adversarial")

_ROOT = Path(__file__).resolve().parents[2]
_ENGINE_SECONDS = 600


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


@contextlib.contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Wait for another run: two engines cannot use one data folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def select_suites(arguments: Sequence[str], suites: Sequence[str] = SUITES) -> list[str]:
    """Return the arguments of pytest, with the suites unless one of the arguments is the path of a test."""
    has_path = any((_ROOT / argument.partition("::")[0]).exists() for argument in arguments if argument[:1] != "-")
    return [*arguments, *(() if has_path else suites)]


def provide_images(target: docker.APIClient) -> None:
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


def run_pytest(name: str, version: str, environment: Mapping[str, str], arguments: Sequence[str]) -> Result:
    """Run tests.

    Args:
        name: Name of the engine in the result.
        version: Version of the engine.
        environment: Variables in addition to those of this process.
        arguments: Arguments of pytest.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *arguments]
        with _killed_at_end(subprocess.Popen(command, cwd=_ROOT, env={**os.environ, **environment})) as process:
            exit_code = process.wait()
        if not report.exists():
            return Result(name, version, error=f"pytest ended with exit code {exit_code}")
        (suite,) = ET.parse(report).getroot().iter("testsuite")
    total, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    # A test that fails and whose teardown fails counts twice.
    passed = sum(1 for case in suite.iter("testcase") if len(case) == 0)
    assert total == len(list(suite.iter("testcase")))
    return Result(name, version, passed, failed, skipped, time.monotonic() - started)


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


def print_table(console: Console, results: Sequence[Result]) -> None:
    """Print a row for each result."""
    table = Table("variant", "engine", "passed", "failed", "skipped", "seconds", "")
    for result in results:
        numbers = (str(result.passed), str(result.failed), str(result.skipped), f"{result.seconds:.0f}")
        table.add_row(result.variant, result.engine, *numbers, result.error)
    console.print(table)
