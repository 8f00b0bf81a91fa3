"""The supervisor with real processes: restarts, the order of the stop, process groups and the rotated log."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from honcho.printer import Printer

from app.local.state import read_start_ticks
from app.local.supervisor import RestartPolicy, RotatingLog, Supervisor

QUICK = RestartPolicy(first_seconds=0.01, max_seconds=0.1, healthy_seconds=60, grace_seconds=5)
ROOT = Path(__file__).parents[2]
FOREVER = "sleep 1000"


class Output(io.StringIO):
    """The output of the supervisor."""

    async def wait_for(self, *texts: str, times: int = 1) -> None:
        async with asyncio.timeout(20):
            while any(self.getvalue().count(text) < times for text in texts):
                await asyncio.sleep(0.01)

    def pids(self, name: str) -> list[int]:
        lines = [line for line in self.getvalue().splitlines() if f"| {name} started (pid " in line]
        return [int(line.rpartition(" ")[2].rstrip(")")) for line in lines]


@asynccontextmanager
async def supervised(
    policy: RestartPolicy = QUICK, **commands: str
) -> AsyncIterator[tuple[Output, Callable[[], asyncio.Future[None]]]]:
    """Run a supervisor. Yield its output and a function that stops it."""
    output = Output()
    supervisor = Supervisor(commands, os.environ, Printer(output), policy)
    running = asyncio.ensure_future(supervisor.run())

    def stop() -> asyncio.Future[None]:
        supervisor.stop()
        return running

    yield output, stop
    await asyncio.wait_for(stop(), 30)


async def wait_for_exit(pid: int) -> None:
    async with asyncio.timeout(20):
        while read_start_ticks(pid) is not None:
            await asyncio.sleep(0.01)


async def test_supervisor_restarts_only_the_process_that_exited() -> None:
    async with supervised(api=FOREVER, worker=FOREVER) as (output, _):
        await output.wait_for("worker started", "api started")
        os.kill(output.pids("worker")[0], signal.SIGKILL)

        await output.wait_for("worker started", times=2)

        assert "worker was killed by SIGKILL" in output.getvalue()
        assert len(output.pids("api")) == 1


async def test_restart_delay_doubles_up_to_the_maximum() -> None:
    async with supervised(api="sh -c 'exit 3'") as (output, _):
        await output.wait_for("api started", times=7)

    waits = [line.rpartition(" in ")[2] for line in output.getvalue().splitlines() if "restarts in" in line]
    assert waits[:6] == ["0.01 s", "0.02 s", "0.04 s", "0.08 s", "0.1 s", "0.1 s"]
    assert "api exited with status 3" in output.getvalue()


async def test_restart_delay_starts_over_after_a_healthy_run() -> None:
    policy = RestartPolicy(first_seconds=0.01, max_seconds=60, healthy_seconds=0)
    async with supervised(policy, api="true") as (output, _):
        await output.wait_for("api started", times=4)

    waits = {line.rpartition(" in ")[2] for line in output.getvalue().splitlines() if "restarts in" in line}
    assert waits == {"0.01 s"}


async def test_supervisor_stops_the_api_first_and_the_server_last() -> None:
    async with supervised(server=FOREVER, api=FOREVER, worker=FOREVER, scheduler=FOREVER) as (output, stop):
        await output.wait_for("server started", "api started", "worker started", "scheduler started")
        await stop()

    killed = [line.split("| ")[1].split()[0] for line in output.getvalue().splitlines() if "was killed" in line]
    assert killed[0] == "api"
    assert set(killed[1:3]) == {"worker", "scheduler"}
    assert killed[3] == "server"


async def test_supervisor_kills_a_process_that_ignores_sigterm() -> None:
    stubborn = "sh -c 'trap \"\" TERM; echo ready; while :; do sleep 0.1; done'"
    async with supervised(RestartPolicy(grace_seconds=0.2), api=stubborn) as (output, stop):
        await output.wait_for("| ready")
        await stop()

    assert "api did not stop within 0.2 s and was killed" in output.getvalue()
    await wait_for_exit(output.pids("api")[0])


async def test_restart_applies_new_commands_and_settings_to_the_named_processes() -> None:
    output = Output()
    commands = dict.fromkeys(("server", "worker", "api"), "sh -c 'echo value $VALUE; exec sleep 1000'")
    supervisor = Supervisor(commands, {**os.environ, "VALUE": "1"}, Printer(output), QUICK)
    running = asyncio.ensure_future(supervisor.run())
    await output.wait_for("| value 1", times=3)

    changed = {**commands, "worker": "sh -c 'echo new value $VALUE; exec sleep 1000'"}
    await supervisor.restart(["worker", "api"], changed, {**os.environ, "VALUE": "2"})

    await output.wait_for("worker | new value 2", "api    | value 2")
    assert len(output.pids("server")) == 1
    supervisor.stop()
    await asyncio.wait_for(running, 30)


async def test_restart_ends_when_the_supervisor_is_stopped() -> None:
    output = Output()
    supervisor = Supervisor({"worker": FOREVER}, os.environ, Printer(output), RestartPolicy(first_seconds=60))
    running = asyncio.ensure_future(supervisor.run())
    await output.wait_for("worker started")

    restart = asyncio.ensure_future(supervisor.restart(["worker"], {"worker": FOREVER}, os.environ))
    await output.wait_for("restarts in 60 s")
    supervisor.stop()

    await asyncio.wait_for(restart, 10)
    await asyncio.wait_for(running, 30)


async def test_supervisor_stops_the_children_of_its_processes() -> None:
    family = "sh -c 'sleep 1000 & echo child $!; wait'"
    async with supervised(api=family) as (output, stop):
        await output.wait_for("| child")
        child = int(output.getvalue().split("| child ")[1].split()[0])
        await stop()

    await wait_for_exit(child)


async def test_supervisor_stops_the_children_of_a_process_that_exited() -> None:
    orphaning = "sh -c 'sleep 1000 & echo child $!; exit 1'"
    async with supervised(api=orphaning) as (output, _):
        await output.wait_for("| child", times=2)
        child = int(output.getvalue().split("| child ")[1].split()[0])

        await wait_for_exit(child)


async def test_supervisor_prints_lines_with_the_name_and_splits_long_ones() -> None:
    command = 'sh -c \'echo caf\\303\\251; printf "\\\\377\\n"; head -c 50000 /dev/zero | tr "\\\\0" x; sleep 1000\''
    async with supervised(api=command) as (output, _):
        await output.wait_for("x" * 10000)

    text = output.getvalue()
    assert "api   | " in text
    assert "\N{REPLACEMENT CHARACTER}" in text


async def test_supervisor_stops_processes_that_are_starting() -> None:
    async with supervised(server=FOREVER, api=FOREVER) as (output, stop):
        await asyncio.wait_for(stop(), 20)

    for pid in (*output.pids("server"), *output.pids("api")):
        await wait_for_exit(pid)


async def test_processes_exit_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text(f"first: {FOREVER}\nsecond: {FOREVER}\n")
    log = tmp_path / "log"
    with (
        log.open("w") as sink,
        subprocess.Popen(
            [sys.executable, "-m", "app.local.supervisor"],
            cwd=tmp_path,
            stdout=sink,
            stderr=sink,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as supervisor,
    ):
        async with asyncio.timeout(20):
            while log.read_text().count("started (pid ") < 2:
                await asyncio.sleep(0.05)
        supervisor.kill()

    for line in log.read_text().splitlines():
        if "started (pid " in line:
            await wait_for_exit(int(line.rpartition(" ")[2].rstrip(")")))


def read_lines(folder: Path) -> list[str]:
    """Return the lines of all log files, the oldest first."""
    files = [*sorted(folder.glob("pyxec.log.*"), reverse=True), folder / "pyxec.log"]
    return [line for file in files for line in file.read_text().splitlines()]


def ends_with(file: Path, text: bytes) -> bool:
    with suppress(FileNotFoundError):  # the file does not exist for a moment during the rotation
        return file.read_bytes().endswith(text)
    return False


def test_rotating_log_keeps_every_line_across_files(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "pyxec.log", max_bytes=1000)

    for number in range(300):
        print(f"line {number}", file=log, flush=True)
    log.close()

    assert read_lines(tmp_path) == [f"line {number}" for number in range(300)]
    assert (tmp_path / "pyxec.log.1").stat().st_size <= 1000


def test_rotating_log_deletes_the_oldest_file(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "pyxec.log", max_bytes=1000, kept=2)

    for number in range(1000):
        print(f"line {number}", file=log, flush=True)
    log.close()

    kept = read_lines(tmp_path)
    assert kept == [f"line {number}" for number in range(1000 - len(kept), 1000)]
    assert {file.name for file in tmp_path.iterdir()} == {"pyxec.log", "pyxec.log.1", "pyxec.log.2"}


def test_rotating_log_redirects_descriptors_to_the_new_file(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "elsewhere", os.O_CREAT | os.O_WRONLY)
    log = RotatingLog(tmp_path / "pyxec.log", descriptors=[descriptor], max_bytes=100)

    os.write(descriptor, b"before\n")
    print("x" * 99, file=log, flush=True)
    os.write(descriptor, b"after\n")
    os.close(descriptor)
    log.close()

    assert (tmp_path / "pyxec.log.1").read_text() == "before\n"
    assert (tmp_path / "pyxec.log").read_text().endswith("x\nafter\n")


def test_rotating_log_ignores_a_full_disk(capfd: pytest.CaptureFixture[str]) -> None:
    log = RotatingLog(Path("/dev/full"))

    print("a line", file=log, flush=True)

    assert capfd.readouterr().err == ""


def test_supervisor_rotates_the_log_of_a_verbose_process(tmp_path: Path) -> None:
    # Three files cannot contain 70 MB.
    verbose = "sh -c 'head -c 70000000 /dev/zero | tr \"\\0\" x | fold -w 10000; echo; echo done; exec sleep 1000'"
    (tmp_path / "Procfile").write_text(f"verbose: {verbose}\n")
    log = tmp_path / "pyxec.log"
    with subprocess.Popen(
        [sys.executable, "-m", "app.local.supervisor", "--log", log],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as supervisor:
        try:
            deadline = time.monotonic() + 60
            while not ends_with(log, b"| done\n"):
                assert time.monotonic() < deadline
                time.sleep(0.1)
        finally:
            supervisor.terminate()

    assert {file.name for file in tmp_path.glob("pyxec.log*")} == {"pyxec.log", *(f"pyxec.log.{n}" for n in (1, 2, 3))}
    assert all(file.stat().st_size <= 20 * 2**20 for file in tmp_path.glob("pyxec.log*"))
    assert log.read_text().splitlines()[-1].endswith("| verbose was killed by SIGTERM")
