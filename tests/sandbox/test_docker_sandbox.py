"""The sandbox as the worker sees it: every language, many jobs at once, and a worker that is killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sandbox.arena import LANGUAGES, Arena, eventually, job, open_arena

pytestmark = pytest.mark.docker

DEFAULT_SET = ["bash", "c", "cpp", "javascript", "python"]


@pytest.mark.parametrize("language", DEFAULT_SET)
def test_a_languages_own_example_prints_what_it_says(arena: Arena, language: str) -> None:
    hello = LANGUAGES[language].hello

    ran = arena.run(job(language, hello.source, wall_seconds=20))

    assert (ran.outcome, ran.text) == ("ok", hello.output)


def test_what_is_installed_is_told_with_its_image_and_the_version_in_it(arena: Arena) -> None:
    installed = {info.id: info for info in arena.sandbox.installed()}

    assert set(DEFAULT_SET) <= set(installed)
    assert all(info.version for info in installed.values())
    assert all((info.image or "").startswith(f"pyxec/{info.id}:") for info in installed.values())
    assert all((info.image_bytes or 0) > 1_000_000 for info in installed.values())


def test_many_jobs_at_once_each_get_their_own_output_and_leave_nothing() -> None:
    # Given a small pool and more jobs at once than it has containers
    with open_arena(pool_floor=1, pool_ceiling=2) as busy:
        threads = threading.active_count()
        with ThreadPoolExecutor(4) as workers:
            running = [workers.submit(busy.run, job("bash", f"sleep 0.1; echo {n}; exit {n}")) for n in range(24)]
            ended = [future.result() for future in running]

        assert [(ran.text, ran.last.exit_code) for ran in ended] == [(f"{n}\n", n) for n in range(24)]
        assert eventually(
            lambda: len(busy.containers()) == sum(pool.idle for pool in busy.sandbox.pool_stats().values())
        )
        assert threading.active_count() <= threads

    assert eventually(lambda: busy.containers() == [])


def test_the_containers_of_a_worker_that_is_killed_end_by_themselves(arena: Arena) -> None:
    with open_arena(pool_floor=0, pool_ceiling=0) as empty:
        # Given a worker with a container that waits and one whose program ignores every signal
        root = Path(__file__).parents[2]
        command = [sys.executable, "-m", "tests.sandbox.victim_worker", empty.namespace]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as worker:
            assert worker.stdout is not None
            assert any(line == "up\n" for line in worker.stdout)
            assert len(empty.containers()) == 2

            worker.kill()

        assert eventually(lambda: empty.containers() == [])
