"""The pool of warm containers, with real ones wherever their life matters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from app.core.errors import EngineUnavailable
from app.sandbox import language_pool as demand_module
from app.sandbox import pool as pool_module
from app.sandbox.container import Container
from app.sandbox.host_memory import HostMemory
from app.sandbox.pool import Pool
from tests.sandbox.arena import Arena, eventually, job, open_arena

pytestmark = pytest.mark.docker


@contextmanager
def running(pool: Pool) -> Iterator[Pool]:
    pool.start()
    try:
        yield pool
    finally:
        pool.stop()


@pytest.fixture
def bash_pool(arena: Arena) -> Iterator[Callable[[int, int], Pool]]:
    """Opens a running pool of bash containers with the given floor and ceiling."""
    with ExitStack() as stack:
        yield lambda floor, ceiling: stack.enter_context(running(Pool(arena.launch, lambda: ["bash"], floor, ceiling)))
    assert eventually(lambda: arena.containers() == [])


def idle(pool: Pool, language: str = "bash") -> int:
    stats = pool.stats().get(language)
    return 0 if stats is None else stats.idle


def use(pool: Pool, times: int) -> None:
    """So many jobs that take a container and end at once."""
    for _ in range(times):
        if (taken := pool.take("bash")) is not None:
            taken.close()
        pool.refill()


class Memory(HostMemory):
    """As much of it as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.short = self.dire = False

    def is_low(self) -> bool:
        return self.short

    def is_critical(self) -> bool:
        return self.dire


def test_it_fills_to_its_floor_and_no_further(arena: Arena, bash_pool: Callable[[int, int], Pool]) -> None:
    pool = bash_pool(2, 3)

    assert eventually(lambda: idle(pool) == 2)
    assert len(arena.containers()) == 2


def test_the_more_a_language_is_used_the_more_wait_up_to_the_ceiling(bash_pool: Callable[[int, int], Pool]) -> None:
    pool = bash_pool(1, 3)
    assert eventually(lambda: idle(pool) == 1)

    use(pool, times=1)

    assert eventually(lambda: idle(pool) == 2)

    use(pool, times=60)

    assert eventually(lambda: idle(pool) == 3)
    assert pool.stats()["bash"].target == 3


def test_it_refills_though_the_job_that_took_one_goes_on_and_on(bash_pool: Callable[[int, int], Pool]) -> None:
    pool = bash_pool(1, 1)
    assert eventually(lambda: idle(pool) == 1)

    taken = pool.take("bash")  # and job_ended() never comes

    assert taken is not None
    # Well before the next regular round of five seconds would have looked
    assert eventually(lambda: idle(pool) == 1, within_seconds=3)
    taken.close()


def test_one_that_died_waiting_is_passed_over(arena: Arena, bash_pool: Callable[[int, int], Pool]) -> None:
    pool = bash_pool(2, 2)
    assert eventually(lambda: idle(pool) == 2)
    # Given the one that would be next is dead
    oldest = min(arena.containers(), key=lambda container_id: arena.inspect(container_id)["Created"])
    arena.engine.remove_container(oldest)

    def next_one() -> Container:
        taken = pool.take("bash")
        assert taken is not None
        return taken

    taken = next_one()

    assert taken.id != oldest
    assert taken.is_alive()
    taken.close()


