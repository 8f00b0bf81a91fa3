"""Ids are drawn many at a time, and still nobody has the same twice."""

from __future__ import annotations

import multiprocessing
import re
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from app.wiring.ids import new_id


def _tell(pipe: Connection) -> None:
    pipe.send([new_id() for _ in range(300)])


def test_an_id_is_128_bits_in_hexadecimal() -> None:
    assert all(re.fullmatch("[0-9a-f]{32}", new_id()) for _ in range(300))


def test_no_thread_gets_the_id_of_another() -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: new_id(), range(20_000)))

    assert len(set(ids)) == 20_000


def test_a_forked_child_goes_on_with_ids_of_its_own() -> None:
    new_id()
    fork = multiprocessing.get_context("fork")
    told, tells = fork.Pipe(duplex=False)
    child = fork.Process(target=_tell, args=(tells,))
    child.start()
    of_child = told.recv()
    child.join()

    assert not set(of_child) & {new_id() for _ in range(300)}
