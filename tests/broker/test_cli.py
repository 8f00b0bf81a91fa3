"""The broker with the dramatiq command: several processes, a reload, a shutdown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from app.broker import StreamsBroker
from tests.broker.delivery import message, nothing_left


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def command_line(url: str, namespace: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "dramatiq", "tests.broker.cli_actors", "--processes", "2", "--threads", "2"]
    # A reload searches for "python" on the path.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    settings = {"BROKER_URL": url, "BROKER_NAMESPACE": namespace, "dramatiq_worker_timeout": "200", "PATH": path}
    environment = {**os.environ, **settings}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    yield process
    if process.poll() is None:
        process.terminate()
    process.wait(20)


def enqueue_and_wait(broker: StreamsBroker, client: redis.Redis, numbers: range) -> set[bytes]:
    """Return the ids of the processes that ran the messages."""
    broker.enqueue_many(message(number, actor="note") for number in numbers)
    key, deadline = f"{broker.keys('default').tag}:notes", time.monotonic() + 20
    while client.llen(key) < numbers.stop:
        assert time.monotonic() < deadline, "not all were run"
        time.sleep(0.02)
    notes = [note.split(b":") for note in client.lrange(key, 0, -1)]
    assert sorted(int(number) for number, _ in notes) == list(range(numbers.stop))
    return {pid for number, pid in notes if int(number) in numbers}


def wait_until_booted(log: Path, times: int) -> None:
    deadline = time.monotonic() + 20
    while log.read_text().count("is booting up.") < times:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


def test_command_line_reload_and_shutdown_run_each_message_once(
    broker: StreamsBroker, client: redis.Redis, command_line: subprocess.Popen[bytes], log: Path
) -> None:
    wait_until_booted(log, 1)
    old = enqueue_and_wait(broker, client, range(200))

    # Enqueue batches until only new processes run them
    command_line.send_signal(signal.SIGHUP)
    first = 200
    while old & enqueue_and_wait(broker, client, range(first, first + 20)):
        first += 20
    wait_until_booted(log, 2)
    command_line.terminate()

    assert command_line.wait(20) == 0, log.read_text()
    assert nothing_left(broker)
    for stream in broker.keys("default").streams:
        assert client.xinfo_consumers(stream, "workers") == []