def test_one_that_dies_waiting_is_replaced(
    arena: Arena, bash_pool: Callable[[int, int], Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.2)
    pool = bash_pool(1, 1)
    assert eventually(lambda: idle(pool) == 1)
    (first,) = arena.containers()

    arena.engine.remove_container(first)

    assert eventually(lambda: len(arena.containers()) == 1 and arena.containers() != [first] and idle(pool) == 1)


def test_what_is_too_many_goes_when_the_language_is_no_longer_in_use(
    arena: Arena, bash_pool: Callable[[int, int], Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.2)
    pool = bash_pool(1, 3)
    use(pool, times=60)
    assert eventually(lambda: idle(pool) == 3)

    monkeypatch.setattr(demand_module, "IN_USE_SECONDS", 0.0)

    assert eventually(lambda: idle(pool) == 1)
    assert eventually(lambda: len(arena.containers()) == 1)


def test_a_language_whose_image_is_gone_is_no_longer_kept(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.2)
    languages = ["bash"]
    with running(Pool(arena.launch, lambda: languages, 1, 1)) as pool:
        assert eventually(lambda: idle(pool) == 1)

        languages.clear()

        assert eventually(lambda: idle(pool) == 0)
        assert eventually(lambda: arena.containers() == [])


def test_an_engine_that_cannot_list_its_images_costs_no_warm_container(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.05)
    rounds = 0

    def languages() -> list[str]:
        nonlocal rounds
        rounds += 1
        if rounds > 1:
            raise EngineUnavailable("hiccup")
        return ["bash"]

    with running(Pool(arena.launch, languages, 1, 1)) as pool:
        assert eventually(lambda: idle(pool) == 1)
        first = arena.containers()

        assert eventually(lambda: rounds > 3)

        assert idle(pool) == 1
        assert arena.containers() == first


def test_a_launch_that_fails_is_tried_again_later_and_later() -> None:
    attempts: list[str] = []
    pool = Pool(lambda language: _refuse(attempts, language), lambda: ["bash", "c"], 1, 1)

    with running(pool):
        # Both languages are tried: the one that fails is put back, not tried over and over
        assert eventually(lambda: set(attempts) == {"bash", "c"})
        assert len(attempts) <= 4
        assert pool.take("bash") is None


def _refuse(attempts: list[str], language: str) -> Container:
    attempts.append(language)
    raise EngineUnavailable("down")


def test_a_thousand_failures_do_not_end_the_pool() -> None:
    pool = Pool(lambda language: _refuse([], language), lambda: ["bash"], 1, 1)

    for _ in range(2_000):
        pool._launch_in_advance("bash")

    assert pool._languages["bash"].retry_at - pool_module.time.monotonic() <= 30
    assert pool.stats()["bash"].failures == 2_000


def test_a_container_made_for_a_job_tells_that_the_engine_is_back() -> None:
    pool = Pool(lambda language: _refuse([], language), lambda: ["bash"], 1, 1)
    pool._launch_in_advance("bash")
    assert pool._languages["bash"].retry_at > pool_module.time.monotonic()

    pool.record_launch("bash", 0.2)

    assert pool._languages["bash"].retry_at < pool_module.time.monotonic()


def test_nothing_is_made_while_the_hosts_memory_is_low_and_all_goes_when_it_is_critical(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.1)
    memory = Memory()
    with running(Pool(arena.launch, lambda: ["bash"], 1, 1, memory)) as pool:
        assert eventually(lambda: idle(pool) == 1)

        memory.short = True
        assert eventually(lambda: pool._memory_is_low)
        use(pool, times=1)
        assert eventually(lambda: arena.containers() == [])
        assert idle(pool) == 0

        memory.short = False
        assert eventually(lambda: idle(pool) == 1)

        memory.short = memory.dire = True
        assert eventually(lambda: arena.containers() == [])


def test_the_figures_tell_what_happened(arena: Arena) -> None:
    with running(Pool(arena.launch, lambda: ["bash"], 1, 1)) as pool:
        assert eventually(lambda: idle(pool) == 1)
        use(pool, times=2)
        pool.record_launch("bash", 0.5)

        figures = pool.stats()["bash"]

        assert (figures.hits, figures.misses, figures.launches, figures.launch_seconds) == (1, 1, 1, 0.5)


def test_several_languages_are_filled_side_by_side() -> None:
    # Given two launches of which each waits for the other
    both = threading.Barrier(2, timeout=10)

    def meet(language: str) -> Container:
        both.wait()
        raise EngineUnavailable("met")

    with running(Pool(meet, lambda: ["bash", "c"], 1, 1)) as pool:
        assert eventually(lambda: sum(figures.failures for figures in pool.stats().values()) >= 2)
        assert not both.broken


def test_nobody_waits_for_a_launch_that_hangs() -> None:
    # Given a pool in the middle of a launch that does not come back
    began, release = threading.Event(), threading.Event()

    def hang(language: str) -> Container:
        began.set()
        release.wait(30)
        raise EngineUnavailable("at last")

    with running(Pool(hang, lambda: ["bash"], 1, 1)) as pool:
        assert began.wait(5)

        # Then a job gets its answer at once: none is there
        assert pool.take("bash") is None
        pool.refill()
        release.set()


def test_a_stop_in_the_middle_of_a_launch_leaves_nothing(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a launch that ends only after the pool has been told to stop, and not within its patience
    monkeypatch.setattr(pool_module, "_STOP_SECONDS", 0.1)
    began, release = threading.Event(), threading.Event()

    def late(language: str) -> Container:
        began.set()
        release.wait(30)
        return arena.launch(language)

    pool = Pool(late, lambda: ["bash"], 1, 1)
    pool.start()
    assert began.wait(5)

    pool.stop()
    release.set()

    assert eventually(lambda: not any(thread.is_alive() for thread in pool._threads))
    assert eventually(lambda: arena.containers() == [])
    assert idle(pool) == 0


def test_a_pool_that_was_never_started_can_be_stopped() -> None:
    Pool(lambda language: _refuse([], language), list, 1, 1).stop()


def test_a_job_with_a_disk_of_its_own_leaves_the_warm_container_to_others() -> None:
    with open_arena(pool_floor=1, pool_ceiling=1) as warm:
        assert eventually(lambda: idle(warm.sandbox._pool) == 1, within_seconds=30)
        mine = {container.id for container in warm.sandbox._pool._languages["bash"]._idle}

        ran = warm.run(job("bash", "df --output=size -B1 /work | tail -1", disk_bytes=2 * 1024 * 1024))

        assert ran.text.strip() == str(2 * 1024 * 1024)
        assert {container.id for container in warm.sandbox._pool._languages["bash"]._idle} == mine


def test_limits_of_its_own_reach_a_warm_container() -> None:
    with open_arena(pool_floor=1, pool_ceiling=1) as warm:
        assert eventually(lambda: idle(warm.sandbox._pool) == 1, within_seconds=30)
        (waiting,) = warm.sandbox._pool._languages["bash"]._idle
        show = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>&-"
        show += "; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>&-; true"

        ran = warm.run(job("bash", show, memory_bytes=48 * 1024 * 1024, processes=20))

        assert ran.text.split() == [str(48 * 1024 * 1024), "22"]
        assert waiting.fileno() == -1  # it was that one: its connection is closed


def test_a_language_that_is_not_kept_warm_is_so_only_once_it_was_used(arena: Arena) -> None:
    # Given a pool in which one of two languages has the floor
    languages = ["bash", "c"]
    with running(Pool(arena.launch, lambda: languages, 1, 2, always_warm={"bash"})) as pool:
        assert eventually(lambda: idle(pool) == 1)
        assert idle(pool, "c") == 0
        # When the other is used for the first time
        assert pool.take("c") is None
        pool.refill()
        # Then it is kept warm as well
        assert eventually(lambda: idle(pool, "c") >= 1)
