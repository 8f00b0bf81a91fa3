"""The pool of idle containers, mostly with containers on the engine of this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from app.core.errors import EngineUnavailable
from app.sandbox import language_pool as language_pool_module
from app.sandbox import pool as pool_module
from app.sandbox.container import Container
from app.sandbox.host_memory import HostMemory
from app.sandbox.pool import Pool
from tests.patience import patient
from tests.sandbox.sandbox_fixture import SandboxFixture, eventually, job, open_sandbox_fixture

pytestmark = pytest.mark.docker

ISOLATIONS = ("container",)

# The files of both cgroup versions; those of the other version do not exist.
SHOW_LIMITS = (
    "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>&-;"
    "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>&-; true"
)


@contextmanager
def running(pool: Pool) -> Iterator[Pool]:
    pool.start()
    try:
        yield pool
    finally:
        pool.stop()


@pytest.fixture
def bash_pool(sandbox: SandboxFixture) -> Iterator[Callable[[int, int], Pool]]:
    """Starts a pool of bash containers with a floor and a ceiling."""
    with ExitStack() as stack:
        yield lambda floor, ceiling: stack.enter_context(
            running(Pool(sandbox.launch, lambda: ["bash"], floor, ceiling))
        )
    assert eventually(lambda: sandbox.containers() == [])


def idle(pool: Pool, language: str = "bash") -> int:
    stats = pool.stats().get(language)
    return 0 if stats is None else stats.idle


def idle_ids(sandbox: SandboxFixture) -> set[str]:
    return {container.id for container in sandbox.container_sandbox._pool._languages["bash"]._idle}


def use(pool: Pool, times: int) -> None:
    """Simulate jobs that take a container and end immediately."""
    for _ in range(times):
        if (taken := pool.take("bash")) is not None:
            taken.close()
        pool.refill()


class FakeMemory(HostMemory):
    """Host memory whose state the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.low = self.critical = False

    def is_low(self) -> bool:
        return self.low

    def is_critical(self) -> bool:
        return self.critical


def test_pool_fills_to_its_floor(sandbox: SandboxFixture, bash_pool: Callable[[int, int], Pool]) -> None:
    pool = bash_pool(2, 3)

    assert eventually(lambda: idle(pool) == 2)
    assert len(sandbox.containers()) == 2


def test_pool_grows_with_use_up_to_the_ceiling(bash_pool: Callable[[int, int], Pool]) -> None:
    pool = bash_pool(1, 3)
    assert eventually(lambda: idle(pool) == 1)

    use(pool, times=1)

    assert eventually(lambda: idle(pool) == 2)

    use(pool, times=60)

    assert eventually(lambda: idle(pool) == 3)
    assert pool.stats()["bash"].target == 3


def test_pool_fills_after_unexpected_errors(sandbox: SandboxFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.05)
    faults = iter([TypeError("list of images"), None, None])
    launch_faults = iter([TypeError("launch")])

    def list_installed() -> list[str]:
        if fault := next(faults, None):
            raise fault
        return ["bash"]

    def launch(language: str) -> Container:
        if fault := next(launch_faults, None):
            raise fault
        return sandbox.launch(language)

    with running(Pool(launch, list_installed, 1, 1)) as pool:
        assert eventually(lambda: idle(pool) == 1)
    assert eventually(lambda: sandbox.containers() == [])


def test_pool_refills_while_the_job_still_runs(bash_pool: Callable[[int, int], Pool]) -> None:
    pool = bash_pool(1, 1)
    assert eventually(lambda: idle(pool) == 1)

    taken = pool.take("bash")  # without a call of refill()

    assert taken is not None
    # Sooner than the regular check, which runs every 5 seconds
    assert eventually(lambda: idle(pool) == 1, within_seconds=3)
    taken.close()


def test_take_skips_a_container_that_has_ended(sandbox: SandboxFixture, bash_pool: Callable[[int, int], Pool]) -> None:
    pool = bash_pool(2, 2)
    assert eventually(lambda: idle(pool) == 2)
    oldest = min(sandbox.containers(), key=lambda container_id: sandbox.inspect(container_id)["Created"])
    sandbox.engine.remove_container(oldest)

    def take_next() -> Container:
        taken = pool.take("bash")
        assert taken is not None
        return taken

    taken = take_next()

    assert taken.id != oldest
    assert taken.is_alive()
    taken.close()


