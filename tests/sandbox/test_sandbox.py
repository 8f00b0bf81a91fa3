"""The container sandbox: its languages, concurrent jobs, and a worker that is killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sandbox.sandbox_fixture import LANGUAGES, SandboxFixture, eventually, job, open_sandbox_fixture

pytestmark = pytest.mark.docker

DEFAULT_SET = ["bash", "c", "cpp", "javascript", "python"]


@pytest.mark.parametrize("language", DEFAULT_SET)
def test_hello_program_prints_its_output(sandbox: SandboxFixture, language: str) -> None:
    hello = LANGUAGES[language].hello

    result = sandbox.run(job(language, hello.source, wall_seconds=20))

    assert (result.outcome, result.text) == ("ok", hello.output)


def test_installed_languages_have_version_and_image(sandbox: SandboxFixture) -> None:
    installed = {info.id: info for info in sandbox.container_sandbox.installed()}

    assert set(DEFAULT_SET) <= set(installed)
    assert all(info.version for info in installed.values())
    assert all((info.image or "").startswith(f"pyxec/{info.id}:") for info in installed.values())
    assert all((info.image_bytes or 0) > 1_000_000 for info in installed.values())


def test_concurrent_jobs_get_their_own_output_and_leave_no_container() -> None:
    with open_sandbox_fixture(pool_floor=1, pool_ceiling=2) as busy:
        threads = threading.active_count()
        with ThreadPoolExecutor(4) as workers:
            running = [workers.submit(busy.run, job("bash", f"sleep 0.1; echo {n}; exit {n}")) for n in range(24)]
            ended = [future.result() for future in running]

        assert [(result.text, result.last.exit_code) for result in ended] == [(f"{n}\n", n) for n in range(24)]
        assert eventually(lambda: len(busy.containers()) == busy.count_idle())
        assert threading.active_count() <= threads

    assert eventually(lambda: busy.containers() == [])


def test_containers_end_when_their_worker_is_killed(sandbox: SandboxFixture) -> None:
    with open_sandbox_fixture(pool_floor=0, pool_ceiling=0) as empty:
        # The worker has an idle container and one whose program ignores all signals
        root = Path(__file__).parents[2]
        command = [sys.executable, "-m", "tests.sandbox.victim_worker", empty.namespace]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as worker:
            assert worker.stdout is not None
            assert any(line == "up\n" for line in worker.stdout)
            assert len(empty.containers()) == 2

            worker.kill()

        assert eventually(lambda: empty.containers() == [])
