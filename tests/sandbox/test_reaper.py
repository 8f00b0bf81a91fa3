"""Which containers the reaper takes, on a real engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.core.errors import EngineUnavailable
from app.sandbox.engine.errors import EngineResponseError
from app.sandbox.reaper import remove_orphans
from app.sandbox.template import LABEL
from tests.sandbox.arena import Arena, eventually, open_arena

pytestmark = pytest.mark.docker

HOUR = 3600


@pytest.fixture
def yard(arena: Arena) -> Iterator[Arena]:
    """A namespace where nothing else lives."""
    with open_arena(pool_floor=0, pool_ceiling=0) as opened:
        yield opened


def test_what_a_dead_worker_created_and_never_started_is_removed(yard: Arena) -> None:
    yard.create("dead")

    removed = remove_orphans(yard.engine, yard.namespace, lambda worker: worker != "dead", now=time.time() + HOUR)

    assert removed == 1
    assert yard.containers() == []


def test_what_a_dead_worker_left_running_is_removed(yard: Arena) -> None:
    # Given a container whose engine kept it though its worker is not known any more
    with closing(yard.launch("bash")):
        assert remove_orphans(yard.engine, yard.namespace, lambda worker: False, now=time.time() + HOUR) == 1

        assert eventually(lambda: yard.containers() == [])


def test_a_living_workers_containers_are_left_alone(yard: Arena) -> None:
    with closing(yard.launch("bash")) as waiting:
        assert remove_orphans(yard.engine, yard.namespace, lambda worker: True, now=time.time() + HOUR) == 0

        assert waiting.is_alive()


def test_what_a_living_worker_has_lost_before_its_start_is_removed_late(yard: Arena) -> None:
    lost = yard.create("alive")

    assert remove_orphans(yard.engine, yard.namespace, lambda worker: True, now=time.time() + 120) == 0
    assert yard.containers() == [lost]
    assert remove_orphans(yard.engine, yard.namespace, lambda worker: True, now=time.time() + HOUR) == 1
    assert yard.containers() == []


def test_a_young_container_is_left_alone_whoever_made_it(yard: Arena) -> None:
    young = yard.create("not heard of yet")

    assert remove_orphans(yard.engine, yard.namespace, lambda worker: False) == 0
    assert yard.containers() == [young]


def test_another_namespace_is_left_alone(yard: Arena) -> None:
    foreign = yard.create("dead")

    assert remove_orphans(yard.engine, f"{yard.namespace}-other", lambda worker: False, now=time.time() + HOUR) == 0
    assert remove_orphans(yard.engine, yard.namespace[:-1], lambda worker: False, now=time.time() + HOUR) == 0
    assert yard.containers() == [foreign]


def test_without_knowledge_of_who_lives_nothing_is_removed(yard: Arena) -> None:
    unknown = yard.create("dead")

    def no_answer(worker: str) -> bool:
        raise ConnectionError("the store is down")

    with pytest.raises(ConnectionError):
        remove_orphans(yard.engine, yard.namespace, no_answer, now=time.time() + HOUR)
    assert yard.containers() == [unknown]


def test_one_that_the_engine_refuses_to_remove_keeps_no_other_one(yard: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given two orphans, of which the engine does not let go of the first that it lists
    for _ in range(2):
        yard.create("dead")
    stuck, other = (container.id for container in yard.engine.list_containers(f"{LABEL}={yard.namespace}"))
    remove = yard.engine.remove_container

    def refuse(container_id: str) -> None:
        if container_id == stuck:
            raise EngineUnavailable("remove: device or resource busy") from EngineResponseError(500, b"busy")
        remove(container_id)

    monkeypatch.setattr(yard.engine, "remove_container", refuse)

    # When the reaper comes, then the other one is gone
    assert remove_orphans(yard.engine, yard.namespace, lambda worker: False, now=time.time() + HOUR) == 1
    assert [container.id for container in yard.engine.list_containers(f"{LABEL}={yard.namespace}")] == [stuck]

    # And the first one goes as soon as it can
    monkeypatch.undo()
    assert remove_orphans(yard.engine, yard.namespace, lambda worker: False, now=time.time() + HOUR) == 1
    assert other != stuck


def test_a_container_ends_with_its_connection_even_if_it_is_started_only_afterwards(yard: Arena) -> None:
    """A worker that dies, or gives up waiting, between attach and start leaves nothing for the reaper."""
    container_id = yard.create("dead")
    yard.engine.attach(container_id).close()

    yard.engine.start_container(container_id)

    assert eventually(lambda: yard.containers() == [])