def test_idle_container_is_replaced_before_its_runner_exits(
    sandbox: SandboxFixture, bash_pool: Callable[[int, int], Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.05)
    pool = bash_pool(1, 1)
    assert eventually(lambda: idle(pool) == 1)
    (first,) = sandbox.containers()

    # When the container is as old as a runner may be idle
    monkeypatch.setattr("app.sandbox.container.MAX_IDLE_SECONDS", 0.0)
    assert eventually(lambda: idle(pool) == 0)
    monkeypatch.undo()

    assert eventually(lambda: idle(pool) == 1)
    assert eventually(lambda: len(sandbox.containers()) == 1)
    assert first not in sandbox.containers()


def test_ended_container_is_replaced(
    sandbox: SandboxFixture, bash_pool: Callable[[int, int], Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.2)
    pool = bash_pool(1, 1)
    assert eventually(lambda: idle(pool) == 1)
    (first,) = sandbox.containers()

    sandbox.engine.remove_container(first)

    assert eventually(lambda: len(sandbox.containers()) == 1 and sandbox.containers() != [first] and idle(pool) == 1)


def test_pool_shrinks_when_the_language_is_no_longer_in_use(
    sandbox: SandboxFixture, bash_pool: Callable[[int, int], Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.2)
    pool = bash_pool(1, 3)
    use(pool, times=60)
    assert eventually(lambda: idle(pool) == 3)

    monkeypatch.setattr(language_pool_module, "IN_USE_SECONDS", 0.0)

    assert eventually(lambda: idle(pool) == 1)
    assert eventually(lambda: len(sandbox.containers()) == 1)


def test_pool_closes_containers_whose_image_was_removed(
    sandbox: SandboxFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.2)
    languages = ["bash"]
    with running(Pool(sandbox.launch, lambda: languages, 1, 1)) as pool:
        assert eventually(lambda: idle(pool) == 1)

        languages.clear()

        assert eventually(lambda: idle(pool) == 0)
        assert eventually(lambda: sandbox.containers() == [])


def test_pool_keeps_containers_when_images_cannot_be_listed(
    sandbox: SandboxFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.05)
    rounds = 0

    def languages() -> list[str]:
        nonlocal rounds
        rounds += 1
        if rounds > 1:
            raise EngineUnavailable("hiccup")
        return ["bash"]

    with running(Pool(sandbox.launch, languages, 1, 1)) as pool:
        assert eventually(lambda: idle(pool) == 1)
        first = sandbox.containers()

        assert eventually(lambda: rounds > 3)

        assert idle(pool) == 1
        assert sandbox.containers() == first


def test_failed_launch_is_retried_with_backoff() -> None:
    attempts: list[str] = []
    pool = Pool(lambda language: _fail(attempts, language), lambda: ["bash", "c"], 1, 1)

    with running(pool):
        # Both languages are tried: the one that fails is put back, not tried over and over
        assert eventually(lambda: set(attempts) == {"bash", "c"})
        assert len(attempts) <= 4
        assert pool.take("bash") is None


def _fail(attempts: list[str], language: str) -> Container:
    attempts.append(language)
    raise EngineUnavailable("down")


def test_backoff_is_bounded_after_many_failures() -> None:
    pool = Pool(lambda language: _fail([], language), lambda: ["bash"], 1, 1)

    for _ in range(2_000):
        pool._launch_in_advance("bash")

    assert pool._languages["bash"].retry_at - pool_module.time.monotonic() <= 30
    assert pool.stats()["bash"].failures == 2_000


def test_launch_for_a_job_ends_the_backoff() -> None:
    pool = Pool(lambda language: _fail([], language), lambda: ["bash"], 1, 1)
    pool._launch_in_advance("bash")
    assert pool._languages["bash"].retry_at > pool_module.time.monotonic()

    pool.record_launch("bash", 0.2)

    assert pool._languages["bash"].retry_at < pool_module.time.monotonic()


def test_pool_stops_launching_when_memory_is_low_and_empties_when_critical(
    sandbox: SandboxFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.1)
    memory = FakeMemory()
    with running(Pool(sandbox.launch, lambda: ["bash"], 1, 1, memory)) as pool:
        assert eventually(lambda: idle(pool) == 1)

        memory.low = True
        assert eventually(lambda: pool._memory_is_low)
        use(pool, times=1)
        assert eventually(lambda: sandbox.containers() == [])
        assert idle(pool) == 0

        memory.low = False
        assert eventually(lambda: idle(pool) == 1)

        memory.low = memory.critical = True
        assert eventually(lambda: sandbox.containers() == [])


def test_stats_count_hits_misses_and_launches(sandbox: SandboxFixture) -> None:
    with running(Pool(sandbox.launch, lambda: ["bash"], 1, 1)) as pool:
        assert eventually(lambda: idle(pool) == 1)
        use(pool, times=2)
        pool.record_launch("bash", 0.5)

        stats = pool.stats()["bash"]

        assert (stats.hits, stats.misses, stats.launches, stats.launch_seconds) == (1, 1, 1, 0.5)


def test_pool_launches_two_languages_concurrently() -> None:
    # Each launch waits for the other one
    both = threading.Barrier(2, timeout=patient(10))

    def meet(language: str) -> Container:
        both.wait()
        raise EngineUnavailable("met")

    with running(Pool(meet, lambda: ["bash", "c"], 1, 1)) as pool:
        assert eventually(lambda: sum(stats.failures for stats in pool.stats().values()) >= 2)
        assert not both.broken


def test_take_does_not_wait_for_a_launch_that_hangs() -> None:
    started, release = threading.Event(), threading.Event()

    def hang(language: str) -> Container:
        started.set()
        release.wait(30)
        raise EngineUnavailable("at last")

    with running(Pool(hang, lambda: ["bash"], 1, 1)) as pool:
        assert started.wait(patient(5))

        assert pool.take("bash") is None
        pool.refill()
        release.set()


def test_stop_during_a_launch_leaves_no_container(sandbox: SandboxFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    # The launch takes longer than the pool waits for it at the end
    monkeypatch.setattr(pool_module, "_STOP_SECONDS", 0.1)
    started, release = threading.Event(), threading.Event()

    def late(language: str) -> Container:
        started.set()
        release.wait(30)
        return sandbox.launch(language)

    pool = Pool(late, lambda: ["bash"], 1, 1)
    pool.start()
    assert started.wait(patient(5))

    pool.stop()
    release.set()

    assert eventually(lambda: not any(thread.is_alive() for thread in pool._threads))
    assert eventually(lambda: sandbox.containers() == [])
    assert idle(pool) == 0


def test_pool_can_be_stopped_without_being_started() -> None:
    Pool(lambda language: _fail([], language), list, 1, 1).stop()


def test_job_with_another_disk_size_gets_a_new_container() -> None:
    with open_sandbox_fixture(pool_floor=1, pool_ceiling=1) as warm:
        assert eventually(lambda: idle(warm.container_sandbox._pool) == 1, within_seconds=30)
        idle_before = idle_ids(warm)

        result = warm.run(job("bash", "df --output=size -B1 /work | tail -1", disk_bytes=2 * 1024 * 1024))

        assert result.text.strip() == str(2 * 1024 * 1024)
        assert idle_ids(warm) == idle_before


def test_idle_container_gets_the_limits_of_the_job() -> None:
    with open_sandbox_fixture(pool_floor=1, pool_ceiling=1) as warm:
        assert eventually(lambda: idle(warm.container_sandbox._pool) == 1, within_seconds=30)
        (waiting,) = warm.container_sandbox._pool._languages["bash"]._idle

        result = warm.run(job("bash", SHOW_LIMITS, memory_bytes=48 * 1024 * 1024, processes=20))

        assert result.text.split() == [str(48 * 1024 * 1024), "21"]
        assert waiting.fileno() == -1  # the idle container was used: its connection is closed


def test_language_outside_of_always_warm_is_filled_after_its_first_use(sandbox: SandboxFixture) -> None:
    languages = ["bash", "c"]
    with running(Pool(sandbox.launch, lambda: languages, 1, 2, always_warm={"bash"})) as pool:
        assert eventually(lambda: idle(pool) == 1)
        assert idle(pool, "c") == 0
        assert pool.take("c") is None
        pool.refill()
        assert eventually(lambda: idle(pool, "c") >= 1)
