"""Jobs on an engine that refuses to change the limits of a running container, or kills the container when it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest

from app.core.errors import EngineUnavailable, InfrastructureError, SandboxUnavailable
from app.core.job.job_input import Input, InputKind
from app.core.job.spec import Invocation, JobSpec, TerminalSize
from app.core.judging.cases import CaseSpec
from app.sandbox.cells.cell import Cell
from app.sandbox.engine.client import Engine
from app.sandbox.engine.errors import UpdateRefused
from tests.sandbox.in_memory_inbox import InMemoryInbox
from tests.sandbox.sandbox_fixture import (
    ENGINE_SECONDS,
    ENGINE_URL,
    MIB,
    RecordingSink,
    SandboxFixture,
    eventually,
    execute_as_root,
    job,
    open_sandbox_fixture,
)
from tests.sandbox.test_pool import SHOW_LIMITS, idle, idle_ids
from tests.sandbox.test_resources import ECHO, FORK

pytestmark = pytest.mark.docker

ISOLATIONS = ("container",)


class RefusingEngine(Engine):
    """Refuses every update, as crun 1.8 with Engine 20.10 does on cgroup v2."""

    def update_container(self, container_id: str, body: dict[str, int]) -> bool:
        raise UpdateRefused("cannot set kernel memory with cgroupv2")


class FullHostEngine(RefusingEngine):
    """Launches one container; then the disk of its host is full."""

    is_full = False

    def create_container(self, body: dict[str, Any]) -> str:
        if self.is_full:
            raise EngineUnavailable("no space left on device")
        self.is_full = True
        return super().create_container(body)


class SilentEngine(Engine):
    """Does not answer updates."""

    def update_container(self, container_id: str, body: dict[str, int]) -> bool:
        raise EngineUnavailable("no answer")


class KillingEngine(Engine):
    """Kills the runner at each update, as the kernel does if the memory limit is lower than the usage on cgroup v2.

    Attributes:
        fails: Whether the update then fails, as with runc and the systemd driver.
    """

    fails = True

    def update_container(self, container_id: str, body: dict[str, int]) -> bool:
        pid = self.docker_client.inspect_container(container_id)["State"]["Pid"]
        execute_as_root(self, "host", f"kill -KILL {pid}")
        if self.fails:
            raise UpdateRefused("openat2 /sys/fs/cgroup/system.slice/docker-c.scope: no such file or directory")
        return True


@pytest.fixture
def refusing() -> Iterator[SandboxFixture]:
    with open_sandbox_fixture(0, 0, RefusingEngine(ENGINE_URL, ENGINE_SECONDS)) as opened:
        yield opened
        assert eventually(lambda: opened.containers() == [])


@pytest.mark.parametrize("fails", [True, False])
def test_container_killed_by_a_lower_memory_limit_is_a_memory_limit(fails: bool) -> None:
    engine = KillingEngine(ENGINE_URL, ENGINE_SECONDS)
    engine.fails = fails
    sink = RecordingSink()
    with open_sandbox_fixture(0, 0, engine) as killing:
        result = killing.run(job("c", ECHO, memory_bytes=32 * MIB), sink)

        assert result.outcome == "memory_limit"
        assert sink.phases == [phase.name for phase in result.phases] == ["compile", "run"]
        assert (result.last.memory_peak_bytes, result.last.oom_kills) == (32 * MIB, 1)
        assert eventually(lambda: killing.containers() == [])


def test_job_continues_in_another_cell_when_the_host_has_neither_cgroups_for_jobs_nor_updates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Cell, "cgroup_version", 0)
    engine = RefusingEngine(ENGINE_URL, ENGINE_SECONDS)
    with open_sandbox_fixture(0, 0, engine, isolation="cell") as refusing:
        result = refusing.run(job("c", ECHO, memory_bytes=48 * MIB, stdin=b"input"))

        assert (result.outcome, result.text) == ("ok", "input")
        assert eventually(lambda: len(refusing.containers()) <= 1)


def test_idle_container_is_replaced_when_its_update_is_refused() -> None:
    with open_sandbox_fixture(1, 1, RefusingEngine(ENGINE_URL, ENGINE_SECONDS)) as warm:
        assert eventually(lambda: idle(warm.container_sandbox._pool) == 1, within_seconds=30)
        idle_before = idle_ids(warm)

        result = warm.run(job("bash", SHOW_LIMITS, memory_bytes=48 * MIB, processes=20))

        assert result.text.split() == [str(48 * MIB), "21"]
        assert eventually(lambda: not idle_before & set(warm.containers()))


@pytest.mark.parametrize("engine_class", [FullHostEngine, SilentEngine])
def test_guarantee_3_host_that_cannot_provide_the_container_of_a_program_is_reported(
    engine_class: type[Engine],
) -> None:
    sink = RecordingSink()
    with open_sandbox_fixture(0, 0, engine_class(ENGINE_URL, ENGINE_SECONDS)) as failing:
        with pytest.raises(SandboxUnavailable):
            failing.run(job("c", FORK, processes=1), sink)

        assert sink.phases == ["compile"]
        assert eventually(lambda: failing.containers() == [])


def test_program_gets_its_limits_in_another_container(refusing: SandboxFixture) -> None:
    sink = RecordingSink()

    result = refusing.run(job("c", FORK, processes=1), sink)

    assert (result.outcome, result.text) == ("ok", "0 and no more\n")
    assert sink.phases == [phase.name for phase in result.phases] == ["compile", "run"]


def test_program_in_another_container_gets_all_of_its_stdin(refusing: SandboxFixture) -> None:
    data = b"one line\n" * 50_000

    result = refusing.run(job("c", ECHO, stdin=data, processes=1))

    assert (result.outcome, result.stdout) == ("ok", data)


def test_every_test_runs_in_the_other_container(refusing: SandboxFixture) -> None:
    spec = job("c", ECHO, processes=1)
    cases = [
        CaseSpec(name=name, stdin=name.encode(), args=(), expected_output=None, limits=spec.limits) for name in "abc"
    ]

    result = refusing.run(msgspec.structs.replace(spec, tests=tuple(cases)))

    assert (result.outcome, result.text) == ("ok", "abc")
    assert [phase.test for phase in result.phases[1:]] == ["a", "b", "c"]


def test_interactive_program_in_another_container_gets_its_input(
    refusing: SandboxFixture, inbox: InMemoryInbox
) -> None:
    source = """
    #include <stdio.h>
    #include <sys/ioctl.h>
    int main(void) {
        struct winsize size;
        char word[9];
        scanf("%8s", word);
        ioctl(1, TIOCGWINSZ, &size);
        printf("%s %d %d\\n", word, size.ws_row, size.ws_col);
    }
    """
    spec = msgspec.structs.replace(job("c", source, processes=1, interactive=True), tty=TerminalSize())
    inbox.put(Input(InputKind.RESIZE, TerminalSize(rows=30, cols=100).pack()))
    inbox.put(Input(InputKind.STDIN, b"hello\n"))

    result = refusing.run(spec, inbox=inbox)

    assert result.outcome == "ok"
    assert result.text.splitlines()[-1] == "hello 30 100"


def compiled_by_shell(compile_script: str, run_script: str) -> JobSpec:
    """Return a job whose compile phase is a shell script."""
    invocation = Invocation(compile=("/bin/sh", "-c", compile_script), run=("/bin/sh", "-c", run_script))
    spec = job("bash", "echo source", files={".hidden": b"hidden"}, processes=5, memory_bytes=32 * MIB)
    return msgspec.structs.replace(spec, invocation=invocation, artifacts=("*.txt",))


def test_all_compiled_files_are_moved_and_only_requested_ones_are_artifacts(refusing: SandboxFixture) -> None:
    make = "mkdir -p a/b; for i in $(seq 200); do echo $i > a/b/$i; done; printf '#!/bin/sh\necho ran' > tool"

    result = refusing.run(compiled_by_shell(make, "ls a/b | wc -l; cat .hidden; ./tool; echo x > out.txt"))

    assert (result.outcome, result.text) == ("ok", "200\nhiddenran\n")
    assert [artifact.name for artifact in result.artifacts] == ["out.txt"]


@pytest.mark.parametrize("make", ["for i in $(seq 300); do echo > $i; done", "echo > \"$(printf '\\377')\""])
def test_compiled_files_that_cannot_be_moved_are_an_infrastructure_error(refusing: SandboxFixture, make: str) -> None:
    with pytest.raises(InfrastructureError, match="cannot change the limits of the container"):
        refusing.run(compiled_by_shell(make, "true"))


def test_cancel_prevents_the_other_container(refusing: SandboxFixture) -> None:
    with closing(InMemoryInbox()) as inbox:
        sink = RecordingSink(lambda sink: inbox.put(Input(InputKind.CANCEL)))

        report = refusing.container_sandbox.run(
            "j", 1, compiled_by_shell("echo made > a.txt; echo up; sleep 60", "echo never"), sink, inbox
        )

    assert [phase.stopped_by.value for phase in report.phases] == ["cancelled"]
    assert report.artifacts == ()
