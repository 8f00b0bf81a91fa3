"""A reply always belongs to the command it is read for."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
import redis

from app.broker.wire import ThreadWire, wire_of


@pytest.fixture
def wire(client: redis.Redis) -> ThreadWire:
    made = wire_of(redis.Redis(connection_pool=redis.ConnectionPool(**client.connection_pool.connection_kwargs)))
    assert isinstance(made, ThreadWire)
    return made


def test_an_interrupted_thread_never_reads_another_commands_reply(url: str) -> None:
    # In a process of its own: the interrupts also hit finalizers, which pytest watches.
    command = [sys.executable, "-m", "tests.broker.interrupted_wire", url]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)

    assert ran.stdout == "200 interrupts, 0 wrong replies\n"


def test_a_connection_the_server_closed_while_idle_is_opened_again(wire: ThreadWire, client: redis.Redis) -> None:
    number = wire.execute("CLIENT", "ID")
    client.client_kill_filter(_id=number)

    assert wire.execute("PING") == b"PONG"
    assert wire.execute("CLIENT", "ID") != number


def test_an_error_reply_leaves_the_connection_open(wire: ThreadWire) -> None:
    number = wire.execute("CLIENT", "ID")

    with pytest.raises(redis.ResponseError):
        wire.execute("NO-SUCH-COMMAND")

    assert wire.execute("CLIENT", "ID") == number


def test_each_thread_has_a_connection_that_ends_with_it(wire: ThreadWire, client: redis.Redis) -> None:
    numbers = [wire.execute("CLIENT", "ID")]
    thread = threading.Thread(target=lambda: numbers.append(wire.execute("CLIENT", "ID")))
    thread.start()
    thread.join()

    assert numbers[0] != numbers[1]
    while client.client_list(client_id=[numbers[1]]):
        pass


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_does_not_speak_on_its_parents_connection(wire: ThreadWire) -> None:
    parents = wire.execute("CLIENT", "ID")
    if not (pid := os.fork()):
        os._exit(0 if wire.execute("CLIENT", "ID") != parents else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert wire.execute("CLIENT", "ID") == parents
