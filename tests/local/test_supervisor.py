"""The supervisor with real processes: what dies is started again, and everything stops in order."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from honcho.printer import Printer

from app.local.state import start_ticks
from app.local.supervisor import RestartPolicy, Supervisor

QUICK = RestartPolicy(first_seconds=0.01, ceiling_seconds=0.1, healthy_seconds=60, grace_seconds=5)
ROOT = Path(__file__).parents[2]
# Stays until it is stopped; what it starts dies with it or is cleaned up.
FOREVER = "sleep 1000"


class Screen(io.StringIO):
    """What the supervisor prints; a test can wait for something to appear."""

    async def shows(self, *texts: str, times: int = 1) -> None:
        async with asyncio.timeout(20):
            while any(self.getvalue().count(text) < times for text in texts):
                await asyncio.sleep(0.01)

    def pids(self, name: str) -> list[int]:
        lines = [line for line in self.getvalue().splitlines() if f"| {name} started (pid " in line]
        return [int(line.rpartition(" ")[2].rstrip(")")) for line in lines]


@asynccontextmanager
async def supervised(
    policy: RestartPolicy = QUICK, **commands: str
) -> AsyncIterator[tuple[Screen, Callable[[], asyncio.Future[None]]]]:
    """A running supervisor: its screen, and what stops it."""
    screen = Screen()
    supervisor = Supervisor(commands, os.environ, Printer(screen), policy)
    running = asyncio.ensure_future(supervisor.run())

    def stop() -> asyncio.Future[None]:
        supervisor.stop()
        return running

    yield screen, stop
    await asyncio.wait_for(stop(), 30)


async def gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while start_ticks(pid) is not None:
            await asyncio.sleep(0.01)


async def test_a_process_that_dies_is_started_again_and_the_others_stay() -> None:
    async with supervised(api=FOREVER, worker=FOREVER) as (screen, _):
        await screen.shows("worker started", "api started")
        os.kill(screen.pids("worker")[0], signal.SIGKILL)

        await screen.shows("worker started", times=2)

        assert "worker was killed by SIGKILL" in screen.getvalue()
        assert len(screen.pids("api")) == 1


async def test_each_death_in_a_row_waits_longer_up_to_a_ceiling() -> None:
    async with supervised(api="sh -c 'exit 3'") as (screen, _):
        await screen.shows("api started", times=7)

    waits = [line.rpartition(" in ")[2] for line in screen.getvalue().splitlines() if "starts again" in line]
    assert waits[:6] == ["0.01 s", "0.02 s", "0.04 s", "0.08 s", "0.1 s", "0.1 s"]
    assert "api ended with status 3" in screen.getvalue()


async def test_a_process_that_was_healthy_starts_again_at_once() -> None:
    policy = RestartPolicy(first_seconds=0.01, ceiling_seconds=60, healthy_seconds=0)
    async with supervised(policy, api="true") as (screen, _):
        await screen.shows("api started", times=4)

    waits = {line.rpartition(" in ")[2] for line in screen.getvalue().splitlines() if "starts again" in line}
    assert waits == {"0.01 s"}


async def test_the_api_stops_first_and_the_server_last() -> None:
    async with supervised(server=FOREVER, api=FOREVER, worker=FOREVER, scheduler=FOREVER) as (screen, stop):
        await screen.shows("server started", "api started", "worker started", "scheduler started")
        await stop()

    killed = [line.split("| ")[1].split()[0] for line in screen.getvalue().splitlines() if "was killed" in line]
    assert killed[0] == "api"
    assert set(killed[1:3]) == {"worker", "scheduler"}
    assert killed[3] == "server"


async def test_a_process_that_does_not_stop_in_its_time_is_killed() -> None:
    stubborn = "sh -c 'trap \"\" TERM; echo ready; while :; do sleep 0.1; done'"
    async with supervised(RestartPolicy(grace_seconds=0.2), api=stubborn) as (screen, stop):
        await screen.shows("| ready")
        await stop()

    assert "api did not stop within 0.2 s and was killed" in screen.getvalue()
    await gone(screen.pids("api")[0])


async def test_nothing_of_a_process_group_is_left() -> None:
    family = "sh -c 'sleep 1000 & echo child $!; wait'"
    async with supervised(api=family) as (screen, stop):
        await screen.shows("| child")
        child = int(screen.getvalue().split("| child ")[1].split()[0])
        await stop()

    await gone(child)


async def test_children_of_a_dead_process_do_not_delay_its_restart() -> None:
    orphaning = "sh -c 'sleep 1000 & echo child $!; exit 1'"
    async with supervised(api=orphaning) as (screen, _):
        await screen.shows("| child", times=2)
        child = int(screen.getvalue().split("| child ")[1].split()[0])

        await gone(child)


async def test_a_line_is_printed_under_its_name_and_an_endless_one_is_cut() -> None:
    command = 'sh -c \'echo caf\\303\\251; printf "\\\\377\\n"; head -c 50000 /dev/zero | tr "\\\\0" x; sleep 1000\''
    async with supervised(api=command) as (screen, _):
        await screen.shows("x" * 10000)

    text = screen.getvalue()
    assert "api   | " in text
    assert "\N{REPLACEMENT CHARACTER}" in text


async def test_a_stop_while_everything_starts_is_not_lost() -> None:
    async with supervised(server=FOREVER, api=FOREVER) as (screen, stop):
        await asyncio.wait_for(stop(), 20)

    for pid in (*screen.pids("server"), *screen.pids("api")):
        await gone(pid)


async def test_its_children_die_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text(f"one: {FOREVER}\ntwo: {FOREVER}\n")
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
            await gone(int(line.rpartition(" ")[2].rstrip(")")))
